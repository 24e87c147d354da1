"""The plugin ``url``."""
