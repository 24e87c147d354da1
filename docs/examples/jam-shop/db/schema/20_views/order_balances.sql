-- Items and payments are added up apart from each other: joined at once, each would multiply the other.
CREATE VIEW sales.order_balances WITH (security_invoker = true) AS
SELECT
    o.id AS order_id,
    o.number,
    o.customer_id,
    o.status,
    coalesce(items.total, 0)   AS total,
    coalesce(payments.paid, 0) AS paid,
    coalesce(items.total, 0) - coalesce(payments.paid, 0) AS due
FROM sales.orders AS o
LEFT JOIN LATERAL (
    SELECT sum(oi.amount) AS total FROM sales.order_items AS oi WHERE oi.order_id = o.id
) AS items ON true
LEFT JOIN LATERAL (
    SELECT sum(p.amount) AS paid FROM sales.payments AS p WHERE p.order_id = o.id
) AS payments ON true;

COMMENT ON VIEW sales.order_balances IS 'What each order costs, what was paid, and what is due';
