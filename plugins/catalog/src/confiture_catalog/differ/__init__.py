"""From two schemas to a plan."""
