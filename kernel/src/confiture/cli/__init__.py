"""The command line: the only place that sees cyclopts and rich."""
