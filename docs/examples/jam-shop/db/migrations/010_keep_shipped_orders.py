"""Migration: keep_shipped_orders

Version: 010

Proof:
  - proved: forward, backward, over 8 sample rows

Hazards:
  - blocks-writes: nobody can write to "sales.order_items" meanwhile

Deployment:
  - Rollback, access-exclusive-lock: nobody can read or write "sales.order_items"
    meanwhile
  - Rollback, breaks-clients: the function "refuse_change_after_shipping" goes
"""

from confiture.models.migration import Migration


class KeepShippedOrders(Migration):
    """Migration: keep_shipped_orders."""

    version = "010"
    name = "keep_shipped_orders"

    def up(self) -> None:
        """Apply migration."""
        self.execute("""
CREATE FUNCTION sales.refuse_change_after_shipping()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF EXISTS (
        SELECT FROM sales.orders
        WHERE id IN (OLD.order_id, NEW.order_id) AND status IN ('shipped', 'delivered')
    ) THEN
        RAISE EXCEPTION 'the order has left the house' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN coalesce(NEW, OLD);
END;
$function$
""")
        # Hazard blocks-writes: nobody can write to "sales.order_items" meanwhile
        self.execute("""
            CREATE TRIGGER keep_shipped_orders BEFORE DELETE OR UPDATE ON sales.order_items FOR EACH ROW EXECUTE FUNCTION sales.refuse_change_after_shipping()
        """)

    def down(self) -> None:
        """Rollback migration."""
        # Hazard access-exclusive-lock: nobody can read or write "sales.order_items"
        # meanwhile
        self.execute("DROP TRIGGER keep_shipped_orders ON sales.order_items")
        # Hazard breaks-clients: the function "refuse_change_after_shipping" goes
        self.execute("DROP FUNCTION sales.refuse_change_after_shipping()")
