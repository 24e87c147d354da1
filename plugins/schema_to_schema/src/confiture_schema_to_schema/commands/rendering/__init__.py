"""Reports as people read them, a hundred columns wide."""
