CREATE FUNCTION tax(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n / 10 $$;
CREATE TABLE items (id int PRIMARY KEY, price int, t int GENERATED ALWAYS AS (tax(price)) STORED);
