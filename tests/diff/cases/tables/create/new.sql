CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    balance numeric(12,2) NOT NULL DEFAULT 0 CHECK (balance >= 0),
    opened_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX accounts_opened ON accounts (opened_at DESC);
COMMENT ON TABLE accounts IS 'customers'' money';
