INSERT INTO catalog.recipes (slug, title, texture, yield_grams, nutrition, instructions)
VALUES
    ('strawberry-classic', 'Strawberry', 'chunky', 8000, (1020, 58.0, 1.1),
     'Steep the berries in the sugar overnight. Boil hard, skim, and add the lemon juice at the end.'),
    ('apricot-vanilla', 'Apricot and vanilla', 'smooth', 7500, (990, 56.5, 1.4),
     'Halve and stone the apricots, keep six kernels. Cook slowly with the split pods, then pass through a sieve.'),
    ('seville-marmalade', 'Seville marmalade', 'chunky', 9000, (1085, 62.0, 0.7),
     'Simmer the oranges whole until a straw goes through the peel. Slice, add the sugar, and boil to the set.'),
    ('quince-jelly', 'Quince jelly', 'jelly', 6000, (1050, 61.0, 0.2),
     'Cook the quinces, peel and all, and let them drip through a cloth without pressing, or the jelly turns cloudy.'),
    ('fig-whole', 'Whole figs in syrup', 'whole_fruit', 5000, (940, 53.0, 2.0),
     'Prick the figs, and cook them on three days for ten minutes each, so that they keep their shape.');

INSERT INTO catalog.recipe_ingredients (recipe_id, position, fruit_id, other, weight)
SELECT r.id, i.position, f.id, i.other, i.weight
FROM (VALUES
    ('strawberry-classic', 1, 'strawberry',    NULL,            5000),
    ('strawberry-classic', 2, NULL,            'Sugar',         4000),
    ('strawberry-classic', 3, NULL,            'Lemon juice',    200),
    ('apricot-vanilla',    1, 'apricot',       NULL,            5000),
    ('apricot-vanilla',    2, NULL,            'Sugar',         3500),
    ('apricot-vanilla',    3, NULL,            'Vanilla pods',    12),
    ('seville-marmalade',  1, 'bitter-orange', NULL,            3500),
    ('seville-marmalade',  2, NULL,            'Sugar',         6000),
    ('quince-jelly',       1, 'quince',        NULL,            6000),
    ('quince-jelly',       2, NULL,            'Sugar',         3600),
    ('fig-whole',          1, 'fig',           NULL,            3500),
    ('fig-whole',          2, NULL,            'Sugar',         2200)
) AS i (recipe, position, fruit, other, weight)
JOIN catalog.recipes AS r ON r.slug = i.recipe
LEFT JOIN catalog.fruits AS f ON f.slug = i.fruit;
