CREATE TABLE sales.order_items (
    order_id   bigint NOT NULL REFERENCES sales.orders (id) ON DELETE CASCADE,
    product_id integer NOT NULL REFERENCES catalog.products (id),
    quantity   integer NOT NULL,
    unit_price catalog.price NOT NULL,
    amount     numeric(12, 2) NOT NULL GENERATED ALWAYS AS (quantity * unit_price) STORED,

    PRIMARY KEY (order_id, product_id),
    CONSTRAINT order_items_quantity_is_sane CHECK (quantity BETWEEN 1 AND 500)
);

CREATE INDEX order_items_product_id_idx ON sales.order_items (product_id);

COMMENT ON COLUMN sales.order_items.unit_price IS 'The price on the day of the order: a later price does not change it';
