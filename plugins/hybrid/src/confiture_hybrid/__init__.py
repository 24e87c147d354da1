"""The transfer engine ``hybrid``."""
