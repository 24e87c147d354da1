"""The way back: parts from the new database to the old one, where the map can be inverted."""
