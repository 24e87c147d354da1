"""The plugin ``runner``."""
