CREATE DOMAIN catalog.slug AS text
    CONSTRAINT slug_is_kebab_case CHECK (VALUE ~ '^[a-z0-9]+(-[a-z0-9]+)*$');

COMMENT ON DOMAIN catalog.slug IS 'A name as it stands in an address of the web shop';

CREATE DOMAIN catalog.price AS numeric(8, 2)
    CONSTRAINT price_is_positive CHECK (VALUE > 0);

CREATE DOMAIN kitchen.grams AS integer
    CONSTRAINT grams_are_positive CHECK (VALUE > 0);

CREATE DOMAIN sales.email AS citext
    CONSTRAINT email_has_one_at CHECK (VALUE ~ '^[^@[:space:]]+@[^@[:space:]]+\.[^@[:space:]]+$');

CREATE DOMAIN sales.country_code AS char(2)
    CONSTRAINT country_code_is_iso_3166 CHECK (VALUE ~ '^[A-Z]{2}$');
