CREATE TABLE t (a integer, b character varying(10), c numeric(5,2), d timestamp with time zone, e boolean, f double precision, g character(3), h bigint);
