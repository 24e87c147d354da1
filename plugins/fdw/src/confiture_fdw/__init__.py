"""The transfer engine ``fdw``."""
