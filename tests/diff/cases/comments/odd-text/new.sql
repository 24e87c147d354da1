CREATE TABLE a (id int PRIMARY KEY, "x.y" text);
COMMENT ON TABLE a IS E'it''s\nthree -- lines\n/* long */ with a \\ backslash; and $$';
COMMENT ON COLUMN a."x.y" IS 'ünïcödé 🙂';
