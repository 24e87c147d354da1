"""The plugin ``init``: a project that builds as it stands, from nothing or from a database that is there."""
