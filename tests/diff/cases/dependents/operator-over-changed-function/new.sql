CREATE FUNCTION same(l text, r text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT lower(l) = lower(r) $$;
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = same);
CREATE TABLE t (a text, b text, CONSTRAINT differ CHECK (NOT (a === b)));
