CREATE TYPE color AS (r int, g int, b int);
