CREATE TABLE events (id int, body text);
