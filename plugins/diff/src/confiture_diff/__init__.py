"""The plugin ``diff``: the medium that turns two schemas into a proven plan."""
