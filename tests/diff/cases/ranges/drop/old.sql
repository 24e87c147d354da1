CREATE TYPE text_range AS RANGE (subtype = text, collation = "C");
COMMENT ON TYPE text_range IS 'unused';
