"""The capture ``triggers``."""
