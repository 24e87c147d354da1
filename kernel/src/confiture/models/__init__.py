"""What projects derive from."""
