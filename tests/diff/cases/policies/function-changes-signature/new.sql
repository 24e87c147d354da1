CREATE TABLE notes (id int PRIMARY KEY, who text);
CREATE FUNCTION may(person text) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT person = current_user $$;
CREATE POLICY p ON notes USING (may(who));
