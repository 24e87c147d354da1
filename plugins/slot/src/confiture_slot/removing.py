"""Removing: the slot, the publication, and then each table's replica identity as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.quoting import quote_ident
from confiture_slot.locking import with_short_locks
from confiture_slot.peeking import when_free
from confiture_slot.registry import Former, Registered, Registry, publication_name, read_installed, write_registry

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context
    from confiture_slot.config import SlotConfig

__all__ = ["forget_table", "uninstall"]

_IDENTITIES = {"d": "DEFAULT", "n": "NOTHING", "f": "FULL"}
_DROP = "SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots \
WHERE slot_name = $1"
#: Somebody else may have given the table another identity since: that stays.
_NOW = """
SELECT n.nspname, c.relname,
       EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                WHERE i.indrelid = c.oid AND x.relname = $2) AS index_there
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1 AND c.relreplident = 'f'
"""
_PUBLISHED = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
                WHERE p.pubname = $1 AND r.prrelid = $2)
"""
_NAME = "SELECT n.nspname, c.relname, c.relkind::text AS kind FROM pg_catalog.pg_class c \
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1"


async def uninstall(ctx: Context, source: Target, name: str, config: SlotConfig) -> list[str]:
    """Remove all of it, and say what it was. Raises ``Busy`` where the slot or a table is held for too long."""
    async with ctx.connect(source) as connection:
        installed = await read_installed(connection, name)
        removed: list[str] = []
        if (slot := installed.slot) is not None:
            await when_free(connection, lambda: connection.fetchval(_DROP, slot.name), slot)
            removed.append(f"replication slot {quote_ident(slot.name)}")
        if (registry := installed.registry) is None:
            return removed
        # Nothing is published any more before a table's old rows are told apart no more: UPDATE would fail.
        for known in registry.tables:
            removed += await forget_table(ctx, connection, name, known, config)
        await connection.execute(f"DROP PUBLICATION {quote_ident(installed.publication)}")
        removed.append(f"publication {quote_ident(installed.publication)}")
        return removed


async def forget_table(
    ctx: Context, connection: Connection, name: str, known: Registered, config: SlotConfig
) -> list[str]:
    """Capture the table no more."""
    removed: list[str] = []

    async def work() -> None:
        removed.clear()
        registry = (await read_installed(connection, name)).registry or Registry()
        row = await connection.fetchrow(_NAME, known.relation)
        if await connection.fetchval(_PUBLISHED, publication_name(name), known.relation):
            only = "" if row["kind"] == "p" else "ONLY "
            table = f"{quote_ident(row['nspname'])}.{quote_ident(row['relname'])}"
            await connection.execute(
                f"ALTER PUBLICATION {quote_ident(publication_name(name))} DROP TABLE {only}{table}"
            )
        for former in known.former:
            removed.extend(await _restore(connection, former))
        await write_registry(connection, name, registry.without(known))

    await with_short_locks(ctx, connection, config, (known.label, known.relation), work)
    return removed


async def _restore(connection: Connection, former: Former) -> list[str]:
    row = await connection.fetchrow(_NOW, former.oid, former.index)
    if row is None:
        return []
    table = f"{quote_ident(row['nspname'])}.{quote_ident(row['relname'])}"
    identity = _IDENTITIES.get(former.identity, "DEFAULT")
    if former.identity == "i" and former.index is not None and row["index_there"]:
        identity = f"USING INDEX {quote_ident(former.index)}"
    await connection.execute(f"ALTER TABLE ONLY {table} REPLICA IDENTITY {identity}")
    return [f"replica identity FULL of {table}"]
