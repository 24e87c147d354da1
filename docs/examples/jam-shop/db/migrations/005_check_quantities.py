"""Migration: check_quantities

Version: 005

Proof:
  - proved: forward, backward, over 8 sample rows

Hazards:
  - access-exclusive-lock: nobody can read or write "sales.order_items" meanwhile
  - fails-on-data: rows of "sales.order_items" may violate
    "order_items_quantity_is_sane"

Deployment:
  - Rollback, access-exclusive-lock: nobody can read or write "sales.order_items"
    meanwhile
"""

from confiture.models.migration import Migration


class CheckQuantities(Migration):
    """Migration: check_quantities."""

    version = "005"
    name = "check_quantities"

    def up(self) -> None:
        """Apply migration."""
        # Hazard access-exclusive-lock: nobody can read or write "sales.order_items"
        # meanwhile
        self.execute("""
            ALTER TABLE sales.order_items ADD CONSTRAINT order_items_quantity_is_sane CHECK (((quantity >= 1) AND (quantity <= 500))) NOT VALID
        """)
        # Hazard fails-on-data: rows of "sales.order_items" may violate
        # "order_items_quantity_is_sane"
        self.execute("""
            ALTER TABLE sales.order_items VALIDATE CONSTRAINT order_items_quantity_is_sane
        """)

    def down(self) -> None:
        """Rollback migration."""
        # Hazard access-exclusive-lock: nobody can read or write "sales.order_items"
        # meanwhile
        self.execute("""
            ALTER TABLE sales.order_items DROP CONSTRAINT order_items_quantity_is_sane
        """)
