CREATE TABLE tenants (id int PRIMARY KEY, name text);
CREATE TABLE docs (id int PRIMARY KEY, body text);
