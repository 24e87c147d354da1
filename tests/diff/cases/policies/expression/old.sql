CREATE TABLE notes (id int PRIMARY KEY, owner text, shared boolean);
CREATE POLICY own ON notes USING (owner = current_user);
