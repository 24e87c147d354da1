CREATE TABLE t (id int PRIMARY KEY, n int);
CREATE VIEW v AS
    -- all of them
    SELECT t.id, t.n FROM public.t WHERE (n IS NULL);
