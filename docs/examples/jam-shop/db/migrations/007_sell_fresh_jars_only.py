"""Migration: sell_fresh_jars_only

Version: 007

Proof:
  - proved: forward, backward, over 8 sample rows

Hazards:
  - access-exclusive-lock: nobody can read or write "kitchen.stock_levels" meanwhile

Deployment:
  - Rollback, access-exclusive-lock: nobody can read or write "kitchen.stock_levels"
    meanwhile
"""

from confiture.models.migration import Migration


class SellFreshJarsOnly(Migration):
    """Migration: sell_fresh_jars_only."""

    version = "007"
    name = "sell_fresh_jars_only"

    def up(self) -> None:
        """Apply migration."""
        # Hazard access-exclusive-lock: nobody can read or write "kitchen.stock_levels"
        # meanwhile
        self.execute("""
            CREATE OR REPLACE VIEW kitchen.stock_levels AS
             WITH cooked AS (
                     SELECT batches.product_id,
                        sum(batches.jars) AS jars
                       FROM kitchen.batches
                      WHERE ((batches.status = 'released'::kitchen.batch_status) AND (batches.best_before > CURRENT_DATE))
                      GROUP BY batches.product_id
                    ), promised AS (
                     SELECT oi.product_id,
                        sum(oi.quantity) AS jars
                       FROM (sales.order_items oi
                         JOIN sales.orders o ON ((o.id = oi.order_id)))
                      WHERE (o.status = ANY (ARRAY['placed'::sales.order_status, 'paid'::sales.order_status, 'shipped'::sales.order_status, 'delivered'::sales.order_status]))
                      GROUP BY oi.product_id
                    )
             SELECT p.id AS product_id,
                p.sku,
                COALESCE(c.jars, (0)::bigint) AS cooked,
                COALESCE(s.jars, (0)::bigint) AS promised,
                (COALESCE(c.jars, (0)::bigint) - COALESCE(s.jars, (0)::bigint)) AS available
               FROM ((catalog.products p
                 LEFT JOIN cooked c ON ((c.product_id = p.id)))
                 LEFT JOIN promised s ON ((s.product_id = p.id)))
        """)

    def down(self) -> None:
        """Rollback migration."""
        # Hazard access-exclusive-lock: nobody can read or write "kitchen.stock_levels"
        # meanwhile
        self.execute("""
            CREATE OR REPLACE VIEW kitchen.stock_levels AS
             WITH cooked AS (
                     SELECT batches.product_id,
                        sum(batches.jars) AS jars
                       FROM kitchen.batches
                      WHERE (batches.status = 'released'::kitchen.batch_status)
                      GROUP BY batches.product_id
                    ), promised AS (
                     SELECT oi.product_id,
                        sum(oi.quantity) AS jars
                       FROM (sales.order_items oi
                         JOIN sales.orders o ON ((o.id = oi.order_id)))
                      WHERE (o.status = ANY (ARRAY['placed'::sales.order_status, 'paid'::sales.order_status, 'shipped'::sales.order_status, 'delivered'::sales.order_status]))
                      GROUP BY oi.product_id
                    )
             SELECT p.id AS product_id,
                p.sku,
                COALESCE(c.jars, (0)::bigint) AS cooked,
                COALESCE(s.jars, (0)::bigint) AS promised,
                (COALESCE(c.jars, (0)::bigint) - COALESCE(s.jars, (0)::bigint)) AS available
               FROM ((catalog.products p
                 LEFT JOIN cooked c ON ((c.product_id = p.id)))
                 LEFT JOIN promised s ON ((s.product_id = p.id)))
        """)
