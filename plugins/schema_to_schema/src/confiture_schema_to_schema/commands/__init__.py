"""The command line: ``confiture migrate schema-to-schema`` and its phases."""
