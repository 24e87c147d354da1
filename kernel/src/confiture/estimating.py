"""How long a statement may take on a live database: from the sizes of its tables, and rates that were measured once.

An order of magnitude: what is read from a slow disk, waits for a lock or competes with others takes longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from confiture.sql.grammar import GrammarError, enum_names, parse, unwrap

if TYPE_CHECKING:
    from confiture.model import Rename, Statement, Target
    from confiture.protocols import Context

__all__ = ["RATES", "Size", "estimates", "read_sizes"]

MB: Final = 1_000_000
#: Bytes of the table, or of its indexes, a second. Rough: measured on two cores with PostgreSQL 18 as it is installed
#: (fsync on, 128 MB of buffers, the files in the system's cache), on 3,000,000 rows of 149 bytes.
RATES: Final = {
    "scan": 600 * MB,  # VALIDATE CONSTRAINT of a CHECK, SET NOT NULL
    "rewrite": 70 * MB,  # ALTER COLUMN TYPE, without the indexes
    "build": 80 * MB,  # CREATE INDEX, by the size of the table: 124 MB/s of an integer, 36 MB/s of long text
    "rebuild": 30 * MB,  # CREATE INDEX, by the size of the index
}

_SIZES = """
SELECT format('%I.%I', n.nspname, c.relname) AS identity, nullif(c.reltuples, -1)::bigint AS rows,
       pg_catalog.pg_table_size(c.oid) AS table_bytes, pg_catalog.pg_indexes_size(c.oid) AS index_bytes
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.oid >= 16384
"""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """A table's size. ``rows`` is what the server's statistics say; None where they say nothing."""

    table_bytes: int
    index_bytes: int = 0
    rows: int | None = None


async def read_sizes(ctx: Context, target: Target | None) -> dict[str, Size]:
    """The sizes of all tables of a live database; of nothing where there is none."""
    if target is None:
        return {}
    async with ctx.connect(target) as connection:
        return {
            row["identity"]: Size(
                table_bytes=row["table_bytes"] or 0, index_bytes=row["index_bytes"] or 0, rows=row["rows"]
            )
            for row in await connection.fetch(_SIZES)
        }


def estimates(
    statements: Sequence[Statement], sizes: Mapping[str, Size], renames: Sequence[Rename] = ()
) -> tuple[float | None, ...]:
    """The seconds of each statement that reads or writes whole tables; None for others. () without sizes."""
    if not sizes:
        return ()
    known = dict(sizes)
    for rename in renames:  # a statement names what it is called by then
        old, new = rename.old.identity, rename.new.identity
        for identity in list(known):
            if identity == old or identity.startswith(f"{old}."):
                known[new + identity[len(old) :]] = known[identity]
    return tuple(_estimate(statement, known) for statement in statements)


def _estimate(statement: Statement, sizes: Mapping[str, Size]) -> float | None:
    effects = statement.effects
    if effects is None or not (effects.rewrites or effects.scans):
        return None
    found = [sizes[name] for name in effects.tables if name in sizes]
    if not found:
        return None
    table_bytes = sum(size.table_bytes for size in found)
    if effects.rewrites:
        index_bytes = sum(size.index_bytes for size in found)
        return table_bytes / RATES["rewrite"] + index_bytes / RATES["rebuild"]
    return table_bytes / RATES["build" if _builds_index(statement.sql) else "scan"]


def _builds_index(sql: str) -> bool:
    try:
        nodes = [unwrap(each.stmt) for each in parse(sql).stmts]
    except GrammarError:
        return False
    return any(type(node).__name__ == "IndexStmt" or _adds_key(node) for node in nodes)


def _adds_key(node: Any) -> bool:
    if type(node).__name__ != "AlterTableStmt":
        return False
    for item in node.cmds:
        command = item.alter_table_cmd
        if enum_names("AlterTableType")[command.subtype] == "AT_AddConstraint":
            constraint = getattr(command, "def").constraint
            kind = enum_names("ConstrType")[constraint.contype]
            if kind in ("CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION") and not constraint.indexname:
                return True
    return False
