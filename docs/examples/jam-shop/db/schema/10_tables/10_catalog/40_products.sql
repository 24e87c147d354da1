CREATE TABLE catalog.products (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku          text NOT NULL UNIQUE,
    recipe_id    integer NOT NULL REFERENCES catalog.recipes (id),
    name         text NOT NULL,
    net_weight   kitchen.grams NOT NULL,
    ean          char(13),
    tags         text[] NOT NULL DEFAULT '{}',
    discontinued boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT products_sku_format CHECK (sku ~ '^[A-Z]{3}-[0-9]{3}$'),
    CONSTRAINT products_ean_format CHECK (ean ~ '^[0-9]{13}$')
);

CREATE INDEX products_recipe_id_idx ON catalog.products (recipe_id);
CREATE INDEX products_name_trgm_idx ON catalog.products USING gin (name gin_trgm_ops);
CREATE INDEX products_tags_idx      ON catalog.products USING gin (tags);
CREATE UNIQUE INDEX products_name_on_offer_key
    ON catalog.products (lower(name), net_weight)
    WHERE NOT discontinued;

COMMENT ON TABLE  catalog.products            IS 'A jar of one size, filled by one recipe';
COMMENT ON COLUMN catalog.products.net_weight IS 'Grams of jam in the jar';
