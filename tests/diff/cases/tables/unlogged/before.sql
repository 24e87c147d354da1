INSERT INTO cache_entries VALUES ('a', '1');
