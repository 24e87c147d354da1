"""Migration: index_orders_to_ship

Version: 003

Proof:
  - proved: forward, backward, over 8 sample rows

Hazards:
  - not-transactional: CREATE INDEX CONCURRENTLY cannot run in a transaction

Deployment:
  - 1 of 1 statements run outside of a transaction
  - Rollback, index-dropped: the index "sales.orders_to_ship_idx" goes
  - Rollback, not-transactional: DROP INDEX CONCURRENTLY cannot run in a transaction
"""

from confiture.models.migration import Migration


class IndexOrdersToShip(Migration):
    """Migration: index_orders_to_ship."""

    version = "003"
    name = "index_orders_to_ship"

    def up(self) -> None:
        """Apply migration."""
        # Hazard not-transactional: CREATE INDEX CONCURRENTLY cannot run in a
        # transaction
        # Outside of a transaction.
        self.execute("""
            CREATE INDEX CONCURRENTLY orders_to_ship_idx ON sales.orders USING btree (placed_at) WHERE (status = 'paid'::sales.order_status)
        """)

    def down(self) -> None:
        """Rollback migration."""
        # Hazard index-dropped: the index "sales.orders_to_ship_idx" goes
        # Hazard not-transactional: DROP INDEX CONCURRENTLY cannot run in a transaction
        # Outside of a transaction.
        self.execute("DROP INDEX CONCURRENTLY sales.orders_to_ship_idx")
