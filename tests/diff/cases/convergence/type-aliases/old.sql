CREATE TABLE t (a int, b varchar(10), c decimal(5,2), d timestamptz, e bool, f float, g char(3), h int8);
