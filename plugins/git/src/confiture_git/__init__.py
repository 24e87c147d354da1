"""The plugin ``git``."""
