"""Runs a plan's statements on a scratch database, one by one, as psql would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import StatementFailed
from confiture.model import Plan, Statement
from confiture.quoting import quote_ident
from confiture_diff.scratch import SETTINGS

if TYPE_CHECKING:
    import asyncpg

    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["create_roles", "first_failure", "run_statements"]


async def run_statements(ctx: Context, target: Target, statements: Sequence[Statement]) -> None:
    """Run them in order, each in a transaction of its own. Raises ``StatementFailed`` with the statement."""
    async with ctx.connect(target, settings=SETTINGS) as connection:
        await create_roles(connection, statements)
        failed = await first_failure(connection, statements)
    if failed is not None:
        number, error = failed
        raise StatementFailed(
            f"a statement of the plan failed: {error.message}",
            detail=statements[number].sql,
            sqlstate=error.sqlstate,
            hint="report it with both schemas: a plan must not fail on an empty database",
        ) from error


async def first_failure(
    connection: Connection, statements: Sequence[Statement]
) -> tuple[int, asyncpg.PostgresError] | None:
    """Run them until one fails: its number and the error; None where all ran."""
    import asyncpg

    for number, statement in enumerate(statements):
        try:
            await connection.execute(statement.sql)
        except asyncpg.PostgresError as error:
            if connection.is_closed():
                raise
            return number, error
    return None


async def create_roles(connection: Connection, statements: Sequence[Statement]) -> None:
    """Make the roles that the statements name and the scratch server lacks, without login."""
    from confiture.sql import roles_named

    named = roles_named(Plan(statements=tuple(statements)))
    if not named:
        return
    rows = await connection.fetch("SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = ANY($1)", list(named))
    there = {row["rolname"] for row in rows}
    for name in named:
        if name not in there:
            await connection.execute(
                f"DO $confiture$BEGIN CREATE ROLE {quote_ident(name)} NOLOGIN; "
                "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END$confiture$"
            )
