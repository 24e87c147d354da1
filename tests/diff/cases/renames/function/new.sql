CREATE FUNCTION double_of(n int) RETURNS int LANGUAGE sql AS $$ SELECT n * 2 $$;
GRANT EXECUTE ON FUNCTION double_of(int) TO reader;
