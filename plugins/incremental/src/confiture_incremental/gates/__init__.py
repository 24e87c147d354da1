"""What stands between a migration and a database in use: everything is checked before the first statement runs."""
