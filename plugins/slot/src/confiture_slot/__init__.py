"""The capture ``slot``."""
