CREATE TABLE t (a int, b text);
CREATE INDEX t_i ON public.t USING btree (a ASC NULLS LAST, lower(b)) WHERE ((a > 0) AND (b <> ''::text));
