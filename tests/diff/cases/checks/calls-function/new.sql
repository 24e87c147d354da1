CREATE FUNCTION iban_ok(v text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN length(v) > 10; END $$;
CREATE TABLE t (id int PRIMARY KEY, iban text CONSTRAINT iban_valid CHECK (iban_ok(iban)));
