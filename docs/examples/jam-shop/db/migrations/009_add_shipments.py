"""Migration: add_shipments

Version: 009

Proof:
  - proved: forward, backward, over 8 sample rows

Hazards:
  - changes-access: privileges change
  - blocks-writes: nobody can write to "sales.orders" meanwhile

Deployment:
  - Rollback, deletes-data: the table "sales.shipments" goes, with its rows
  - Rollback, breaks-clients: the table "sales.shipments" goes
  - Rollback, access-exclusive-lock: nobody can read or write "sales.orders",
    "sales.shipments", "sales.shipments_id_seq" meanwhile
"""

from confiture.models.migration import Migration


class AddShipments(Migration):
    """Migration: add_shipments."""

    version = "009"
    name = "add_shipments"

    def up(self) -> None:
        """Apply migration."""
        self.execute("""
            CREATE TABLE sales.shipments (
                id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
                order_id bigint NOT NULL,
                carrier text NOT NULL,
                tracking text,
                shipped_at timestamp with time zone NOT NULL DEFAULT now(),
                delivered_at timestamp with time zone,
                CONSTRAINT shipments_carrier_tracking_key UNIQUE (carrier, tracking),
                CONSTRAINT shipments_delivered_after_shipped CHECK ((delivered_at >= shipped_at)),
                CONSTRAINT shipments_pkey PRIMARY KEY (id)
            )
        """)
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE sales.shipments TO jam_app")
        # Hazard changes-access: privileges change
        self.execute("GRANT SELECT ON TABLE sales.shipments TO jam_readonly")
        self.execute("""
            CREATE INDEX shipments_order_id_idx ON sales.shipments USING btree (order_id)
        """)
        self.execute("""
            CREATE INDEX shipments_under_way_idx ON sales.shipments USING btree (shipped_at) WHERE (delivered_at IS NULL)
        """)
        # Hazard blocks-writes: nobody can write to "sales.orders" meanwhile
        self.execute("""
            ALTER TABLE sales.shipments ADD CONSTRAINT shipments_order_id_fkey FOREIGN KEY (order_id) REFERENCES sales.orders(id)
        """)

    def down(self) -> None:
        """Rollback migration."""
        # Hazard deletes-data: the table "sales.shipments" goes, with its rows
        # Hazard breaks-clients: the table "sales.shipments" goes
        # Hazard access-exclusive-lock: nobody can read or write "sales.orders",
        # "sales.shipments", "sales.shipments_id_seq" meanwhile
        self.execute("DROP TABLE sales.shipments")
