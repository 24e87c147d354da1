CREATE VIEW catalog.current_prices AS
SELECT
    p.id AS product_id,
    p.sku,
    p.name,
    p.net_weight,
    pp.price,
    round(pp.price * 1000 / p.net_weight, 2) AS price_per_kg
FROM catalog.products AS p
JOIN catalog.product_prices AS pp ON pp.product_id = p.id AND pp.valid @> current_date
WHERE NOT p.discontinued;

COMMENT ON VIEW catalog.current_prices IS 'What is on offer today, with the price per kilogram that the law asks for';
