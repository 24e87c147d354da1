CREATE SCHEMA i18n;
CREATE COLLATION i18n.bytes (provider = libc, locale = 'C');
CREATE TABLE words (w text COLLATE i18n.bytes);
CREATE INDEX words_w ON words (w);
