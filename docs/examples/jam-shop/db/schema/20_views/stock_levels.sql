CREATE VIEW kitchen.stock_levels AS
WITH cooked AS (
    SELECT product_id, sum(jars) AS jars
    FROM kitchen.batches
    WHERE status = 'released' AND best_before > current_date
    GROUP BY product_id
), promised AS (
    SELECT oi.product_id, sum(oi.quantity) AS jars
    FROM sales.order_items AS oi
    JOIN sales.orders AS o ON o.id = oi.order_id
    WHERE o.status IN ('placed', 'paid', 'shipped', 'delivered')
    GROUP BY oi.product_id
)
SELECT
    p.id AS product_id,
    p.sku,
    coalesce(c.jars, 0) AS cooked,
    coalesce(s.jars, 0) AS promised,
    coalesce(c.jars, 0) - coalesce(s.jars, 0) AS available
FROM catalog.products AS p
LEFT JOIN cooked   AS c ON c.product_id = p.id
LEFT JOIN promised AS s ON s.product_id = p.id;

COMMENT ON VIEW kitchen.stock_levels IS 'Jars that were cooked, that are promised to customers, and that are left';
