CREATE TABLE sales.payments (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id    bigint NOT NULL REFERENCES sales.orders (id),
    method      sales.payment_method NOT NULL,
    amount      numeric(12, 2) NOT NULL,
    reference   text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    details     jsonb NOT NULL DEFAULT '{}',

    UNIQUE (method, reference),
    CONSTRAINT payments_amount_is_not_zero    CHECK (amount <> 0),
    CONSTRAINT payments_details_is_an_object CHECK (jsonb_typeof(details) = 'object')
);

CREATE INDEX payments_order_id_idx ON sales.payments (order_id);

COMMENT ON COLUMN sales.payments.amount IS 'Euros; below zero for a refund';
