CREATE TABLE polls (id int PRIMARY KEY, votes int[] NOT NULL DEFAULT '{}');
