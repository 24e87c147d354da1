CREATE TABLE kitchen.suppliers (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    email      sales.email NOT NULL,
    country    sales.country_code NOT NULL,
    organic    boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE kitchen.suppliers IS 'Farms and wholesalers that we buy from';
