CREATE TABLE notes (id int PRIMARY KEY, owner text);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes FOR UPDATE TO writer USING (owner = current_user) WITH CHECK (owner = current_user);
COMMENT ON POLICY own ON notes IS 'mine';
