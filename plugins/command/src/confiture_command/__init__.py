"""The switch ``command``."""
