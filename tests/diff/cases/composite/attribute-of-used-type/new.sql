CREATE TYPE dims AS (w bigint, h bigint);
CREATE FUNCTION area(d dims) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT (d).w * (d).h $$;
CREATE FUNCTION unit() RETURNS dims LANGUAGE sql IMMUTABLE AS $$ SELECT ROW(1, 1)::dims $$;
