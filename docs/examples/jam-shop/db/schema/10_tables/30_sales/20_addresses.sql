CREATE TABLE sales.addresses (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES sales.customers (id) ON DELETE CASCADE,
    street      text NOT NULL,
    postal_code text NOT NULL,
    city        text NOT NULL,
    country     sales.country_code NOT NULL DEFAULT 'FR',
    is_default  boolean NOT NULL DEFAULT false,

    -- Lets an order refer to an address of its own customer only.
    UNIQUE (customer_id, id)
);

CREATE UNIQUE INDEX addresses_one_default_key ON sales.addresses (customer_id) WHERE is_default;
