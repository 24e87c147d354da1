CREATE SCHEMA i18n;
CREATE TABLE words (w text);
CREATE INDEX words_w ON words (w);
