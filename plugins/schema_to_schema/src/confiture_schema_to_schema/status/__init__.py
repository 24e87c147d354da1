"""How far a migration is, and who may tell it to wait."""
