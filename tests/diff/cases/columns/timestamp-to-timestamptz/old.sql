CREATE TABLE visits (id int PRIMARY KEY, at timestamp NOT NULL DEFAULT now());
