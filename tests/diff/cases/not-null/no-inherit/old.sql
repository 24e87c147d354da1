CREATE TABLE base (id int NOT NULL);
