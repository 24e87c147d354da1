CREATE DOMAIN counter AS int DEFAULT 0 NOT NULL;
CREATE TABLE pages (id int PRIMARY KEY, hits counter);
