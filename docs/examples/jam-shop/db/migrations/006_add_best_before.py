"""Migration: add_best_before

Version: 006

Proof:
  - proved: forward, backward, over 8 sample rows

Hazards:
  - index-dropped: the index "kitchen.batches_product_id_idx" goes
  - not-transactional: DROP INDEX CONCURRENTLY cannot run in a transaction
  - access-exclusive-lock: nobody can read or write "kitchen.batches" meanwhile
  - not-transactional: DO with COMMIT in it cannot run in a transaction
  - fails-on-data: rows of "kitchen.batches" may violate "batches_best_before_not_null"
  - not-transactional: CREATE INDEX CONCURRENTLY cannot run in a transaction

Deployment:
  - 3 of 6 statements run outside of a transaction
  - Rollback, index-dropped: the index "kitchen.batches_product_id_idx" goes
  - Rollback, not-transactional: DROP INDEX CONCURRENTLY cannot run in a transaction
  - Rollback, deletes-data: the column "best_before" of "kitchen.batches" goes, with its
    values
  - Rollback, breaks-clients: the column "best_before" of "kitchen.batches" goes
  - Rollback, access-exclusive-lock: nobody can read or write "kitchen.batches"
    meanwhile
  - Rollback, not-transactional: CREATE INDEX CONCURRENTLY cannot run in a transaction
"""

from confiture.models.migration import Migration


class AddBestBefore(Migration):
    """Migration: add_best_before."""

    version = "006"
    name = "add_best_before"

    def up(self) -> None:
        """Apply migration."""
        # Hazard index-dropped: the index "kitchen.batches_product_id_idx" goes
        # Hazard not-transactional: DROP INDEX CONCURRENTLY cannot run in a transaction
        # Outside of a transaction.
        self.execute("DROP INDEX CONCURRENTLY kitchen.batches_product_id_idx")
        # Hazard access-exclusive-lock: nobody can read or write "kitchen.batches"
        # meanwhile
        self.execute("ALTER TABLE kitchen.batches ADD COLUMN best_before date")
        # Hazard not-transactional: DO with COMMIT in it cannot run in a transaction
        # Outside of a transaction.
        self.backfill(
            "kitchen.batches",
            set="best_before = (upper(occupies) AT TIME ZONE 'UTC')::date + 730",
            where="best_before IS NULL",
            batch_rows=10000,
        )
        # Hazard access-exclusive-lock: nobody can read or write "kitchen.batches"
        # meanwhile
        self.execute("""
            ALTER TABLE kitchen.batches ADD CONSTRAINT batches_best_before_not_null NOT NULL best_before NOT VALID
        """)
        # Hazard fails-on-data: rows of "kitchen.batches" may violate
        # "batches_best_before_not_null"
        self.execute("""
            ALTER TABLE kitchen.batches VALIDATE CONSTRAINT batches_best_before_not_null
        """)
        # Hazard not-transactional: CREATE INDEX CONCURRENTLY cannot run in a
        # transaction
        # Outside of a transaction.
        self.execute("""
            CREATE INDEX CONCURRENTLY batches_product_id_idx ON kitchen.batches USING btree (product_id, best_before) WHERE (status = 'released'::kitchen.batch_status)
        """)

    def down(self) -> None:
        """Rollback migration."""
        # Hazard index-dropped: the index "kitchen.batches_product_id_idx" goes
        # Hazard not-transactional: DROP INDEX CONCURRENTLY cannot run in a transaction
        # Outside of a transaction.
        self.execute("DROP INDEX CONCURRENTLY kitchen.batches_product_id_idx")
        # Hazard deletes-data: the column "best_before" of "kitchen.batches" goes, with
        # its values
        # Hazard breaks-clients: the column "best_before" of "kitchen.batches" goes
        # Hazard access-exclusive-lock: nobody can read or write "kitchen.batches"
        # meanwhile
        self.execute("ALTER TABLE kitchen.batches DROP COLUMN best_before")
        # Hazard not-transactional: CREATE INDEX CONCURRENTLY cannot run in a
        # transaction
        # Outside of a transaction.
        self.execute("""
            CREATE INDEX CONCURRENTLY batches_product_id_idx ON kitchen.batches USING btree (product_id) WHERE (status = 'released'::kitchen.batch_status)
        """)
