CREATE TABLE ledger (id int PRIMARY KEY, amount numeric);
ALTER TABLE ledger OWNER TO app;
REVOKE DELETE, TRUNCATE ON ledger FROM app;
