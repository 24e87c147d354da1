CREATE TABLE sales.shipments (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id     bigint NOT NULL REFERENCES sales.orders (id),
    carrier      text NOT NULL,
    tracking     text,
    shipped_at   timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz,

    UNIQUE (carrier, tracking),
    CONSTRAINT shipments_delivered_after_shipped CHECK (delivered_at >= shipped_at)
);

CREATE INDEX shipments_order_id_idx  ON sales.shipments (order_id);
CREATE INDEX shipments_under_way_idx ON sales.shipments (shipped_at) WHERE delivered_at IS NULL;
