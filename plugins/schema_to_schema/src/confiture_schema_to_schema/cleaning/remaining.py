"""What is there after all, by the catalogs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.config.project import MigrationsConfig

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["read_remaining"]

# The schema of the tool may have tables of other mediums, such as the migrations that were applied: they are no part.
_REMAINING = r"""
SELECT what || ' ' || name FROM (
    SELECT 1 AS n, 'trigger' AS what, t.tgname || ' on ' || t.tgrelid::pg_catalog.regclass::text AS name
      FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal AND t.tgname LIKE '%confiture\_%'
    UNION ALL
    SELECT 2, 'function', p.oid::pg_catalog.regprocedure::text
      FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE p.proname LIKE 'confiture\_%' OR n.nspname LIKE 'confiture\_capture%'
    UNION ALL
    SELECT 3, CASE c.relkind WHEN 'f' THEN 'foreign table' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence'
                             ELSE 'table' END, c.oid::pg_catalog.regclass::text
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                          AND d.objid = c.oid AND d.deptype = 'i')
       AND CASE WHEN n.nspname = $1 THEN c.relname LIKE 'confiture\_move%'
                ELSE c.relname LIKE 'confiture\_%' OR n.nspname LIKE 'confiture\_%' END
    UNION ALL
    SELECT 4, 'server', s.srvname::text FROM pg_catalog.pg_foreign_server s WHERE s.srvname LIKE 'confiture\_%'
    UNION ALL
    SELECT 5, 'extension', e.extname::text FROM pg_catalog.pg_extension e
     WHERE pg_catalog.obj_description(e.oid, 'pg_extension') LIKE '%confiture%'
    UNION ALL
    SELECT 6, 'publication', p.pubname::text FROM pg_catalog.pg_publication p
     WHERE p.pubname LIKE 'confiture\_%' OR p.pubname = ANY ($2::text[])
    UNION ALL
    SELECT 7, 'replication slot', s.slot_name::text FROM pg_catalog.pg_replication_slots s
     WHERE s.database = pg_catalog.current_database()
       AND (s.slot_name LIKE 'confiture\_%' OR s.slot_name = ANY ($2::text[]))
    UNION ALL
    SELECT 8, 'schema', n.nspname::text FROM pg_catalog.pg_namespace n
     WHERE n.nspname LIKE 'confiture\_%' AND n.nspname <> $1
) AS found ORDER BY n, name
"""


async def read_remaining(ctx: Context, connection: Connection, captures: Sequence[str]) -> list[str]:
    """What the tool may have made on that side, and is there. ``captures``: names that captures had."""
    schema = ctx.settings("migrations", MigrationsConfig).schema
    rows = await connection.fetch(_REMAINING, schema, list(captures))
    return [row[0] for row in rows]
