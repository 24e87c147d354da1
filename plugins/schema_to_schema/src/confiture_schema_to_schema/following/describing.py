"""Whether the old database understands the queries by which parts are brought up to date, before any of them runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.transfer import keep_connections, reading
from confiture_schema_to_schema.compiling.naming import Findings
from confiture_schema_to_schema.following.statements import Statements, statements_of

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.capturing import Watch
    from confiture_schema_to_schema.model import Finding
    from confiture_schema_to_schema.values import Job

__all__ = ["describe_statements"]


async def describe_statements(ctx: Context, job: Job, watch: Watch) -> tuple[Finding, ...]:
    """An error for each that it does not: a ``touch`` in the map above all. None is run."""
    import asyncpg

    findings = Findings(job.map.shown)
    async with keep_connections(ctx) as kept:
        for statements in statements_of(job, watch):
            for what, query in _queries(statements):
                try:
                    async with reading(kept, job.sides.source) as connection:
                        await connection.prepare(query)
                except asyncpg.SyntaxOrAccessError as error:
                    message = error.message
                else:
                    continue
                findings.error(
                    "map",
                    statements.followed.part.target,
                    f"{what} does not give the key of {statements.followed.part.source!r}: {message}",
                    hint="write a query from the rows that changed (relation changed) to the key's columns: "
                    "SELECT u.id FROM users u JOIN changed ON changed.code = u.country",
                    entry=statements.followed.part.map,
                )
    return findings.all()


def _queries(statements: Statements) -> list[tuple[str, str]]:
    return [(f"the touch query of {label!r}", query) for label, query in statements.touches]
