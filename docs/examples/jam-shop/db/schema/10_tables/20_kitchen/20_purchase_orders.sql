CREATE TABLE kitchen.purchase_orders (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    supplier_id integer NOT NULL REFERENCES kitchen.suppliers (id),
    ordered_on  date NOT NULL DEFAULT current_date,
    received_on date,
    note        text,

    CONSTRAINT purchase_orders_received_after_ordered CHECK (received_on >= ordered_on)
);

CREATE INDEX purchase_orders_supplier_id_idx ON kitchen.purchase_orders (supplier_id, ordered_on DESC);
CREATE INDEX purchase_orders_open_idx        ON kitchen.purchase_orders (ordered_on) WHERE received_on IS NULL;
