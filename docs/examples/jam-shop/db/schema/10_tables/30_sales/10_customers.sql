CREATE TABLE sales.customers (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email      sales.email NOT NULL UNIQUE,
    name       text NOT NULL,
    newsletter boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT customers_name_is_not_blank CHECK (btrim(name) <> '')
);
