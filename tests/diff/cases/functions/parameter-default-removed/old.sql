CREATE FUNCTION f(a int, b int DEFAULT 5) RETURNS int LANGUAGE sql AS $$ SELECT a + b $$;
