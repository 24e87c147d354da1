"""Medium 4: from one database into another with a new schema, while the old one goes on serving."""
