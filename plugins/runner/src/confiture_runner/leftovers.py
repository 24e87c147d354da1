"""Invalid indexes that a concurrent build left when it failed: found, and dropped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.connect import CLEANUP_TIMEOUT_S, settle
from confiture.model import Logged, Statement, WarningRaised
from confiture_runner.limits import limited
from confiture_runner.relations import node_of, range_name

if TYPE_CHECKING:
    from confiture_runner.session import Session

__all__ = ["Leftover", "drop_leftovers", "invalid_indexes", "reindexes_concurrently", "sweeping"]

#: What REINDEX CONCURRENTLY calls the new index while it is built, and the old one before it is dropped.
_COPIES = "_cc(new|old)[0-9]*$"
#: Invalid indexes that nobody is building just now.
_QUERY = """
SELECT i.indexrelid::bigint AS id, format('%I.%I', n.nspname, c.relname) AS name, c.relname AS bare
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
    AND CASE WHEN $1::text IS NULL THEN c.relname ~ $2 ELSE i.indrelid = to_regclass($1) END
ORDER BY i.indexrelid
"""


class Leftover(msgspec.Struct, frozen=True):
    """An invalid index. ``name`` is SQL text with its schema, ``bare`` the name alone."""

    id: int
    name: str
    bare: str


async def invalid_indexes(session: Session, table: str | None) -> list[Leftover]:
    """Those of the table; without one, those that REINDEX CONCURRENTLY leaves in the database."""
    rows = await session.connection.fetch(_QUERY, table, _COPIES)
    return [Leftover(row["id"], row["name"], row["bare"]) for row in rows]


def reindexes_concurrently(node: Any) -> bool:
    """Whether it is a REINDEX CONCURRENTLY."""
    from confiture.sql.transactional import why_not_transactional

    return type(node).__name__ == "ReindexStmt" and why_not_transactional(node) == "REINDEX CONCURRENTLY"


@asynccontextmanager
async def sweeping(session: Session, statement: Statement) -> AsyncIterator[None]:
    """Drop what the statement leaves where it fails, for whatever reason; nothing that was there before it.

    Shielded from cancellation, for a limited time; a warning names what could not be dropped.
    """
    node: Any = None if statement.transactional else node_of(statement)
    builds = type(node).__name__ == "IndexStmt" and node.concurrent
    if not builds and not reindexes_concurrently(node):
        yield
        return
    table = range_name(node.relation) if builds else None
    await drop_leftovers(session, session.leftovers)
    there = await invalid_indexes(session, table)
    before = {each.id for each in there}
    for each in there:
        if builds and node.if_not_exists and each.bare == node.idxname:
            session.ctx.emit(
                WarningRaised(
                    message=f"the index {each.name} is there and invalid, and IF NOT EXISTS leaves it so",
                    hint=f"drop it, and build it again: DROP INDEX CONCURRENTLY {each.name}",
                )
            )
    try:
        yield
    except BaseException:
        await _sweep(session, table, node.idxname if builds else "", before)
        raise


async def _sweep(session: Session, table: str | None, name: str, before: Collection[int]) -> None:
    connection = session.connection
    found = session.leftovers

    async def step() -> None:
        found.extend(
            each
            for each in await invalid_indexes(session, table)
            if each.id not in before and (not name or each.bare == name)
        )
        await drop_leftovers(session, found, statement_timeout=f"{CLEANUP_TIMEOUT_S:.0f}s")

    reason = "it took too long"
    try:
        # A moment more than the server takes to give up by itself.
        if await settle(connection, step, within_s=CLEANUP_TIMEOUT_S + 2) or not found:
            return
    except Exception as error:  # what made the statement fail is what matters
        reason = str(error)
    for each in found:
        session.ctx.emit(
            WarningRaised(
                message=f"the invalid index {each.name} could not be dropped: {reason}",
                hint=f"DROP INDEX CONCURRENTLY {each.name}",
            )
        )


async def drop_leftovers(session: Session, found: list[Leftover], **settings: str) -> None:
    """Drop them, waiting for old transactions as long as that takes, save for what the settings say."""
    if not found:
        return
    async with limited(session.connection, {"lock_timeout": "0", "statement_timeout": "0", **settings}):
        for each in tuple(found):
            await session.connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {each.name}")
            session.ctx.emit(Logged(message=f"dropped the invalid index {each.name}"))
            found.remove(each)
