"""A statement outside of a transaction that a run may have begun before it was killed: what came of it?

No backend of that run is at work any more: whoever asks has seen to that. Each kind of statement has a function that
says what is still to be run, None where it took place; what cannot be known is no guess of ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.errors import OutcomeUnknown
from confiture.migrations.backfill import Backfill
from confiture.model import Note, Statement
from confiture.quoting import quote_ident
from confiture.sql.grammar import string_values
from confiture_runner.failures import name_of, place
from confiture_runner.leftovers import drop_leftovers, invalid_indexes, reindexes_concurrently
from confiture_runner.relations import node_of, range_name

if TYPE_CHECKING:
    from confiture_runner.session import Session

__all__ = ["recover", "repeatable"]


def repeatable(statement: Statement) -> bool:
    """Whether a statement that failed can be run again: not a CALL or a DO that may have committed half of its work."""
    return statement.transactional or type(node_of(statement)).__name__ in _LOOK


async def recover(session: Session, statement: Statement) -> Statement | None:
    """What is to be run of a statement that may have been begun; None where it is done.

    Raises ``OutcomeUnknown``.
    """
    if isinstance(statement, Backfill):
        return statement
    node = None if statement.transactional else node_of(statement)
    look = _LOOK.get(type(node).__name__, _nobody_knows)
    left = await look(session, statement, node)
    if left is None:
        where = f"{statement.origin.file}:{statement.origin.line}: " if statement.origin else ""
        session.ctx.emit(Note(message=f"{where}{name_of(statement)} took place in the run that was interrupted"))
    return left


async def _nobody_knows(session: Session, statement: Statement, node: Any) -> Statement | None:
    name = name_of(statement)
    raised = OutcomeUnknown(
        f"{name} may have been run by a run that was interrupted, and nothing tells whether it was",
        hint="look, then say so: `confiture migrate repair VERSION --skip` if it took place, `--again` if not",
    )
    place(raised, session.plan, statement)
    raise raised


async def _again(session: Session, statement: Statement, node: Any) -> Statement | None:
    """Running it a second time does no harm."""
    return statement


async def _create_index(session: Session, statement: Statement, node: Any) -> Statement | None:
    table = range_name(node.relation)
    if node.idxname:
        valid = await session.connection.fetchval(
            "SELECT bool_or(indisvalid) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = indexrelid"
            " WHERE indrelid = to_regclass($1) AND relname = $2",
            table,
            node.idxname,
        )
        if valid:
            return None
        left = [each for each in await invalid_indexes(session, table) if each.bare == node.idxname]
    else:
        same = await _same_indexes(session, table, node)
        if any(valid for _, valid in same):
            return await _nobody_knows(session, statement, node)
        ids = {id_ for id_, _ in same}
        left = [each for each in await invalid_indexes(session, table) if each.id in ids]
    await drop_leftovers(session, left)
    return statement


async def _same_indexes(session: Session, table: str, node: Any) -> list[tuple[int, bool]]:
    """The table's indexes that may be the one of the statement, which gives no name: id, and whether it is valid."""
    rows = await session.connection.fetch(
        "SELECT i.indexrelid::bigint AS id, indisvalid AS valid, array(SELECT attname::text"
        " FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n) LEFT JOIN pg_catalog.pg_attribute a"
        " ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0"
        " ORDER BY n) AS columns"
        " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_catalog.pg_am m ON m.oid = c.relam"
        " WHERE indrelid = to_regclass($1) AND amname = $2 AND indisunique = $3",
        table,
        node.access_method or "btree",
        node.unique,
    )
    elements = [*node.index_params, *node.index_including_params]
    wanted = [item.index_elem.name or None for item in elements]  # None: an expression
    return [(row["id"], row["valid"]) for row in rows if list(row["columns"]) == wanted]


async def _drop(session: Session, statement: Statement, node: Any) -> Statement | None:
    """DROP INDEX CONCURRENTLY, which takes one name."""
    name = ".".join(quote_ident(part) for part in string_values(node.objects[0].list.items))
    there = await session.connection.fetchval("SELECT to_regclass($1) IS NOT NULL", name)
    return statement if there else None


async def _reindex(session: Session, statement: Statement, node: Any) -> Statement | None:
    if reindexes_concurrently(node):
        await drop_leftovers(session, await invalid_indexes(session, None))
    return statement


async def _alter_table(session: Session, statement: Statement, node: Any) -> Statement | None:
    """DETACH PARTITION CONCURRENTLY, in two transactions: the first leaves it pending."""
    child = getattr(node.cmds[0].alter_table_cmd, "def").partition_cmd.name
    parent, partition = range_name(node.relation), range_name(child)
    row = await session.connection.fetchrow(
        "SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL AS there,"
        " (SELECT inhdetachpending FROM pg_catalog.pg_inherits"
        "   WHERE inhparent = to_regclass($1) AND inhrelid = to_regclass($2)) AS pending",
        parent,
        partition,
    )
    if row["there"] and row["pending"] is None:
        return None
    if row["pending"]:
        return msgspec.structs.replace(statement, sql=f"ALTER TABLE {parent} DETACH PARTITION {partition} FINALIZE")
    return statement


def _by_existence(catalog: str, column: str, field: str, *, made: bool) -> _Look:
    """CREATE (``made``) or DROP of what has its name in that column, and in that field of the statement."""
    condition = f"{column} = $1"
    if catalog == "pg_subscription":
        condition += " AND subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"

    async def look(session: Session, statement: Statement, node: Any) -> Statement | None:
        query = f"SELECT EXISTS (SELECT FROM pg_catalog.{catalog} WHERE {condition})"
        there = await session.connection.fetchval(query, getattr(node, field))
        return None if there is made else statement

    return look


async def _alter_database(session: Session, statement: Statement, node: Any) -> Statement | None:
    option = next((item.def_elem for item in node.options if item.def_elem.defname == "tablespace"), None)
    if option is None:
        return await _nobody_knows(session, statement, node)
    moved = await session.connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = dattablespace"
        " WHERE datname = $1 AND spcname = $2)",
        node.dbname,
        option.arg.string.sval or string_values(option.arg.type_name.names)[-1],
    )
    return None if moved else statement


async def _alter_subscription(session: Session, statement: Statement, node: Any) -> Statement | None:
    from postgast import pg_query_pb2 as pb

    again = ("ALTER_SUBSCRIPTION_REFRESH", "ALTER_SUBSCRIPTION_SET_PUBLICATION", "ALTER_SUBSCRIPTION_OPTIONS")
    known = pb.AlterSubscriptionType.Name(node.kind) in again
    return statement if known else await _nobody_knows(session, statement, node)


_Look = Callable[["Session", Statement, Any], Awaitable[Statement | None]]
_LOOK: dict[str, _Look] = {
    "AlterDatabaseStmt": _alter_database,
    "AlterSubscriptionStmt": _alter_subscription,
    "AlterSystemStmt": _again,
    "AlterTableStmt": _alter_table,
    "CheckPointStmt": _again,
    "ClusterStmt": _again,
    "CreateSubscriptionStmt": _by_existence("pg_subscription", "subname", "subname", made=True),
    "CreateTableSpaceStmt": _by_existence("pg_tablespace", "spcname", "tablespacename", made=True),
    "CreatedbStmt": _by_existence("pg_database", "datname", "dbname", made=True),
    "DiscardStmt": _again,
    "DropStmt": _drop,
    "DropSubscriptionStmt": _by_existence("pg_subscription", "subname", "subname", made=False),
    "DropTableSpaceStmt": _by_existence("pg_tablespace", "spcname", "tablespacename", made=False),
    "DropdbStmt": _by_existence("pg_database", "datname", "dbname", made=False),
    "IndexStmt": _create_index,
    "ReindexStmt": _reindex,
    "VacuumStmt": _again,
}
