CREATE TABLE kitchen.kettles (
    id       smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL UNIQUE,
    capacity kitchen.grams NOT NULL
);

COMMENT ON TABLE kitchen.kettles IS 'The copper kettles, by the names that the cooks gave them';
