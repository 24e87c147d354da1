"""Migration files: found, read into plans, written."""
