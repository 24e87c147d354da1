CREATE COLLATION natural_c (provider = libc, locale = 'C');
COMMENT ON COLLATION natural_c IS 'bytes';
CREATE TABLE names (n text COLLATE natural_c);
