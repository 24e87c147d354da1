CREATE TABLE settings (id int PRIMARY KEY, amount text NOT NULL DEFAULT '5');
