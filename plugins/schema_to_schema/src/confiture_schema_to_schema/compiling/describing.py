"""PostgreSQL's word on a query: the types of its columns, without running it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from confiture_schema_to_schema.compiling import trees

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["NotDescribed", "describe", "describe_alone"]


class NotDescribed(Exception):
    """The server does not take the query. ``message`` is why, in its words."""

    def __init__(self, message: str, hint: str | None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


async def describe(source: Connection, sql: str) -> tuple[int, ...]:
    """The OIDs of the types of the query's columns. Raises :class:`NotDescribed`."""
    import asyncpg

    inside = source.is_in_transaction()
    if inside:  # or the first error would be the end of the transaction
        await source.execute("SAVEPOINT confiture_describing")
    try:
        found = await source.prepare(sql)
        oids = tuple(attribute.type.oid for attribute in found.get_attributes())
    except (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError):
        raise
    except asyncpg.PostgresError as error:
        if inside:
            await source.execute("ROLLBACK TO SAVEPOINT confiture_describing")
        raise NotDescribed(str(error.args[0] if error.args else error), error.hint) from None
    if inside:
        await source.execute("RELEASE SAVEPOINT confiture_describing")
    return oids


async def describe_alone(source: Connection, tree: Any, nodes: Sequence[Any]) -> int | None:
    """Which of a query's outputs it is that the server does not take; None where it is none of them."""
    for number, node in enumerate(nodes):
        one = type(tree)()
        one.CopyFrom(tree)
        one.ClearField("where_clause")
        trees.set_outputs(one, [node])
        try:
            await describe(source, trees.text(one))
        except NotDescribed:
            return number
    return None
