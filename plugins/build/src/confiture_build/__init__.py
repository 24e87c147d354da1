"""The plugin ``build``."""
