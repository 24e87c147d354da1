CREATE TABLE e (id int, kind text, val int) PARTITION BY LIST (kind);
CREATE TABLE e_a PARTITION OF e FOR VALUES IN ('a');
