"""Whether the target is what the map gives of the source: hash sums by segment, down to the keys that differ."""
