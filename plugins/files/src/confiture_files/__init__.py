"""The plugin ``files``."""
