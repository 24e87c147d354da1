CREATE FUNCTION greet(name text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
  -- politely
  RETURN 'Dear ' || name;
END $$;
