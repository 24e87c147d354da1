"""What statements need of each other: an order for them, levels, hints, and what they ask of the server."""
