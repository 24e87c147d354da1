"""The switch ``rename``."""
