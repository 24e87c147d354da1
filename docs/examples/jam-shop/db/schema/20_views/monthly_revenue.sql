CREATE MATERIALIZED VIEW sales.monthly_revenue AS
SELECT
    date_trunc('month', o.placed_at AT TIME ZONE 'Europe/Paris')::date AS month,
    oi.product_id,
    sum(oi.quantity) AS jars,
    sum(oi.amount)   AS revenue
FROM sales.orders AS o
JOIN sales.order_items AS oi ON oi.order_id = o.id
WHERE o.status IN ('paid', 'shipped', 'delivered')
GROUP BY 1, 2;

-- REFRESH MATERIALIZED VIEW CONCURRENTLY needs a unique index.
CREATE UNIQUE INDEX monthly_revenue_key ON sales.monthly_revenue (month, product_id);
