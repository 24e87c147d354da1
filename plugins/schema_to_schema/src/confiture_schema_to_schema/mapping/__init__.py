"""The migration map, as it is written: YAML or TOML into values, ``custom_sql`` into its parts."""

from confiture_schema_to_schema.mapping.custom import CustomSql, custom_sql
from confiture_schema_to_schema.mapping.expressions import SqlError
from confiture_schema_to_schema.mapping.reading import read_map

__all__ = ["CustomSql", "SqlError", "custom_sql", "read_map"]
