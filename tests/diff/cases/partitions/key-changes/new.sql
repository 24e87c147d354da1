CREATE TABLE events (id int, at date) PARTITION BY HASH (id);
