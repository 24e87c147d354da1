CREATE TABLE t (id int PRIMARY KEY);
COMMENT ON INDEX t_pkey IS 'the index of the key';
COMMENT ON CONSTRAINT t_pkey ON t IS 'the key itself';
