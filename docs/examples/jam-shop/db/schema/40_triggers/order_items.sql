CREATE TRIGGER keep_shipped_orders
    BEFORE UPDATE OR DELETE ON sales.order_items
    FOR EACH ROW EXECUTE FUNCTION sales.refuse_change_after_shipping();
