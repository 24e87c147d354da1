"""Migration: add_latin_names

Version: 002

Proof:
  - proved: forward, backward, over 8 sample rows

Hazards:
  - access-exclusive-lock: nobody can read or write "catalog.fruits" meanwhile

Deployment:
  - Rollback, deletes-data: the column "latin_name" of "catalog.fruits" goes, with its
    values
  - Rollback, breaks-clients: the column "latin_name" of "catalog.fruits" goes
  - Rollback, access-exclusive-lock: nobody can read or write "catalog.fruits" meanwhile
"""

from confiture.models.migration import Migration


class AddLatinNames(Migration):
    """Migration: add_latin_names."""

    version = "002"
    name = "add_latin_names"

    def up(self) -> None:
        """Apply migration."""
        # Hazard access-exclusive-lock: nobody can read or write "catalog.fruits"
        # meanwhile
        self.execute("ALTER TABLE catalog.fruits ADD COLUMN latin_name text")

    def down(self) -> None:
        """Rollback migration."""
        # Hazard deletes-data: the column "latin_name" of "catalog.fruits" goes, with
        # its values
        # Hazard breaks-clients: the column "latin_name" of "catalog.fruits" goes
        # Hazard access-exclusive-lock: nobody can read or write "catalog.fruits"
        # meanwhile
        self.execute("ALTER TABLE catalog.fruits DROP COLUMN latin_name")
