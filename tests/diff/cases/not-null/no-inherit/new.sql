CREATE TABLE base (id int CONSTRAINT base_id_not_null NOT NULL NO INHERIT);
