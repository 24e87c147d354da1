CREATE TABLE users (id int, tenant int NOT NULL, CONSTRAINT users_pkey PRIMARY KEY (tenant, id));
CREATE TABLE posts (id int PRIMARY KEY, user_id int, tenant int, CONSTRAINT posts_user FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id));
