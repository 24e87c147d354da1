"""One module for each kind of mask."""
