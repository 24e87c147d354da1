"""The switch ``pgbouncer``."""
