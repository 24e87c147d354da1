CREATE TABLE notes (id int PRIMARY KEY, team bigint);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY team ON notes USING (team > 3);
COMMENT ON POLICY team ON notes IS 'kept';
