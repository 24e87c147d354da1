CREATE TABLE settings (id int PRIMARY KEY, enabled text);
