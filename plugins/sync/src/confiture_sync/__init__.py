"""Medium 3: rows of production in another database, masked on the way."""
