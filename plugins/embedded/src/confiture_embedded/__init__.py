"""The plugin ``embedded``."""
