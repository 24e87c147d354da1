INSERT INTO sales.customers (email, name, newsletter)
VALUES
    ('marguerite@example.com', 'Marguerite Delorme', true),
    ('joao@example.com',       'João Carvalho',      false),
    ('zoe.nowak@example.com',  'Zoë Nowak',          true);

INSERT INTO sales.addresses (customer_id, street, postal_code, city, country, is_default)
SELECT c.id, a.street, a.postal_code, a.city, a.country, true
FROM (VALUES
    ('marguerite@example.com', '12 rue des Abeilles',   '57000',    'Metz',   'FR'),
    ('joao@example.com',       'Rua das Amoreiras 7',   '1250-020', 'Lisboa', 'PT'),
    ('zoe.nowak@example.com',  'Obstgasse 3',           '10999',    'Berlin', 'DE')
) AS a (email, street, postal_code, city, country)
JOIN sales.customers AS c USING (email)
ORDER BY c.id;

SELECT sales.place_order(c.id, a.id, o.jars::jsonb)
FROM (VALUES
    ('marguerite@example.com', '{"STR-250": 3, "QUI-200": 1}'),
    ('joao@example.com',       '{"SEV-250": 2}'),
    ('zoe.nowak@example.com',  '{"APR-250": 6, "STR-500": 1, "FIG-350": 1}')
) AS o (email, jars)
JOIN sales.customers AS c USING (email)
JOIN sales.addresses AS a ON a.customer_id = c.id
ORDER BY c.id;

-- João's order is paid and under way.
WITH paid AS (
    INSERT INTO sales.payments (order_id, method, amount, reference, details)
    SELECT b.order_id, 'card', b.due, 'ch_1001', '{"brand": "visa", "last4": "4242"}'
    FROM sales.order_balances AS b
    JOIN sales.customers AS c ON c.id = b.customer_id
    WHERE c.email = 'joao@example.com'
    RETURNING order_id
), shipped AS (
    INSERT INTO sales.shipments (order_id, carrier, tracking)
    SELECT order_id, 'Colissimo', '6A00000000017'
    FROM paid
    RETURNING order_id
)
UPDATE sales.orders
SET status = 'shipped'
FROM shipped
WHERE orders.id = shipped.order_id;

INSERT INTO sales.reviews (customer_id, product_id, stars, body, published)
SELECT c.id, p.id, r.stars, r.body, true
FROM (VALUES
    ('marguerite@example.com', 'STR-250', 5, 'Tastes of June.'),
    ('zoe.nowak@example.com',  'STR-250', 4, 'Very good; the jar is hard to open.'),
    ('joao@example.com',       'SEV-250', 5, NULL)
) AS r (email, sku, stars, body)
JOIN sales.customers AS c USING (email)
JOIN catalog.products AS p USING (sku);

REFRESH MATERIALIZED VIEW sales.monthly_revenue;
