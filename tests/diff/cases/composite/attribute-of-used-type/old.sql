CREATE TYPE dims AS (w int, h int);
CREATE FUNCTION area(d dims) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT (d).w * (d).h $$;
CREATE FUNCTION unit() RETURNS dims LANGUAGE sql IMMUTABLE AS $$ SELECT ROW(1, 1)::dims $$;
