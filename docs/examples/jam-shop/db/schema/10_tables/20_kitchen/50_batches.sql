CREATE TABLE kitchen.batches (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id  integer NOT NULL REFERENCES catalog.products (id),
    kettle_id   smallint NOT NULL REFERENCES kitchen.kettles (id),
    occupies    tstzrange NOT NULL,
    status      kitchen.batch_status NOT NULL DEFAULT 'planned',
    jars        integer NOT NULL,
    best_before date NOT NULL,

    CONSTRAINT batches_jars_are_positive CHECK (jars > 0),
    CONSTRAINT batches_occupies_is_bounded CHECK (
        NOT isempty(occupies) AND NOT lower_inf(occupies) AND NOT upper_inf(occupies)
    ),
    -- Two jams cannot be in one kettle at once; a batch that was thrown away no longer takes its place.
    CONSTRAINT batches_have_a_kettle_each EXCLUDE USING gist (kettle_id WITH =, occupies WITH &&)
        WHERE (status <> 'discarded')
);

CREATE INDEX batches_product_id_idx ON kitchen.batches (product_id, best_before) WHERE status = 'released';

COMMENT ON TABLE  kitchen.batches          IS 'One cooking of one product';
COMMENT ON COLUMN kitchen.batches.occupies IS 'From when to when the kettle is taken, cleaning included';
