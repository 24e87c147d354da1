CREATE TABLE t (s text, CONSTRAINT s_ok CHECK (s IN ('a', 'b')));
