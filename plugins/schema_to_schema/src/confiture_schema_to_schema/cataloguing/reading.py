"""What the catalogs answer, as values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.errors import Refused
from confiture.quoting import quote_ident
from confiture.sql.grammar import parse, walk
from confiture_schema_to_schema.cataloguing import queries
from confiture_schema_to_schema.mapping.expressions import deparse
from confiture_schema_to_schema.values import Catalog, Check, Column, ForeignKey, Key, Table, Unique

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Added", "only_added", "read_catalog"]


async def read_catalog(connection: Connection, *, own_schema: str) -> Catalog:
    """The tables of the database that ``connection`` is to. ``own_schema`` is confiture's own, and left out.

    Raises ``Refused`` where two tables go by one label, since their names have dots.
    """
    rows = await connection.fetch(queries.TABLES, own_schema)
    oids = [row["oid"] for row in rows]
    columns = _by_relation(await connection.fetch(queries.COLUMNS, oids))
    domains = {row["oid"] for each in columns.values() for row in each if row["kind"] == "d"}
    rules = await connection.fetch(queries.DOMAIN_CHECKS, list(domains)) if domains else []
    checks = _by_relation(await connection.fetch(queries.CHECKS, oids))
    indexes = _by_relation(await connection.fetch(queries.INDEXES, oids))
    foreign_keys = _by_relation(await connection.fetch(queries.FOREIGN_KEYS, oids))
    partitions = _by_relation(await connection.fetch(queries.PARTITIONS, oids))
    tables: dict[str, Table] = {}
    fingerprints: dict[str, str] = {}
    for row in rows:
        oid = row["oid"]
        own = columns.get(oid, [])
        table = Table(
            schema=row["schema"],
            name=row["name"],
            columns=tuple(_column(each) for each in own),
            partitioned=row["partitioned"],
            only=row["only"],
            keys=_keys(indexes.get(oid, [])),
            uniques=tuple(_unique(index) for index in indexes.get(oid, [])),
            checks=(*(_check(each) for each in checks.get(oid, [])), *_domain_checks(own, rules)),
            foreign_keys=tuple(_foreign_key(each) for each in foreign_keys.get(oid, [])),
            rows=row["rows"],
            bytes=row["bytes"],
            toast=row["toast"],
            index_bytes=row["index_bytes"],
        )
        if table.label in tables:  # "a.b"."c" and "a"."b.c"
            raise Refused(
                f"two tables are both called {table.label!r}",
                hint="rename one: the dots in their names tell them apart",
            )
        tables[table.label] = table
        fingerprints[table.label] = _fingerprint(table, own, partitions.get(oid, []))
    return Catalog(
        tables=tables,
        search_path=tuple(await connection.fetchval("SELECT pg_catalog.current_schemas(false)::text[]")),
        server_version=connection.get_server_version()[0],
        fingerprints=fingerprints,
    )


def _by_relation(rows: Iterable[Any]) -> Mapping[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row["relation"], []).append(row)
    return found


def _column(row: Any) -> Column:
    return Column(
        name=row["name"],
        type=row["type"],
        base=row["base"],
        oid=row["oid"],
        kind=row["kind"],
        category=row["category"],
        not_null=row["not_null"],
        default=row["default"],
        generated=row["generated"],
        identity=row["identity"],
        collation=row["collation"],
        labels=tuple(row["labels"]),
        max_length=row["max_length"],
    )


def _keys(indexes: Sequence[Any]) -> tuple[Key, ...]:
    return tuple(
        Key(name=index["name"], columns=tuple(index["columns"]), primary=index["primary"])
        for index in indexes
        if index["is_key"]
    )


def _unique(index: Any) -> Unique:
    return Unique(
        name=index["name"],
        expressions=tuple(index["expressions"]),
        predicate=index["predicate"],
        nulls_distinct=index["nulls_distinct"],
    )


def _check(row: Any) -> Check:
    return Check(name=row["name"], expression=row["expression"])


def _domain_checks(columns: Sequence[Any], rules: Sequence[Any]) -> Iterable[Check]:
    for column in columns:
        for rule in rules:
            if column["oid"] == rule["domain"]:
                yield Check(name=rule["name"], expression=_over_column(rule["expression"], column["name"]))


def _over_column(expression: str, column: str) -> str:
    """A domain's constraint speaks of VALUE, which the grammar reads as a column of that name."""
    tree = parse(f"SELECT {expression}").stmts[0].stmt.select_stmt
    for node in walk(tree):
        if node.DESCRIPTOR.name == "ColumnRef" and [each.string.sval for each in node.fields] == ["value"]:
            node.fields[0].string.sval = column
    return deparse(tree).removeprefix("SELECT ")


def _foreign_key(row: Any) -> ForeignKey:
    return ForeignKey(
        name=row["name"],
        columns=tuple(row["columns"]),
        parent=row["parent"],
        parent_columns=tuple(row["others"]),
        full=row["full"],
    )


def _fingerprint(table: Table, columns: Sequence[Any], partitions: Sequence[Any]) -> str:
    # The number of a column: one that was dropped and added again has other values under the same name.
    each = [
        (row["number"], row["name"], row["type"], row["not_null"], row["generated"], list(row["labels"]))
        for row in columns
    ]
    rest = (
        [(key.columns, key.primary) for key in table.keys],
        table.partitioned,
        table.only,
    )
    parts = sorted(
        _hashed((quote_ident(row["schema"]), quote_ident(row["name"]), row["bound"]))[:12] for row in partitions
    )
    return ".".join((_hashed(rest)[:32], "-".join(parts), *(_hashed(column)[:12] for column in each)))


def _hashed(facts: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


class Added(msgspec.Struct, frozen=True):
    """What has come to a table, and maybe gone from it; everything else of it is as it was."""

    columns: bool
    partitions: bool
    gone: bool


def only_added(before: str, now: str) -> Added | None:
    """What tells the fingerprint ``now`` of a table from the one ``before``: columns and partitions that were added.

    None where something else does. ``gone``: some partitions are not there any more.
    """
    if not before or not now:
        return None
    (rest, parts, *columns), (rest_now, parts_now, *columns_now) = before.split("."), now.split(".")
    if rest != rest_now or columns != columns_now[: len(columns)]:
        return None
    then, after = set(parts.split("-")) - {""}, set(parts_now.split("-")) - {""}
    return Added(columns=columns != columns_now, partitions=not after <= then, gone=not then <= after)
