"""Installing: the publication, each table in a transaction of its own, and then the slot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio
import msgspec

from confiture.errors import Busy, PermissionMissing, Refused
from confiture.quoting import quote_ident
from confiture_slot.catalog import Column, column_list, read_columns, read_relation_oid, read_relations
from confiture_slot.creating import create_slot
from confiture_slot.locking import with_short_locks
from confiture_slot.peeking import prefix_of
from confiture_slot.registry import Former, Registered, Registry, publication_name, read_installed, write_registry
from confiture_slot.removing import forget_table, uninstall
from confiture_slot.verifying import find_fault, publication_fault

if TYPE_CHECKING:
    from confiture.model import CapturedTable, Target
    from confiture.protocols import Connection, Context
    from confiture_slot.config import SlotConfig

__all__ = ["install"]

#: From this version on, a column that is generated and stored is published, if asked for.
_GENERATED_SINCE = 18
#: In the WAL, after all that was told of the table before.
_TELL = "SELECT pg_catalog.pg_logical_emit_message(true, $1, $2::text)"
#: Nothing was ever taken from such a partition unseen: no row is there, and it was not emptied (that gives a new file).
_UNTOUCHED = """
SELECT bool_and(c.relkind = 'p' OR (pg_catalog.pg_relation_size(c.oid) = 0
                                    AND pg_catalog.pg_relation_filenode(c.oid) = c.oid))
  FROM pg_catalog.pg_class c WHERE c.oid = ANY($1::oid[])
"""


async def install(ctx: Context, source: Target, name: str, tables: Sequence[CapturedTable], config: SlotConfig) -> None:
    """Capture these tables, and no others any more. What was installed before and is as it should be stays.

    Where slot or publication is not there, or the slot has lost WAL, both are made anew; a failure of that takes
    everything away again. Where there was something of it, all tables are told as emptied.
    """
    async with ctx.connect(source) as connection:
        installed = await read_installed(connection, name)
        registry, slot = installed.registry, installed.slot
        whole = registry is not None and slot is not None and not slot.lost
        if registry is not None and whole and await publication_fault(connection, name) is None:
            await _install(ctx, connection, name, registry, tables, config)
            return
        again = registry is not None or slot is not None
        try:
            if again:
                await uninstall(ctx, source, name, config)
            registry = Registry(untold=tuple(table.label for table in tables) if again else ())
            await _publish(ctx, connection, name, registry)
            await _install(ctx, connection, name, registry, tables, config, waiting=True)
            await create_slot(ctx, connection, installed.slot_name, config.create_s)
            await _tell_untold(ctx, connection, name)
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


async def _publish(ctx: Context, connection: Connection, name: str, registry: Registry) -> None:
    import asyncpg

    # By its root, a partitioned table's publication says nothing of TRUNCATE of a partition.
    options = "publish = 'insert, update, delete, truncate', publish_via_partition_root = false"
    if connection.get_server_version()[0] >= _GENERATED_SINCE:
        options += ", publish_generated_columns = stored"
    called = publication_name(name)
    try:
        async with ctx.transaction(connection):
            await connection.execute(f"CREATE PUBLICATION {quote_ident(called)} WITH ({options})")
            await write_registry(connection, name, registry)
    except asyncpg.InsufficientPrivilegeError as error:
        raise PermissionMissing(
            f"the publication {called!r} cannot be made: {error}", hint="GRANT CREATE ON DATABASE to this role"
        ) from error
    except asyncpg.DuplicateObjectError as error:
        raise Refused(
            f"there is a publication {called!r} that confiture did not make", hint="drop it, or rename it"
        ) from error


async def _install(
    ctx: Context,
    connection: Connection,
    name: str,
    registry: Registry,
    tables: Sequence[CapturedTable],
    config: SlotConfig,
    *,
    waiting: bool = False,
) -> None:
    """``waiting``: the slot is made after this, and waits for whoever writes."""
    wanted = {table.label for table in tables}
    for known in registry.tables:
        if known.label not in wanted:
            await forget_table(ctx, connection, name, known, config)
    for table in tables:
        before = registry.by_label().get(table.label)
        told = before is not None and table.label not in registry.untold
        if before is not None and told and await find_fault(connection, name, before, table) is None:
            continue

        async def work(table: CapturedTable = table) -> None:
            await _install_table(connection, name, table, waiting=waiting)

        oid = await read_relation_oid(connection, table.sql)
        await with_short_locks(ctx, connection, config, (table.label, oid), work)


async def _install_table(connection: Connection, name: str, table: CapturedTable, *, waiting: bool) -> None:
    """Publish the table while nobody writes to it; before that, have the WAL say what its rows were.

    A table that is published without that would refuse its application's UPDATE and DELETE.
    """
    registry = (await read_installed(connection, name)).registry or Registry()
    before = registry.by_label().get(table.label)
    oid = await read_relation_oid(connection, table.sql)
    if oid is None:
        raise Refused(f"the table {table.label!r} is not there")
    root = (await read_relations(connection, oid))[0]
    only = "" if root.kind == "p" else "ONLY "
    await connection.execute(f"LOCK TABLE {only}{table.sql} IN SHARE ROW EXCLUSIVE MODE")
    relations = await read_relations(connection, oid)
    root = relations[0]
    columns = _captured(table, await read_columns(connection, oid))
    former = list(before.former) if before is not None else []
    for relation in relations:
        if relation.unknown(table.columns):
            await connection.execute(f"ALTER TABLE ONLY {relation.sql} REPLICA IDENTITY FULL")
            if all(each.oid != relation.oid for each in former):
                former.append(Former(oid=relation.oid, identity=relation.identity, index=relation.index))
    known = Registered(
        label=table.label,
        relation=oid,
        relations={relation.oid: relation.label for relation in relations},
        columns=table.columns,
        types=tuple(column.type for column in columns),
        partitioned=root.kind == "p",
        former=tuple(former),
    )
    if before is not None and await _has_only_grown(connection, name, table, before, known):
        await write_registry(connection, name, registry.put(known))
        return
    full = bool(root.unknown(table.columns))
    await _put_in_publication(connection, name, table, only, column_list(_version(connection), root, full=full))
    if before is not None:
        registry = registry.without(before)
    registry = registry.put(known)
    if not waiting and (before is not None or table.label in registry.untold):
        await connection.execute(_TELL, prefix_of(name), table.label)
        untold = tuple(label for label in registry.untold if label != table.label)
        registry = msgspec.structs.replace(registry, untold=untold)
    await write_registry(connection, name, registry)


async def _has_only_grown(
    connection: Connection, name: str, table: CapturedTable, before: Registered, known: Registered
) -> bool:
    """Whether the table has new partitions that nothing has gone unseen of, and else is as it was."""
    new = [oid for oid in known.relations if oid not in before.relations]
    if not new or not await connection.fetchval(_UNTOUCHED, new):
        return False
    return await find_fault(connection, name, known, table) is None and before.types == known.types


async def _put_in_publication(
    connection: Connection, name: str, table: CapturedTable, only: str, columns: Sequence[str] | None
) -> None:
    called = quote_ident(publication_name(name))
    there = "SELECT EXISTS (SELECT FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p \
ON p.oid = r.prpubid WHERE p.pubname = $1 AND r.prrelid = pg_catalog.to_regclass($2)::oid)"
    if await connection.fetchval(there, publication_name(name), table.sql):
        await connection.execute(f"ALTER PUBLICATION {called} DROP TABLE {only}{table.sql}")
    listed = "" if columns is None else f" ({', '.join(map(quote_ident, columns))})"
    await connection.execute(f"ALTER PUBLICATION {called} ADD TABLE {only}{table.sql}{listed}")


async def _tell_untold(ctx: Context, connection: Connection, name: str) -> None:
    registry = (await read_installed(connection, name)).registry
    if registry is None or not registry.untold:
        return
    async with ctx.transaction(connection):
        for label in registry.untold:
            await connection.execute(_TELL, prefix_of(name), label)
        await write_registry(connection, name, msgspec.structs.replace(registry, untold=()))


def _captured(table: CapturedTable, columns: dict[str, Column]) -> tuple[Column, ...]:
    missing = [name for name in table.columns if name not in columns]
    if missing:
        raise Refused(f"the table {table.label!r} has no column {missing[0]!r}")
    return tuple(columns[name] for name in table.columns)


def _version(connection: Connection) -> int:
    version: int = connection.get_server_version()[0]
    return version
