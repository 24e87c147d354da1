"""Which relation a name in a query of the map means: every one of them is written with its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.registry import closest
from confiture.sql.grammar import children
from confiture_schema_to_schema.compiling.trees import SqlError, fields_of

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_schema_to_schema.values import Catalog, Table

__all__ = ["Read", "Relations", "driving_columns", "qualify", "read_relations"]

_RELATIONS = """
SELECT n.nspname::text AS schema,
       ARRAY(SELECT c.relname::text FROM pg_catalog.pg_class c
              WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')) AS names
  FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_(toast|temp)'
"""
_SYSTEM = ("pg_catalog", "information_schema")


class Relations(msgspec.Struct, frozen=True, kw_only=True):
    """All relations of the old database that can be read, by schema: views and partitions too."""

    names: Mapping[str, frozenset[str]]
    search_path: tuple[str, ...]

    def find(self, schema: str, name: str) -> tuple[str, str] | None:
        """Schema and name. A schema that is not there stands for the search path: it was written for an FDW."""
        if schema in self.names:
            return (schema, name) if name in self.names[schema] else None
        for each in (*self.search_path, "pg_catalog"):
            if name in self.names.get(each, ()):
                return each, name
        return None

    def nearest(self, name: str) -> str | None:
        """The name that somebody may have meant."""
        return closest(name, (each for schema, names in self.names.items() if schema not in _SYSTEM for each in names))


class Read(msgspec.Struct, frozen=True):
    """A relation that a query reads. ``node`` is the tree's ``RangeVar``."""

    node: Any
    label: str
    system: bool


async def read_relations(source: Connection, old: Catalog) -> Relations:
    """Ask the old database."""
    rows = await source.fetch(_RELATIONS)
    return Relations(names={row["schema"]: frozenset(row["names"]) for row in rows}, search_path=old.search_path)


def qualify(tree: Any, relations: Relations) -> tuple[Read, ...]:
    """Write every relation of the SELECT with its schema; names of a WITH are left alone.

    Names of columns that say the schema follow. Raises ``SqlError`` for a relation that is not there.
    """
    found: list[Read] = []
    renamed: dict[tuple[str, str], str] = {}
    for node in _in_scope(tree, "RangeVar"):
        place = relations.find(node.schemaname, node.relname)
        if place is None:
            near = relations.nearest(node.relname)
            name = f"{node.schemaname}.{node.relname}" if node.schemaname else node.relname
            raise SqlError(
                f"the old database has no table {name!r}",
                hint=f"did you mean {near!r}?" if near else "write a table of the old database, with its schema",
            )
        renamed[node.schemaname, node.relname] = place[0]
        node.catalogname, node.schemaname = "", place[0]
        found.append(Read(node, ".".join(place), place[0] in _SYSTEM))
    for node in _every(tree, "ColumnRef"):
        names = [field.string.sval for field in node.fields]
        if len(names) == 3 and (schema := renamed.get((names[0], names[1]))) is not None:
            node.fields[0].string.sval = schema
    return tuple(found)


def _every(tree: Any, kind: str) -> Iterator[Any]:
    stack = [tree]
    while stack:
        node = stack.pop()
        if node.DESCRIPTOR.name == kind:
            yield node
        stack.extend(reversed(children(node)))


def _in_scope(tree: Any, kind: str) -> Iterator[Any]:
    """All nodes of the kind, save those that name a query of a WITH."""
    stack: list[tuple[Any, frozenset[str]]] = [(tree, frozenset())]
    while stack:
        node, known = stack.pop()
        name = node.DESCRIPTOR.name
        if name == kind and (node.schemaname or node.relname not in known):
            yield node
        if name == "SelectStmt" and node.HasField("with_clause"):
            queries = [each.common_table_expr for each in node.with_clause.ctes]
            every = known | {query.ctename for query in queries}
            before = known
            for query in queries:
                stack.append((query, every if node.with_clause.recursive else before))
                before |= {query.ctename}
            stack += [(each, every) for each in children(node) if each.DESCRIPTOR.name != "WithClause"]
        else:
            stack += [(each, known) for each in reversed(children(node))]


def driving_columns(tree: Any, table: Table, alias: str, old: Catalog, relations: Relations) -> Iterator[Any]:
    """The ``ColumnRef`` nodes of an expression that mean columns of the driving table.

    Within a subquery a name is that query's own as long as one of its relations has such a column, or may have.
    """
    stack: list[tuple[Any, tuple[tuple[frozenset[str], frozenset[str] | None], ...]]] = [(tree, ())]
    while stack:
        node, scopes = stack.pop()
        kind = node.DESCRIPTOR.name
        if kind == "SelectStmt":
            scopes = (*scopes, *_scope(node, old, relations))
        if kind == "ColumnRef" and (names := fields_of(node)):
            own = table.column(names[-1]) is not None
            inner = any(names[-1] in columns if columns is not None else True for _, columns in scopes)
            hidden = any(names[0] in aliases for aliases, _ in scopes)
            if own and (
                (len(names) == 1 and not inner)
                or (len(names) == 2 and names[0] == alias and not hidden)
                or (len(names) == 3 and names[:2] == (table.schema, table.name))
            ):
                yield node
        stack += [(each, scopes) for each in reversed(children(node))]


def _scope(tree: Any, old: Catalog, relations: Relations) -> Iterator[tuple[frozenset[str], frozenset[str] | None]]:
    """Of each item of a FROM: the names that it goes by, and its columns; None where nobody knows them here."""
    stack = [getattr(item, item.WhichOneof("node")) for item in tree.from_clause]
    while stack:
        node = stack.pop()
        kind = node.DESCRIPTOR.name
        if kind == "JoinExpr":
            stack += [getattr(side, side.WhichOneof("node")) for side in (node.larg, node.rarg)]
            continue
        alias = node.alias.aliasname if node.DESCRIPTOR.fields_by_name.get("alias") else ""
        if kind != "RangeVar":
            yield frozenset({alias}), None
            continue
        place = relations.find(node.schemaname, node.relname)
        known = old.tables.get(".".join(place)) if place is not None else None
        columns = None if known is None or node.alias.colnames else frozenset(each.name for each in known.columns)
        yield frozenset({alias or node.relname}), columns
