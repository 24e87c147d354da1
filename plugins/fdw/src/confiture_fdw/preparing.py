"""The extension on the target: made where it is missing, and removed again where that was us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confiture.quoting import quote_literal
from confiture_fdw.failures import telling
from confiture_fdw.objects import EXTENSION, create_extension, read_abilities

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["make_extension", "remove_extension"]

#: How it is known for ours later: by its comment.
_COMMENT: Final = "made by confiture to copy rows; it goes when the migration is cleaned up"
#: For another run of ours that makes it in this moment.
_WAIT_S: Final = 30.0
_MADE: Final = """
SELECT pg_catalog.obj_description(oid, 'pg_extension') = $1 FROM pg_catalog.pg_extension WHERE extname = $2
"""
_USED: Final = """
SELECT s.srvname::text FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
 WHERE w.fdwname = $1 ORDER BY 1 LIMIT 1
"""


async def make_extension(ctx: Context, target: Target) -> bool:
    """Create it where it is missing; whether it was. Raises ``PermissionMissing``, ``FeatureMissing``."""
    doing = f"creating the extension {EXTENSION!r} in {target.label!r}"
    async with (
        telling(doing),
        ctx.lock(target, f"fdw {target.database}", wait_s=30.0),
        ctx.connect(target) as connection,
        ctx.transaction(connection),
    ):
        able = await read_abilities(connection)
        if able.installed:
            return False
        await create_extension(connection, able)
        await connection.execute(f"COMMENT ON EXTENSION {EXTENSION} IS {quote_literal(_COMMENT)}")
    return True


async def remove_extension(ctx: Context, target: Target) -> tuple[str, ...]:
    """Drop it where :func:`make_extension` made it and nobody else's server needs it; what was removed."""
    doing = f"dropping the extension {EXTENSION!r} of {target.label!r}"
    async with telling(doing), ctx.connect(target) as connection, ctx.transaction(connection):
        if not await connection.fetchval(_MADE, _COMMENT, EXTENSION):
            return ()
        if await connection.fetchval(_USED, EXTENSION) is not None:
            return ()
        await connection.execute(f"DROP EXTENSION {EXTENSION}")
    return (f"the extension {EXTENSION}",)
