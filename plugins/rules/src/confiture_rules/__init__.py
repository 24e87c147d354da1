"""The rule language of masks, and the kinds that come with confiture."""
