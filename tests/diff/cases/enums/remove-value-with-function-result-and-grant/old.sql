CREATE TYPE level AS ENUM ('low', 'high', 'unknown');
CREATE FUNCTION level_of(n int) RETURNS level LANGUAGE sql AS $$ SELECT CASE WHEN n > 5 THEN 'high'::level ELSE 'low' END $$;
REVOKE ALL ON FUNCTION level_of(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION level_of(int) TO reader;
COMMENT ON FUNCTION level_of(int) IS 'how high';
