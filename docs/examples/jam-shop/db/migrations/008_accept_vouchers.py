"""Migration: accept_vouchers

Version: 008

Proof:
  - proved: forward, backward, over 8 sample rows

Deployment:
  - Rollback, fails-on-data: values of "method" of "sales.payments" may be no
    sales.payment_method
  - Rollback, table-rewrite: writes "sales.payments" anew
  - Rollback, access-exclusive-lock: nobody can read or write "sales.payments" meanwhile
"""

from confiture.models.migration import Migration


class AcceptVouchers(Migration):
    """Migration: accept_vouchers."""

    version = "008"
    name = "accept_vouchers"

    def up(self) -> None:
        """Apply migration."""
        self.execute("ALTER TYPE sales.payment_method ADD VALUE 'voucher'")

    def down(self) -> None:
        """Rollback migration."""
        self.execute("""
            ALTER TYPE sales.payment_method RENAME TO confiture_old_payment_method
        """)
        self.execute("""
            CREATE TYPE sales.payment_method AS ENUM ('card', 'transfer', 'invoice')
        """)
        # Hazard fails-on-data: values of "method" of "sales.payments" may be no
        # sales.payment_method
        # Hazard table-rewrite: writes "sales.payments" anew
        # Hazard access-exclusive-lock: nobody can read or write "sales.payments"
        # meanwhile
        self.execute("""
            ALTER TABLE sales.payments ALTER COLUMN method TYPE sales.payment_method USING method::text::sales.payment_method
        """)
        self.execute("DROP TYPE sales.confiture_old_payment_method")
