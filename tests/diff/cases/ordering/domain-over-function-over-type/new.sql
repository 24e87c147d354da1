CREATE TYPE z_unit AS ENUM ('m', 'ft');
CREATE FUNCTION y_ok(u z_unit) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT u = 'm' $$;
CREATE DOMAIN a_metric AS z_unit CHECK (y_ok(VALUE));
CREATE TYPE b_len AS (v numeric, u a_metric);
