CREATE SEQUENCE object_ids;
CREATE TABLE cats (id bigint PRIMARY KEY DEFAULT nextval('object_ids'));
