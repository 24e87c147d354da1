CREATE TABLE events (id int, at date);
