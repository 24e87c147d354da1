CREATE TABLE members (team int, who text);
CREATE TABLE notes (id int PRIMARY KEY, team int);
CREATE FUNCTION my_teams() RETURNS SETOF int LANGUAGE sql STABLE SECURITY DEFINER AS $$ SELECT team FROM members WHERE who = current_user $$;
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY team ON notes USING (team IN (SELECT my_teams()));
