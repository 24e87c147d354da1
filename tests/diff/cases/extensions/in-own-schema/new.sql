CREATE SCHEMA ext;
CREATE EXTENSION hstore SCHEMA ext;
CREATE TABLE props (id int PRIMARY KEY, attrs ext.hstore);
