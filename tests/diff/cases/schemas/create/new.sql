CREATE SCHEMA billing;
COMMENT ON SCHEMA billing IS 'invoices and payments';
CREATE TABLE billing.invoices (id bigint PRIMARY KEY, total numeric(12,2) NOT NULL);
