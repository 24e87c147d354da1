INSERT INTO cities VALUES ('LYS', 'Lyon'), ('NTE', 'Nantes');
INSERT INTO customers (full_name, email, street, city_code, fax, created_at) VALUES
    ('Ada Loom', 'ada@loom.example', '1 rue des Canuts', 'LYS', '04 72', '2019-05-01 08:00'),
    ('Grace Moth', 'grace@moth.example', NULL, NULL, NULL, '2020-01-02 09:30'),
    ('Ada L.', 'ADA@loom.example', '2 quai de la Fosse', 'NTE', NULL, '2021-03-04 10:00');
INSERT INTO hires (customer_id, bike, cents)
    SELECT 1 + i % 3, i % 40, 250 + i % 7 * 50 FROM generate_series(1, 30000) AS i;
INSERT INTO card_payments (hire_id, cents) SELECT id, cents FROM hires WHERE id % 3 > 0;
INSERT INTO cash_payments (hire_id, cents) SELECT id, cents FROM hires WHERE id % 3 = 0;
INSERT INTO audit_2019 VALUES ('nobody reads this');
ANALYZE;
