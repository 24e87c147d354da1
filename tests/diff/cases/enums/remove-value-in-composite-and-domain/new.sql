CREATE TYPE unit AS ENUM ('kg', 'lb');
CREATE TYPE weight AS (amount numeric, unit unit);
CREATE DOMAIN metric AS unit CHECK (VALUE <> 'lb');
CREATE TABLE parcels (id int PRIMARY KEY, unit metric);
