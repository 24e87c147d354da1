CREATE TABLE t (s text, CONSTRAINT s_ok CHECK (s = ANY (ARRAY['a'::text, 'b'::text])));
