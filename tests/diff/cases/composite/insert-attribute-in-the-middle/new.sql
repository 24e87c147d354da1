CREATE TYPE span AS (from_day date, label text, to_day date);
CREATE FUNCTION days(s span) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT (s).to_day - (s).from_day $$;
