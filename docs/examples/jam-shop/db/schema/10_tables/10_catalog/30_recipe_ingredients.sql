-- An ingredient is one of our fruits, or anything else by its name: sugar, lemon juice, a vanilla pod.
CREATE TABLE catalog.recipe_ingredients (
    recipe_id integer NOT NULL REFERENCES catalog.recipes (id) ON DELETE CASCADE,
    position  smallint NOT NULL,
    fruit_id  integer REFERENCES catalog.fruits (id),
    other     text,
    weight    kitchen.grams NOT NULL,

    PRIMARY KEY (recipe_id, position),
    CONSTRAINT recipe_ingredients_is_one_thing CHECK (num_nonnulls(fruit_id, other) = 1)
);

CREATE INDEX recipe_ingredients_fruit_id_idx ON catalog.recipe_ingredients (fruit_id) WHERE fruit_id IS NOT NULL;
