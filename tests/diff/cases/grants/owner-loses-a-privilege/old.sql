CREATE TABLE ledger (id int PRIMARY KEY, amount numeric);
ALTER TABLE ledger OWNER TO app;
