CREATE TYPE pair AS (a int, b int);
CREATE DOMAIN d AS int;
CREATE TABLE t (a int, b int);
CREATE STATISTICS st ON a, b FROM t;
