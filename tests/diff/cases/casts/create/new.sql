CREATE TYPE color AS (r int, g int, b int);
CREATE FUNCTION color_text(c color) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'rgb' $$;
CREATE CAST (color AS text) WITH FUNCTION color_text(color) AS ASSIGNMENT;
COMMENT ON CAST (color AS text) IS 'css';
