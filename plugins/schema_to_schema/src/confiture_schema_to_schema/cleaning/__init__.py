"""What the tool made on both sides is removed."""
