CREATE TABLE old_users (id int PRIMARY KEY, n text);
CREATE VIEW everybody AS SELECT id, n FROM old_users;
