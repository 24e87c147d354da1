CREATE TABLE users (tenant int, id int, PRIMARY KEY (tenant, id));
CREATE TABLE posts (id int PRIMARY KEY, tenant int, author int, CONSTRAINT posts_author FOREIGN KEY (tenant, author) REFERENCES users);
