CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple, accept = false);
COMMENT ON TEXT SEARCH DICTIONARY plain IS 'no stop words';
