CREATE TABLE notes (id int PRIMARY KEY, who text);
CREATE FUNCTION may(w text) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT w = current_user $$;
CREATE POLICY p ON notes USING (may(who));
