CREATE TABLE log (id int, msg text);
