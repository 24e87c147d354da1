"""Rows that replace those of the same primary key: they come into a table of their own first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.errors import Refused
from confiture.model import Statement
from confiture.quoting import quote_ident
from confiture_sync.values import TablePlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confiture.protocols import Connection

__all__ = ["STAGING", "after", "before", "read_equals"]

#: In the schema of the session's temporary tables. It lives as long as the transaction of its rows.
STAGING = "pg_temp.confiture_sync_rows"
# The operator by which the primary key's index tells keys apart: a type of an extension has its own, which need not be
# the one that a name finds.
_EQUALS = """
SELECT a.attname::text AS column, pg_catalog.format('OPERATOR(%I.%s)', n.nspname, o.oprname) AS operator
  FROM pg_catalog.pg_index i
  CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(i.indkey::int2[]), pg_catalog.unnest(i.indclass::oid[])) AS u(number, class)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.number
  JOIN pg_catalog.pg_opclass c ON c.oid = u.class
  JOIN pg_catalog.pg_amop p ON p.amopfamily = c.opcfamily AND p.amoplefttype = c.opcintype
   AND p.amoprighttype = c.opcintype AND p.amopstrategy = 3
  JOIN pg_catalog.pg_operator o ON o.oid = p.amopopr JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
 WHERE i.indrelid = pg_catalog.to_regclass($1) AND i.indisprimary AND u.class IS NOT NULL
"""  # noqa: E501


async def read_equals(connection: Connection, plan: TablePlan) -> Mapping[str, str]:
    """The operator of each column of the target's primary key. Raises ``Refused`` where rows cannot be told apart."""
    found = {row["column"]: row["operator"] for row in await connection.fetch(_EQUALS, plan.target.sql)}
    if not found:
        raise Refused(
            f"{plan.label!r} has no primary key, by which its rows could be replaced",
            hint="copy it with --truncate, or leave it out (--exclude)",
        )
    for column in found:
        if column not in plan.masked.columns:
            raise Refused(
                f"the primary key of {plan.label!r} has {column!r}, which is not copied: rows cannot be replaced",
                hint="copy the column, or copy the table with --truncate",
            )
    return found


def before(plan: TablePlan) -> tuple[Statement, ...]:
    """The table that the rows come into: with the columns' types, and nothing that the real table is to see to."""
    return (
        Statement(
            sql=f"CREATE TEMPORARY TABLE {STAGING} ON COMMIT DROP AS SELECT {_columns(plan)} FROM {plan.target.sql} "
            "WITH NO DATA"
        ),
    )


def after(plan: TablePlan, equals: Mapping[str, str], *, partitioned: bool) -> tuple[Statement, ...]:
    """Rows of the same key go, new ones come.

    Not ON CONFLICT DO UPDATE: it cannot set an identity column that is GENERATED ALWAYS, would keep what was in columns
    that are not copied (a mask may say that they become their default), and refuses tables with rules. Foreign keys are
    off, so that nothing follows from the DELETE.
    """
    same = " AND ".join(
        f"t.{quote_ident(column)} {operator} s.{quote_ident(column)}" for column, operator in equals.items()
    )
    only = "" if partitioned else "ONLY "
    return (
        Statement(sql=f"ANALYZE {STAGING}"),
        Statement(sql=f"DELETE FROM {only}{plan.target.sql} AS t USING {STAGING} AS s WHERE {same}"),
        Statement(
            sql=f"INSERT INTO {plan.target.sql} ({_columns(plan)}) OVERRIDING SYSTEM VALUE "
            f"SELECT {_columns(plan)} FROM {STAGING}"
        ),
    )


def _columns(plan: TablePlan) -> str:
    return ", ".join(quote_ident(name) for name in plan.masked.columns)
