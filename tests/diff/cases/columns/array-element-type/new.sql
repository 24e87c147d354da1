CREATE TABLE polls (id int PRIMARY KEY, votes bigint[] NOT NULL DEFAULT '{}');
