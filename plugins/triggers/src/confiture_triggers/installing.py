"""Installing: the log and its functions first, then each table in a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio
import msgspec

from confiture.errors import Busy, PermissionMissing, Refused
from confiture.quoting import quote_ident, quote_literal
from confiture.transfer import set_local
from confiture_triggers.catalog import Column, Relation, read_columns, read_relation_oid, read_relations, read_triggers
from confiture_triggers.composing import (
    ROW_TYPE,
    TRUNCATE_TYPE,
    function_settings,
    function_sql,
    log_sql,
    rows_sql,
    trigger_sql,
)
from confiture_triggers.locking import with_short_locks
from confiture_triggers.naming import SCHEMA_COMMENT, Home, check_name, find_home, home_in
from confiture_triggers.removing import remove_table, uninstall
from confiture_triggers.verifying import Registered, find_fault, read_registered

if TYPE_CHECKING:
    from confiture.model import CapturedTable, Target
    from confiture.protocols import Connection, Context
    from confiture_triggers.config import TriggersConfig

__all__ = ["install"]

#: Nothing was ever taken from such a partition unseen: it was not emptied (that gives a new file), and what it has was
#: told, or it has nothing.
_UNTOUCHED = """
SELECT bool_and(c.relkind = 'p' OR (pg_catalog.pg_relation_filenode(c.oid) = c.oid
                                    AND (c.oid = ANY($2::oid[]) OR pg_catalog.pg_relation_size(c.oid) = 0)))
  FROM pg_catalog.pg_class c WHERE c.oid = ANY($1::oid[])
"""
#: The rows of larger ones are not told one by one: the whole table is read again.
_MOST_BYTES = 64 << 20
_SIZES = (
    "SELECT c.oid, pg_catalog.pg_relation_size(c.oid) AS bytes FROM pg_catalog.pg_class c WHERE c.oid = ANY($1::oid[])"
)


async def install(
    ctx: Context, source: Target, name: str, tables: Sequence[CapturedTable], config: TriggersConfig
) -> None:
    """Capture these tables, and no others any more. What was installed before and is as it should be stays.

    Where the capture was not there before, a failure takes everything away again.
    """
    check_name(name)
    async with ctx.connect(source) as connection:
        found = await find_home(connection, name)
        if found is not None:
            await _install(ctx, connection, found, tables, config)
            return
        try:
            home = await _settle(ctx, connection, config.schema, name)
            await _install(ctx, connection, home, tables, config)
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                try:
                    await uninstall(ctx, source, name, config)
                except Busy as left:
                    raise Busy(
                        f"{error}; and what was installed could not be taken away again: {left.message}",
                        hint=left.hint,
                    ) from error
            raise


async def _settle(ctx: Context, connection: Connection, schema: str, name: str) -> Home:
    """The schema where it is not there, the log, and the list of tables."""
    import asyncpg

    home = home_in(schema, name)
    try:
        async with ctx.transaction(connection):
            if await connection.fetchval("SELECT pg_catalog.to_regnamespace($1)", quote_ident(schema)) is None:
                made = quote_ident(schema)
                await connection.execute(
                    f"CREATE SCHEMA {made}; COMMENT ON SCHEMA {made} IS {quote_literal(SCHEMA_COMMENT)}"
                )
            await connection.execute(log_sql(home))
    except asyncpg.InsufficientPrivilegeError as error:
        raise PermissionMissing(
            f"the log of the capture {name!r} cannot be made in the schema {schema!r}: {error}",
            hint="GRANT CREATE ON DATABASE, or have the schema made for this role",
        ) from error
    return await find_home(connection, name) or home


async def _install(
    ctx: Context, connection: Connection, home: Home, tables: Sequence[CapturedTable], config: TriggersConfig
) -> None:
    registered = await read_registered(connection, home)
    wanted = {table.label for table in tables}
    for label, known in registered.items():
        if label not in wanted:
            await remove_table(ctx, connection, home, known, config)
    number = max((known.number for known in registered.values()), default=0)
    for table in tables:
        before = registered.get(table.label)
        if before is None:
            number += 1
        elif await find_fault(connection, home, before, table) is None:
            continue
        numbered = number if before is None else before.number
        told = frozenset[int]() if before is None else await _tell_rows(ctx, connection, home, before)

        async def work(
            table: CapturedTable = table,
            numbered: int = numbered,
            before: Registered | None = before,
            told: frozenset[int] = told,
        ) -> None:
            await _install_table(connection, home, table, numbered, before, told)

        oid = await read_relation_oid(connection, table.sql)
        await with_short_locks(ctx, connection, config, (table.label, oid), work)


async def _tell_rows(ctx: Context, connection: Connection, home: Home, before: Registered) -> frozenset[int]:
    """Log the rows of new partitions, of which some may have come with them; the row triggers of those that are told.

    Such a trigger is there from the moment on in which the partition is: what comes later is logged by itself, so that
    writers need not wait.
    """
    relations = await read_relations(connection, before.relation)
    new = {each.oid: each for each in relations if each.kind == "r" and each.oid not in before.relations}
    columns = await read_columns(connection, before.relation)
    if not new or not all(name in columns for name in before.columns):
        return frozenset()
    small = {row["oid"] for row in await connection.fetch(_SIZES, list(new)) if 0 < row["bytes"] <= _MOST_BYTES}
    row = home.row_trigger(before.number)
    triggers = await read_triggers(connection, home.schema, home.function_name(before.number))
    found = {each.relation: each.oid for each in triggers if each.name == row and each.type == ROW_TYPE}
    settings = dict(function_settings([columns[name] for name in before.columns]))
    async with ctx.transaction(connection):
        await set_local(connection, {**settings, "row_security": "off"})
        for oid in small & found.keys():
            await connection.execute(rows_sql(home, before.number, new[oid].sql, before.columns))
    return frozenset(found[oid] for oid in small & found.keys())


async def _install_table(
    connection: Connection,
    home: Home,
    table: CapturedTable,
    number: int,
    before: Registered | None,
    told: frozenset[int],
) -> None:
    """All of a table's triggers, its partitions' too, while nobody writes to it and no partition comes or goes.

    ``told``: the row triggers of new partitions whose rows are told.
    """
    oid = await read_relation_oid(connection, table.sql)
    if oid is None:
        raise Refused(f"the table {table.label!r} is not there")
    only = "" if (await read_relations(connection, oid))[0].kind == "p" else "ONLY "
    await connection.execute(f"LOCK TABLE {only}{table.sql} IN SHARE ROW EXCLUSIVE MODE")
    relations = await read_relations(connection, oid)
    if before is not None and await _has_only_grown(connection, home, table, before, relations, told):
        return
    columns = _captured(table, await read_columns(connection, oid))
    await connection.execute(function_sql(home, number, columns))
    if before is not None:
        await _forget(connection, home, number)
    await _put_triggers(connection, home, number, relations)
    triggers = await _row_triggers(connection, home, number)
    await connection.execute(
        f"INSERT INTO {home.tables} VALUES ($1, $2, $3, $4, $5, $6, $7)",
        number,
        table.label,
        oid,
        [relation.oid for relation in relations],
        list(table.columns),
        [column.type for column in columns],
        list(triggers),
    )


async def _row_triggers(connection: Connection, home: Home, number: int) -> dict[int, int]:
    """Those for rows, and what they are on."""
    name = home.row_trigger(number)
    triggers = await read_triggers(connection, home.schema, home.function_name(number))
    return {each.oid: each.relation for each in triggers if each.name == name and each.type == ROW_TYPE}


async def _has_only_grown(
    connection: Connection,
    home: Home,
    table: CapturedTable,
    before: Registered,
    relations: Sequence[Relation],
    told: frozenset[int],
) -> bool:
    """Whether the table has new partitions that nothing has gone unseen of, and else is as it was; they are taken in.

    Their rows are told already: only TRUNCATE would not be.
    """
    new = [relation for relation in relations if relation.oid not in before.relations]
    triggers = await _row_triggers(connection, home, before.number)
    known_rows = [relation for trigger, relation in triggers.items() if trigger in told]
    if not new or not await connection.fetchval(_UNTOUCHED, [relation.oid for relation in new], known_rows):
        return False
    truncate = quote_ident(home.truncate_trigger(before.number))
    for relation in new:
        await connection.execute(trigger_sql(home, before.number, relation.sql, truncate=True))
        await connection.execute(f"ALTER TABLE ONLY {relation.sql} ENABLE ALWAYS TRIGGER {truncate}")
    oids = {relation.oid for relation in new}
    known = msgspec.structs.replace(
        before,
        relations=before.relations | oids,
        triggers=before.triggers.union(trigger for trigger, relation in triggers.items() if relation in oids),
    )
    await connection.execute(
        f"UPDATE {home.tables} SET relations = $2, triggers = $3 WHERE number = $1",
        known.number,
        sorted(known.relations),
        sorted(known.triggers),
    )
    return await find_fault(connection, home, known, table) is None


async def _put_triggers(connection: Connection, home: Home, number: int, relations: Sequence[Relation]) -> None:
    """Those that are right stay: dropping one would lock readers out."""
    row, truncate = home.row_trigger(number), home.truncate_trigger(number)
    wanted = {(relations[0].oid, row): ROW_TYPE, **{(each.oid, truncate): TRUNCATE_TYPE for each in relations}}
    there = set()
    for trigger in await read_triggers(connection, home.schema, home.function_name(number)):
        place = (trigger.relation, trigger.name)
        if trigger.whole and wanted.get(place) == trigger.type:
            there.add(place)
        elif not trigger.cloned:
            await connection.execute(f"DROP TRIGGER {quote_ident(trigger.name)} ON {trigger.table}")
    for relation in relations:
        # A partition has a clone of its parent's row trigger, but of no trigger for each statement.
        for name in (row, truncate):
            if (place := (relation.oid, name)) in wanted and place not in there:
                truncates = name == truncate
                await connection.execute(trigger_sql(home, number, relation.sql, truncate=truncates))
    for relation in relations:
        await connection.execute(
            f"ALTER TABLE ONLY {relation.sql} ENABLE ALWAYS TRIGGER {quote_ident(row)},"
            f" ENABLE ALWAYS TRIGGER {quote_ident(truncate)}"
        )


async def _forget(connection: Connection, home: Home, number: int) -> None:
    """Have the table told as emptied: changes may have gone unseen, and what the log has may be of other columns."""
    await connection.execute(f"DELETE FROM {home.log} WHERE rel = $1", number)
    await connection.execute(f"INSERT INTO {home.log} (rel, op) VALUES ($1, 'T')", number)
    await connection.execute(f"DELETE FROM {home.tables} WHERE number = $1", number)


def _captured(table: CapturedTable, columns: dict[str, Column]) -> tuple[Column, ...]:
    missing = [name for name in table.columns if name not in columns]
    if missing:
        raise Refused(f"the table {table.label!r} has no column {missing[0]!r}")
    return tuple(columns[name] for name in table.columns)
