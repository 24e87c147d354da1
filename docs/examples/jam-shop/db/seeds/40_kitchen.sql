INSERT INTO kitchen.suppliers (name, email, country, organic)
VALUES
    ('Ferme des Trois Chênes', 'contact@trois-chenes.example', 'FR', true),
    ('Huerta La Giralda',      'ventas@lagiralda.example',     'ES', false);

INSERT INTO kitchen.kettles (name, capacity)
VALUES ('Augustine', 12000), ('Berthe', 20000);

WITH purchase AS (
    INSERT INTO kitchen.purchase_orders (supplier_id, ordered_on, received_on, note)
    SELECT id, '2026-01-08', '2026-01-14', 'Unwaxed, with leaves'
    FROM kitchen.suppliers
    WHERE name = 'Huerta La Giralda'
    RETURNING id
)
INSERT INTO kitchen.purchase_order_lines (purchase_order_id, line, fruit_id, weight, price_per_kg)
SELECT purchase.id, 1, f.id, 40000, 2.35
FROM purchase
CROSS JOIN catalog.fruits AS f
WHERE f.slug = 'bitter-orange';

INSERT INTO kitchen.batches (product_id, kettle_id, occupies, status, jars, best_before)
SELECT p.id, k.id, b.occupies::tstzrange, b.status::kitchen.batch_status, b.jars, b.best_before::date
FROM (VALUES
    ('SEV-250', 'Berthe',    '[2026-01-16 08:00+01,2026-01-16 13:00+01)', 'released',  72, '2036-01-16'),
    ('STR-250', 'Augustine', '[2025-06-12 08:00+02,2025-06-12 12:00+02)', 'released',  44, '2035-06-12'),
    ('STR-250', 'Augustine', '[2025-06-13 08:00+02,2025-06-13 12:00+02)', 'released',  46, '2035-06-13'),
    ('STR-500', 'Berthe',    '[2025-06-13 08:00+02,2025-06-13 12:00+02)', 'released',  28, '2035-06-13'),
    ('APR-250', 'Berthe',    '[2025-07-20 09:00+02,2025-07-20 14:00+02)', 'discarded', 60, '2035-07-20'),
    ('APR-250', 'Berthe',    '[2025-07-20 13:00+02,2025-07-20 18:00+02)', 'released',  58, '2035-07-20'),
    ('FIG-350', 'Augustine', '[2025-09-08 08:00+02,2025-09-10 09:00+02)', 'released',  14, '2035-09-08'),
    ('QUI-200', 'Augustine', '[2025-10-21 08:00+02,2025-10-21 11:00+02)', 'released',  30, '2035-10-21')
) AS b (sku, kettle, occupies, status, jars, best_before)
JOIN catalog.products AS p USING (sku)
JOIN kitchen.kettles AS k ON k.name = b.kettle
ORDER BY b.occupies;
