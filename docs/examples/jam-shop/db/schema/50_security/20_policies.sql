-- The web shop says for whom it acts, once a transaction: SET LOCAL jam.customer_id = '42'. Without it, it sees nobody.
CREATE FUNCTION sales.current_customer_id() RETURNS bigint
    LANGUAGE sql
    STABLE
    PARALLEL SAFE
RETURN nullif(current_setting('jam.customer_id', true), '')::bigint;

ALTER TABLE sales.customers   ENABLE ROW LEVEL SECURITY;
ALTER TABLE sales.addresses   ENABLE ROW LEVEL SECURITY;
ALTER TABLE sales.orders      ENABLE ROW LEVEL SECURITY;
ALTER TABLE sales.order_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE sales.payments    ENABLE ROW LEVEL SECURITY;
ALTER TABLE sales.reviews     ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_account ON sales.customers TO jam_app
    USING (id = sales.current_customer_id());

CREATE POLICY own_addresses ON sales.addresses TO jam_app
    USING (customer_id = sales.current_customer_id());

CREATE POLICY own_orders ON sales.orders TO jam_app
    USING (customer_id = sales.current_customer_id());

-- The policy of sales.orders applies inside the subquery too.
CREATE POLICY items_of_own_orders ON sales.order_items TO jam_app
    USING (EXISTS (SELECT FROM sales.orders AS o WHERE o.id = order_id));

CREATE POLICY payments_of_own_orders ON sales.payments TO jam_app
    USING (EXISTS (SELECT FROM sales.orders AS o WHERE o.id = order_id));

CREATE POLICY own_reviews ON sales.reviews TO jam_app
    USING (customer_id = sales.current_customer_id());

CREATE POLICY published_reviews ON sales.reviews FOR SELECT TO jam_app
    USING (published);

CREATE POLICY figures ON sales.customers   FOR SELECT TO jam_readonly USING (true);
CREATE POLICY figures ON sales.addresses   FOR SELECT TO jam_readonly USING (true);
CREATE POLICY figures ON sales.orders      FOR SELECT TO jam_readonly USING (true);
CREATE POLICY figures ON sales.order_items FOR SELECT TO jam_readonly USING (true);
CREATE POLICY figures ON sales.payments    FOR SELECT TO jam_readonly USING (true);
CREATE POLICY figures ON sales.reviews     FOR SELECT TO jam_readonly USING (published);
