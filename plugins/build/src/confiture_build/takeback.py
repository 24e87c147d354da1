"""Takes everything out of a database that a failed build in place put into it.

Only where one transaction was not possible: some statement of the schema refuses to run in one. What the database
held before counted as empty: extensions and their members, empty schemas, our own schema. All else goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from confiture.config.project import MigrationsConfig
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["Before", "remember", "take_back"]

# What a schema holds depends on it (manual 52.18 pg_depend); members of extensions belong to those.
_IN_SCHEMAS = """
SELECT i.type, i.identity
  FROM pg_depend d JOIN pg_namespace n ON n.oid = d.refobjid
 CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) i
 WHERE d.refclassid = 'pg_namespace'::regclass AND d.deptype = 'n' AND d.classid <> 'pg_extension'::regclass
   AND d.classid <> 'pg_default_acl'::regclass
   AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_') AND n.nspname <> 'confiture'
   AND NOT EXISTS (SELECT 1 FROM pg_depend e
                    WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype IN ('e', 'i')
                      AND (e.refclassid, e.refobjid) <> (e.classid, e.objid)) -- a partitioned table's own key
   AND NOT (d.classid = 'pg_class'::regclass AND d.objid = coalesce($1::oid, 0))
"""
_OF_DATABASE = """
SELECT 'EVENT TRIGGER' AS type, quote_ident(evtname) AS identity FROM pg_event_trigger WHERE oid >= 16384
UNION ALL SELECT 'PUBLICATION', quote_ident(pubname) FROM pg_publication
UNION ALL SELECT 'SUBSCRIPTION', quote_ident(subname) FROM pg_subscription
           WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
UNION ALL SELECT 'SERVER', quote_ident(srvname) FROM pg_foreign_server
UNION ALL SELECT 'FOREIGN DATA WRAPPER', quote_ident(fdwname) FROM pg_foreign_data_wrapper
UNION ALL SELECT 'EXTENSION', quote_ident(extname) FROM pg_extension
UNION ALL SELECT 'SCHEMA', quote_ident(nspname) FROM pg_namespace
           WHERE nspname <> 'information_schema' AND NOT starts_with(nspname, 'pg_') AND nspname <> 'confiture'
"""
#: pg_default_acl is reached by no DROP: the default privileges that a schema sets are taken back one by one.
_DEFAULTS = """
SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s REVOKE ALL ON %s FROM %s', r.rolname,
              CASE WHEN n.nspname IS NULL THEN '' ELSE format(' IN SCHEMA %I', n.nspname) END,
              CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
                                   WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
              coalesce(quote_ident(g.rolname), 'PUBLIC')) AS statement
  FROM pg_default_acl d JOIN pg_roles r ON r.oid = d.defaclrole LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
 CROSS JOIN LATERAL aclexplode(d.defaclacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
 WHERE a.grantee <> d.defaclrole
"""


class Before(msgspec.Struct, frozen=True):
    """What the database held as a whole: (kind, identity) of schemas, extensions and their like.

    ``history`` is the OID of the table of migrations, None where there was none.
    """

    objects: frozenset[tuple[str, str]]
    history: int | None = None


async def remember(connection: Connection, config: MigrationsConfig) -> Before:
    """What is there now, to be kept by a later :func:`take_back`."""
    rows = await connection.fetch(_OF_DATABASE)
    history = await connection.fetchval(
        "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relname = $2",
        config.schema,
        config.table,
    )
    return Before(frozenset((row["type"], row["identity"]) for row in rows), history)


async def take_back(ctx: Context, target: Target, before: Before) -> tuple[str, ...]:
    """Drop all that was not there; what could not be dropped."""
    async with ctx.connect(target) as connection:
        for row in await connection.fetch(_DEFAULTS):
            await connection.execute(row["statement"])
        for row in await connection.fetch(_OF_DATABASE):
            if (row["type"], row["identity"]) not in before.objects:
                await _drop(connection, row["type"], row["identity"])
        for row in await connection.fetch(_IN_SCHEMAS, before.history):
            await _drop(connection, row["type"], row["identity"])
        await connection.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
        left = [f"{row['type']} {row['identity']}" for row in await connection.fetch(_IN_SCHEMAS, before.history)]
        after = await connection.fetch(_OF_DATABASE)
        left += [
            f"{r['type'].lower()} {r['identity']}" for r in after if (r["type"], r["identity"]) not in before.objects
        ]
    return tuple(left)


async def _drop(connection: Connection, kind: str, identity: str) -> None:
    import asyncpg

    try:
        await connection.execute(f"DROP {kind} IF EXISTS {identity} CASCADE")
    except asyncpg.PostgresError:
        return  # gone with another, or counted in what is left
