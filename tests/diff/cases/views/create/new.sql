CREATE TABLE users (id int PRIMARY KEY, active boolean);
CREATE VIEW active_users AS SELECT id FROM users WHERE active;
COMMENT ON VIEW active_users IS 'who may log in';
COMMENT ON COLUMN active_users.id IS 'the key';
