"""The plugin ``incremental``."""
