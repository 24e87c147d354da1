CREATE TRIGGER audit_product_prices
    AFTER INSERT OR UPDATE OR DELETE ON catalog.product_prices
    FOR EACH ROW EXECUTE FUNCTION audit.record_change();

CREATE TRIGGER audit_orders
    AFTER INSERT OR UPDATE OR DELETE ON sales.orders
    FOR EACH ROW EXECUTE FUNCTION audit.record_change();

CREATE TRIGGER audit_payments
    AFTER INSERT OR UPDATE OR DELETE ON sales.payments
    FOR EACH ROW EXECUTE FUNCTION audit.record_change();
