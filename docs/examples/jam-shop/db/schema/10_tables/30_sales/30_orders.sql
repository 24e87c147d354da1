CREATE TABLE sales.orders (
    id          bigint GENERATED ALWAYS AS IDENTITY (START WITH 1001) PRIMARY KEY,
    number      text NOT NULL GENERATED ALWAYS AS ('JAM-' || id::text) STORED UNIQUE,
    customer_id bigint NOT NULL REFERENCES sales.customers (id),
    address_id  bigint NOT NULL,
    status      sales.order_status NOT NULL DEFAULT 'cart',
    placed_at   timestamptz,
    gift_note   text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),

    FOREIGN KEY (customer_id, address_id) REFERENCES sales.addresses (customer_id, id),
    CONSTRAINT orders_placed_at_when_placed CHECK (status IN ('cart', 'cancelled') OR placed_at IS NOT NULL)
);

CREATE INDEX orders_customer_id_idx ON sales.orders (customer_id, address_id);
CREATE INDEX orders_to_ship_idx     ON sales.orders (placed_at) WHERE status = 'paid';

COMMENT ON COLUMN sales.orders.number IS 'What customers quote on the telephone';
