"""The commands: each reads its options, starts its medium, and prints the report."""
