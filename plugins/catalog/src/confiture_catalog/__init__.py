"""The plugin ``catalog``."""
