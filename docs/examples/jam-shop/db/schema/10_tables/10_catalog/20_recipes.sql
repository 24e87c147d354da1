CREATE TABLE catalog.recipes (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug         catalog.slug NOT NULL UNIQUE,
    title        text NOT NULL,
    texture      catalog.texture NOT NULL,
    sets_at      kitchen.celsius_range NOT NULL DEFAULT '[104,105.5]',
    yield_grams  kitchen.grams NOT NULL,
    nutrition    catalog.nutrition,
    instructions text NOT NULL,
    search       tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', instructions), 'B')
    ) STORED,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX recipes_search_idx ON catalog.recipes USING gin (search);

COMMENT ON TABLE  catalog.recipes             IS 'How a jam is made';
COMMENT ON COLUMN catalog.recipes.sets_at     IS 'Temperatures in degrees Celsius at which the jam sets';
COMMENT ON COLUMN catalog.recipes.yield_grams IS 'What one batch of the recipe weighs in the end';
