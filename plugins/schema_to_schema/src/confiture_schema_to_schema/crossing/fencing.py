"""Closes tables for writes by triggers, which no client can override, and opens them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from confiture.quoting import quote_ident, quote_literal
from confiture_schema_to_schema.durable import durable
from confiture_schema_to_schema.following import MARK

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection

__all__ = ["CLOSED", "FENCE", "fence", "fenced_tables", "lead_to", "lift_fence", "where_to"]

#: The triggers, and their function in confiture's own schema.
FENCE: Final = "confiture_move_fence"
#: What is said on a side that was live.
CLOSED: Final = "this database is closed for writes: another one has taken its place"
_PORT: Final = "5432"

_BODY = """
BEGIN
    IF pg_catalog.current_setting({mark}, true) = {run} THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION USING ERRCODE = '25006', MESSAGE = {message}, HINT = {hint};
END
"""
# A statement on a partition does not fire what its root has; triggers for statements are not cloned.
_TABLES = """
WITH RECURSIVE part AS (
    SELECT pg_catalog.to_regclass(t.sql)::oid AS oid FROM unnest($1::text[]) AS t(sql)
    UNION
    SELECT i.inhrelid FROM part JOIN pg_catalog.pg_inherits i ON i.inhparent = part.oid
      JOIN pg_catalog.pg_class child ON child.oid = i.inhrelid AND child.relispartition
)
SELECT n.nspname::text AS schema, c.relname::text AS name, t.oid IS NOT NULL AS has, t.tgenabled::text AS state
  FROM part JOIN pg_catalog.pg_class c ON c.oid = part.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid AND t.tgname = $2 AND NOT t.tgisinternal
 WHERE c.relkind IN ('r', 'p') ORDER BY 1, 2
"""
_FENCED = """
SELECT n.nspname::text AS schema, c.relname::text AS name
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE t.tgname = $1 AND NOT t.tgisinternal AND t.tgenabled <> 'D' ORDER BY 1, 2
"""


async def fence(
    connection: Connection,
    schema: str,
    run_id: str,
    tables: Sequence[str],
    message: str,
    *,
    here: Target,
    there: Target,
) -> None:
    """Close ``tables`` (SQL) and their partitions, in the transaction that is open. Who writes gets SQLSTATE 25006.

    ``here``: where ``connection`` leads. ``there``: the database that is the live one, which they are told of.

    Save those transactions that bring changes over in this run. ``schema`` is confiture's own, and has to be there.
    Tables that are closed already stay so, with these words.
    """
    function = f"{quote_ident(schema)}.{FENCE}"
    statements = [_function(schema, run_id, message, where_to(here, there))]
    for row in await connection.fetch(_TABLES, list(tables), FENCE):
        table = _sql(row)
        if not row["has"]:
            statements.append(
                f"CREATE TRIGGER {FENCE} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT"
                f" EXECUTE FUNCTION {function}()"
            )
        # ALWAYS: sessions with session_replication_role = replica too.
        if row["state"] != "A":
            statements.append(f"ALTER TABLE ONLY {table} ENABLE ALWAYS TRIGGER {FENCE}")
    await connection.execute("; ".join(statements))


async def lead_to(connection: Connection, schema: str, run_id: str, *, here: Target, there: Target) -> None:
    """What is closed tells of ``there`` from now on: a switch has given the databases other names."""
    await connection.execute(_function(schema, run_id, CLOSED, where_to(here, there)))


def where_to(here: Target, there: Target) -> str:
    """``connect to the database 'shop' at host 'db2', port 5432``; its name alone where ``here`` is beside it."""
    keys = {"host": None, "hostaddr": None, "port": _PORT}
    place = {key: there.params.get(key, default) for key, default in keys.items()}
    said = f"connect to the database {there.database!r}"
    if place == {key: here.params.get(key, default) for key, default in keys.items()}:
        return said
    host = place["host"] or place["hostaddr"]
    return f"{said} at {f'host {host!r}, ' if host else ''}port {place['port']}"


def _function(schema: str, run_id: str, message: str, hint: str) -> str:
    body = _BODY.format(
        mark=quote_literal(MARK), run=quote_literal(run_id), message=quote_literal(message), hint=quote_literal(hint)
    )
    return (
        f"CREATE OR REPLACE FUNCTION {quote_ident(schema)}.{FENCE}() RETURNS trigger LANGUAGE plpgsql"
        f" SET search_path = pg_catalog AS {quote_literal(body)}"
    )


async def fenced_tables(connection: Connection) -> tuple[str, ...]:
    """Labels of the tables that are closed."""
    return tuple(f"{row['schema']}.{row['name']}" for row in await connection.fetch(_FENCED, FENCE))


async def lift_fence(connection: Connection) -> None:
    """Open all tables of the database that are closed, in the transaction that is open.

    The triggers stay, switched off, until the cleanup: to drop one waits for everybody who reads the table. A crash
    does not close them again: nobody would look for that once it is written on the other side that all is done.
    """
    await durable(connection)
    rows = await connection.fetch(_FENCED, FENCE)
    if rows:
        await connection.execute("; ".join(f"ALTER TABLE ONLY {_sql(row)} DISABLE TRIGGER {FENCE}" for row in rows))


def _sql(row: Any) -> str:
    return f"{quote_ident(row['schema'])}.{quote_ident(row['name'])}"
