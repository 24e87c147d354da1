"""A first map, from what the differ says of both schemas."""
