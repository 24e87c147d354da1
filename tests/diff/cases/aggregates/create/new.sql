CREATE FUNCTION concat_step(acc text, v text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT concat_ws(',', acc, v) $$;
CREATE AGGREGATE concat_all(text) (SFUNC = concat_step, STYPE = text);
COMMENT ON AGGREGATE concat_all(text) IS 'joins';
