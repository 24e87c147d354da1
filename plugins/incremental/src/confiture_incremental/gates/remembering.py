"""Keeps how a run left the schema, so that the next one can tell what others have changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.model import WarningRaised
from confiture.quoting import quote_literal
from confiture.translate import translate
from confiture_incremental.gates.facts import SETTINGS, facts_query

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment

__all__ = ["FORMAT", "remember", "settings"]

#: Of what is stored: another one is not read.
FORMAT = 1


async def remember(deployment: Deployment) -> None:
    """Store what the schema is like now in the history's newest row, and in no other one.

    It is the only UPDATE that the history sees, and takes one statement: nothing leaves the server. What ran has run:
    where this fails, a warning says so.
    """
    if not deployment.config.drift_check:
        return
    tracking = deployment.tracking
    facts = facts_query(quote_literal(tracking.schema), quote_literal(tracking.table))
    update = f"""
UPDATE {tracking.qualified} AS h SET snapshot = CASE WHEN h.id = newest.id THEN (
  SELECT convert_to(json_build_object('format', {FORMAT}, 'server', current_setting('server_version_num')::int / 10000,
    'facts', coalesce(json_agg(json_build_array(kind, object, part, property, value)), '[]'))::text, 'UTF8')
  FROM ({facts}) AS facts
) END
FROM (SELECT max(id) AS id FROM {tracking.qualified}) AS newest
WHERE h.id = newest.id OR h.snapshot IS NOT NULL
"""
    try:
        async with deployment.ctx.transaction(deployment.connection):
            await deployment.connection.execute(f"{settings()}; {update}")
    except Exception as error:
        deployment.ctx.emit(
            WarningRaised(
                message=f"how the schema is now could not be kept: {translate(error, ())}",
                hint="the next run cannot tell what others change until then; the role needs SELECT and UPDATE on "
                f"{tracking.qualified}, or set drift_check = false under [incremental]",
            )
        )


def settings() -> str:
    """The settings of :mod:`confiture_incremental.gates.facts`, for the rest of a transaction."""
    return "; ".join(f"SET LOCAL {name} = {quote_literal(value)}" for name, value in SETTINGS.items())
