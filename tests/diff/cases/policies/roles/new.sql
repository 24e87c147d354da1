CREATE TABLE notes (id int PRIMARY KEY);
CREATE POLICY see ON notes FOR SELECT TO reader, auditor USING (true);
