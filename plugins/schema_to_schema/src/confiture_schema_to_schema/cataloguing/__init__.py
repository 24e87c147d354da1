"""Reads which tables a database has: columns, keys, constraints, sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture_schema_to_schema.values import Catalog

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["read_catalog"]


async def read_catalog(connection: Connection, *, own_schema: str) -> Catalog:
    """The tables of the database that ``connection`` is to. ``own_schema`` is confiture's own, and left out."""
    raise NotImplementedError
