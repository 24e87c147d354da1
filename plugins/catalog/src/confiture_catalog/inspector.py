"""The provider: one snapshot, a fixed number of queries, one schema."""

from __future__ import annotations

import gc
import hashlib
import importlib.resources
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from confiture.errors import Refused
from confiture.model import Note, Schema, Target
from confiture.protocols import Connection, Context
from confiture_catalog import (
    columns,
    constraints,
    facts,
    foreign,
    indexes,
    operators,
    relations,
    routines,
    schemas,
    textsearch,
    triggers,
    types,
)
from confiture_catalog.assembling import Address, Assembly

if TYPE_CHECKING:
    from confiture_catalog.additions import Addition

__all__ = ["FAMILIES", "OLDEST", "CatalogInspector"]

#: Each has ``queries(version)``, whose rows are those of ``rows.select``.
FAMILIES = (
    schemas,
    types,
    relations,
    columns,
    constraints,
    indexes,
    routines,
    operators,
    triggers,
    textsearch,
    foreign,
)
#: The oldest major version whose catalogs have all columns that are read.
OLDEST = 15
_NEWEST = 18

#: What changes how PostgreSQL prints names, expressions and constants. jit pays only for queries that run long.
_SETTINGS = {
    "search_path": "",
    "jit": "off",
    "quote_all_identifiers": "off",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "xmlbinary": "base64",
}


class CatalogInspector:
    """Reads a whole database from its catalogs."""

    def __init__(self) -> None:
        self._additions: tuple[Addition, ...] | None = None

    async def inspect(self, ctx: Context, target: Target) -> Schema:
        """All objects, as PostgreSQL itself prints them with an empty search path.

        Raises ``Refused`` for a server older than PostgreSQL 15, ``PluginBroken`` where what others add to this
        plugin is broken.
        """
        additions = self._find_additions(ctx)
        async with (
            ctx.connect(target) as connection,
            ctx.transaction(connection, isolation="repeatable_read", readonly=True),
        ):
            version = connection.get_server_version()
            if version.major < OLDEST:
                raise Refused(
                    f"the server of {target.label!r} is PostgreSQL {version.major}",
                    hint=f"confiture reads the catalogs of PostgreSQL {OLDEST} and later",
                )
            return await _read(ctx, connection, version, additions)

    def code_version(self, ctx: Context) -> str:
        """A hash of what decides how a database is read, for who keeps what was read.

        It is of the texts of this package's modules, and of the queries that others add.
        """
        found = hashlib.sha256()
        for file in sorted(importlib.resources.files("confiture_catalog").iterdir(), key=lambda each: each.name):
            if file.name.endswith(".py"):
                found.update(file.read_bytes())
        for each in self._find_additions(ctx):
            queries = [each.queries(version) for version in range(OLDEST, _NEWEST + 1)]
            said = (each.name, sorted(each.replaces), sorted(each.extensions), queries)
            found.update(repr(said).encode())
        return found.hexdigest()

    def _find_additions(self, ctx: Context) -> tuple[Addition, ...]:
        from confiture_catalog.additions import find_additions

        if self._additions is None:
            self._additions = find_additions(ctx)
        return self._additions


async def _read(ctx: Context, connection: Connection, version: Any, additions: tuple[Addition, ...]) -> Schema:
    from confiture_catalog.additions import check_rows, read_additions

    await connection.fetch(
        "SELECT set_config(name, value, true) FROM unnest($1::text[], $2::text[]) AS s(name, value)",
        list(_SETTINGS),
        list(_SETTINGS.values()),
    )
    families = [await connection.fetch(query) for family in FAMILIES for query in family.queries(version.major)]
    added = await read_additions(connection, additions, version.major)
    check_rows(families, added)
    families += [rows for _, rows in added]  # later ones say what an object is
    comments = await connection.fetch(facts.COMMENTS)
    labels = await connection.fetch(facts.LABELS)
    grants = await connection.fetch(facts.GRANTS)
    folded = await connection.fetch(facts.FOLDED)
    dependencies = await connection.fetch(facts.DEPENDENCIES)
    with _no_collection():
        assembly = Assembly(
            families, comments=comments, labels=labels, grants=grants, folded=folded, dependencies=dependencies
        )
        strangers = assembly.unknown(), assembly.changed_members()
    unknown, changed = [await _identify(connection, addresses) for addresses in strangers]
    role = await connection.fetchval("SELECT quote_ident(current_user)")
    if count := await connection.fetchval(facts.LARGE_OBJECTS):
        ctx.emit(Note(message=f"{count} large objects are data, and no part of the schema"))
    with _no_collection():
        return Schema.of(assembly.objects(unknown=unknown, changed=changed), (version.major, version.minor), role)


@contextmanager
def _no_collection() -> Iterator[None]:
    """No garbage collection: there are 100,000 new values and no garbage, and looking for it takes a third more."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


async def _identify(connection: Connection, addresses: list[Address]) -> dict[Address, Any]:
    if not addresses:
        return {}
    classes, oids, subs = zip(*addresses, strict=True)
    rows = await connection.fetch(facts.IDENTIFY, list(classes), list(oids), list(subs))
    return {(row[0], row[1], row[2]): row for row in rows}
