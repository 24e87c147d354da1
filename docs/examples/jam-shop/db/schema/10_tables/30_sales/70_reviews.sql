CREATE TABLE sales.reviews (
    customer_id bigint NOT NULL REFERENCES sales.customers (id) ON DELETE CASCADE,
    product_id  integer NOT NULL REFERENCES catalog.products (id) ON DELETE CASCADE,
    stars       smallint NOT NULL,
    body        text,
    published   boolean NOT NULL DEFAULT false,
    written_at  timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (customer_id, product_id),
    CONSTRAINT reviews_stars_are_one_to_five CHECK (stars BETWEEN 1 AND 5)
);

CREATE INDEX reviews_product_id_idx ON sales.reviews (product_id) INCLUDE (stars) WHERE published;
