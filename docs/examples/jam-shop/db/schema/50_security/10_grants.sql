-- jam_app is the web shop, jam_readonly the people who look at figures. Neither owns anything, neither logs in by
-- itself: the roles that do are made members of them.
GRANT USAGE ON SCHEMA catalog, kitchen, sales TO jam_app, jam_readonly;

GRANT SELECT ON ALL TABLES IN SCHEMA catalog, kitchen, sales TO jam_app, jam_readonly;

GRANT INSERT, UPDATE ON sales.customers, sales.orders TO jam_app;
GRANT INSERT, UPDATE, DELETE ON sales.addresses, sales.order_items, sales.reviews TO jam_app;
GRANT INSERT ON sales.payments TO jam_app;

-- Figures need no names and no streets.
REVOKE SELECT ON sales.customers, sales.addresses FROM jam_readonly;
GRANT SELECT (id, newsletter, created_at) ON sales.customers TO jam_readonly;
GRANT SELECT (id, customer_id, country) ON sales.addresses TO jam_readonly;

REVOKE EXECUTE ON FUNCTION sales.place_order(bigint, bigint, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sales.place_order(bigint, bigint, jsonb) TO jam_app;

REVOKE EXECUTE ON FUNCTION audit.ensure_partition(date) FROM PUBLIC;
