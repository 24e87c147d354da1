CREATE DOMAIN counter AS int;
CREATE TABLE pages (id int PRIMARY KEY, hits counter);
