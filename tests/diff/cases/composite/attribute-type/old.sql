CREATE TYPE money_amount AS (amount numeric(10,2), currency char(3));
