INSERT INTO catalog.products (sku, recipe_id, name, net_weight, ean, tags)
SELECT p.sku, r.id, p.name, p.net_weight, p.ean, p.tags
FROM (VALUES
    ('STR-250', 'strawberry-classic', 'Strawberry jam',        250, '3760000000017', ARRAY['organic', 'bestseller']),
    ('STR-500', 'strawberry-classic', 'Strawberry jam',        500, '3760000000024', ARRAY['organic']),
    ('APR-250', 'apricot-vanilla',    'Apricot with vanilla',  250, '3760000000031', ARRAY['organic']),
    ('SEV-250', 'seville-marmalade',  'Seville marmalade',     250, '3760000000048', ARRAY['bitter']),
    ('QUI-200', 'quince-jelly',       'Quince jelly',          200, NULL,            ARRAY['jelly', 'gift']),
    ('FIG-350', 'fig-whole',          'Whole figs in syrup',   350, NULL,            ARRAY['gift'])
) AS p (sku, recipe, name, net_weight, ean, tags)
JOIN catalog.recipes AS r ON r.slug = p.recipe
ORDER BY p.sku;

INSERT INTO catalog.product_prices (product_id, valid, price)
SELECT p.id, v.valid::daterange, v.price
FROM (VALUES
    ('STR-250', '[2025-01-01,2026-01-01)', 5.50),
    ('STR-250', '[2026-01-01,)',           5.90),
    ('STR-500', '[2026-01-01,)',           9.80),
    ('APR-250', '[2025-06-01,)',           6.40),
    ('SEV-250', '[2025-02-01,)',           6.20),
    ('QUI-200', '[2025-10-01,)',           5.80),
    ('FIG-350', '[2025-09-01,)',           8.90)
) AS v (sku, valid, price)
JOIN catalog.products AS p USING (sku);
