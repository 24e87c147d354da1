CREATE TABLE notes (id int PRIMARY KEY, team int);
CREATE POLICY team ON notes USING (team > 3);
