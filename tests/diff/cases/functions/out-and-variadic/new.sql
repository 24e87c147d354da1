CREATE FUNCTION f(OUT a int, OUT b text, OUT c date) LANGUAGE sql AS $$ SELECT 1, 'x', current_date $$;
CREATE FUNCTION sum_of(VARIADIC n int[]) RETURNS bigint LANGUAGE sql AS $$ SELECT sum(x) FROM unnest(n) x $$;
