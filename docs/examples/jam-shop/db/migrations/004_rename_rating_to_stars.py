"""Migration: rename_rating_to_stars

Version: 004

Proof:
  - proved: forward, backward, over 8 sample rows

Hazards:
  - breaks-clients: the column "rating" of "sales.reviews" becomes "stars"
  - access-exclusive-lock: nobody can read or write "sales.reviews" meanwhile

Deployment:
  - Rollback, access-exclusive-lock: nobody can read or write "sales.reviews" meanwhile
  - Rollback, breaks-clients: the column "stars" of "sales.reviews" becomes "rating"
"""

from confiture.models.migration import Migration


class RenameRatingToStars(Migration):
    """Migration: rename_rating_to_stars."""

    version = "004"
    name = "rename_rating_to_stars"

    def up(self) -> None:
        """Apply migration."""
        # Hazard breaks-clients: the column "rating" of "sales.reviews" becomes "stars"
        # Hazard access-exclusive-lock: nobody can read or write "sales.reviews"
        # meanwhile
        self.execute("ALTER TABLE sales.reviews RENAME COLUMN rating TO stars")
        # Hazard access-exclusive-lock: nobody can read or write "sales.reviews"
        # meanwhile
        self.execute("""
            ALTER TABLE sales.reviews RENAME CONSTRAINT reviews_rating_is_one_to_five TO reviews_stars_are_one_to_five
        """)
        # Hazard access-exclusive-lock: nobody can read or write "sales.reviews"
        # meanwhile
        self.execute("""
            ALTER TABLE sales.reviews RENAME CONSTRAINT reviews_rating_not_null TO reviews_stars_not_null
        """)

    def down(self) -> None:
        """Rollback migration."""
        # Hazard access-exclusive-lock: nobody can read or write "sales.reviews"
        # meanwhile
        self.execute("""
            ALTER TABLE sales.reviews RENAME CONSTRAINT reviews_stars_not_null TO reviews_rating_not_null
        """)
        # Hazard access-exclusive-lock: nobody can read or write "sales.reviews"
        # meanwhile
        self.execute("""
            ALTER TABLE sales.reviews RENAME CONSTRAINT reviews_stars_are_one_to_five TO reviews_rating_is_one_to_five
        """)
        # Hazard breaks-clients: the column "stars" of "sales.reviews" becomes "rating"
        # Hazard access-exclusive-lock: nobody can read or write "sales.reviews"
        # meanwhile
        self.execute("ALTER TABLE sales.reviews RENAME COLUMN stars TO rating")
