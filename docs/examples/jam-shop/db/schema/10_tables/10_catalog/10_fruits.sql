CREATE TABLE catalog.fruits (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug       catalog.slug NOT NULL UNIQUE,
    name       text NOT NULL,
    pectin     numeric(3, 2) NOT NULL,
    season     int4range NOT NULL,
    latin_name text,

    CONSTRAINT fruits_pectin_is_percent CHECK (pectin BETWEEN 0 AND 5),
    CONSTRAINT fruits_season_is_months  CHECK (season <@ int4range(1, 12, '[]') AND NOT isempty(season))
);

COMMENT ON TABLE  catalog.fruits        IS 'What a jam is made of';
COMMENT ON COLUMN catalog.fruits.pectin IS 'Pectin in per cent of the weight: below 0.5 a recipe needs some added';
COMMENT ON COLUMN catalog.fruits.season IS 'Months of the harvest, 1 to 12';
