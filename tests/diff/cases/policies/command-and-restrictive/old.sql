CREATE TABLE notes (id int PRIMARY KEY);
CREATE POLICY see ON notes FOR SELECT USING (id > 0);
COMMENT ON POLICY see ON notes IS 'positive';
