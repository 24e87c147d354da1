CREATE TABLE catalog.product_prices (
    product_id integer NOT NULL REFERENCES catalog.products (id) ON DELETE CASCADE,
    valid      daterange NOT NULL,
    price      catalog.price NOT NULL,

    PRIMARY KEY (product_id, valid),
    CONSTRAINT product_prices_valid_is_not_empty CHECK (NOT isempty(valid)),
    CONSTRAINT product_prices_do_not_overlap EXCLUDE USING gist (product_id WITH =, valid WITH &&)
);

COMMENT ON TABLE catalog.product_prices IS 'What a jar costs in euros, and when: at most one price on any day';
