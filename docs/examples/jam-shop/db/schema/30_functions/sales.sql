CREATE FUNCTION sales.place_order(customer_id bigint, address_id bigint, jars jsonb) RETURNS bigint
    LANGUAGE plpgsql
AS $$
DECLARE
    new_order_id bigint;
    missing text;
BEGIN
    SELECT string_agg(sku, ', ' ORDER BY sku)
    INTO missing
    FROM jsonb_object_keys(jars) AS wanted (sku)
    WHERE NOT EXISTS (SELECT FROM catalog.current_prices AS cp WHERE cp.sku = wanted.sku);

    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'not on offer: %', missing USING ERRCODE = 'check_violation';
    END IF;

    INSERT INTO sales.orders (customer_id, address_id, status, placed_at)
    VALUES (place_order.customer_id, place_order.address_id, 'placed', now())
    RETURNING id INTO new_order_id;

    INSERT INTO sales.order_items (order_id, product_id, quantity, unit_price)
    SELECT new_order_id, cp.product_id, wanted.quantity::integer, cp.price
    FROM jsonb_each_text(jars) AS wanted (sku, quantity)
    JOIN catalog.current_prices AS cp ON cp.sku = wanted.sku;

    RETURN new_order_id;
END;
$$;

COMMENT ON FUNCTION sales.place_order(bigint, bigint, jsonb)
    IS 'Places an order at today''s prices; jars maps SKUs to quantities, such as {"STR-250": 2}';

CREATE FUNCTION sales.refuse_change_after_shipping() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM sales.orders
        WHERE id IN (OLD.order_id, NEW.order_id) AND status IN ('shipped', 'delivered')
    ) THEN
        RAISE EXCEPTION 'the order has left the house' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN coalesce(NEW, OLD);
END;
$$;
