CREATE TABLE queue (id int PRIMARY KEY) WITH (fillfactor = 90, toast_tuple_target = 4096);
