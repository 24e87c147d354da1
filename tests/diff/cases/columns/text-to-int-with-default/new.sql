CREATE TABLE settings (id int PRIMARY KEY, amount int NOT NULL DEFAULT 5);
