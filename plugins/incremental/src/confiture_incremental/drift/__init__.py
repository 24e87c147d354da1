"""``drift``: a live database beside what the project says of it."""
