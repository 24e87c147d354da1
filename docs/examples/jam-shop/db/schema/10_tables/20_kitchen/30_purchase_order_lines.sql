CREATE TABLE kitchen.purchase_order_lines (
    purchase_order_id bigint NOT NULL REFERENCES kitchen.purchase_orders (id) ON DELETE CASCADE,
    line              smallint NOT NULL,
    fruit_id          integer NOT NULL REFERENCES catalog.fruits (id),
    weight            kitchen.grams NOT NULL,
    price_per_kg      catalog.price NOT NULL,
    amount            numeric(12, 2) NOT NULL GENERATED ALWAYS AS (round(weight * price_per_kg / 1000, 2)) STORED,

    PRIMARY KEY (purchase_order_id, line)
);

CREATE INDEX purchase_order_lines_fruit_id_idx ON kitchen.purchase_order_lines (fruit_id);
