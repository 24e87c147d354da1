"""What a user writes for a side, and what it is: files of DDL, or a live database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from confiture.config import Environment
from confiture.config.project import ProjectConfig
from confiture.errors import UnknownProvider, UsageError
from confiture.hooks import SOURCE
from confiture.model import SourceFile, Target

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["DEFAULT_NEW", "DEFAULT_OLD", "Side", "load_side"]

#: What stands in for a side that was not given: what the migrations give, and what the project's schema says.
DEFAULT_OLD = "migrations:"
DEFAULT_NEW = ""
_FORMS = (
    "a side is a file or folder of SQL, a source with its address (git:HEAD~1, migrations:, empty:), an environment "
    "(env:production), or a connection string (postgresql://...)"
)
#: Keywords by which a connection string in libpq's other form is known.
_KEYWORDS = ("host=", "dbname=", "service=", "hostaddr=", "user=", "port=")


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One side. ``shown`` is how messages name it; either ``target`` or ``files`` is given."""

    shown: str
    target: Target | None = None
    files: tuple[SourceFile, ...] = ()

    @property
    def live(self) -> bool:
        """Whether it is a database that is read in place."""
        return self.target is not None


async def load_side(ctx: Context, written: str, which: str) -> Side:
    """The side that ``written`` means; ``which`` (old, new) names a database that has no name of its own.

    A path that exists is a path, whatever it looks like. Raises ``UsageError``, ``SourceError``, ``ConfigError``,
    ``DatabaseConnectionError``.
    """
    if written == DEFAULT_NEW:
        return Side(shown="the project's schema", files=await _project_schema(ctx))
    if (path := _existing_path(written)) is not None:
        return Side(shown=written, files=tuple(await _load(ctx, "files", path)))
    if written.startswith("env:"):
        name = written.removeprefix("env:") or None  # none: the one that the run is for, wherever it is from
        return Side(shown=f"env:{name or ctx.environment.name}", target=await ctx.target(name))
    if is_connection_string(written):
        name = f"the {which} database"
        return Side(shown=name, target=await ctx.target(Environment(name=name, database_url=written)))
    scheme, colon, rest = written.partition(":")
    if colon and scheme.isidentifier():
        return Side(shown=written, files=tuple(await _load(ctx, scheme, rest, written)))
    raise UsageError(f"{written!r} does not exist", hint=_FORMS)


def _existing_path(written: str) -> str | None:
    path = Path(written).expanduser()
    try:
        return str(path.absolute()) if path.exists() else None
    except OSError:  # a name that is too long to be one
        return None


def is_connection_string(written: str) -> bool:
    """Whether it is a URI or keywords, as libpq reads them."""
    return written.startswith(("postgresql://", "postgres://")) or written.lstrip().startswith(_KEYWORDS)


async def _project_schema(ctx: Context) -> tuple[SourceFile, ...]:
    # The order is the one that builds: what is not in that section has its default.
    build = ctx.project.document.get("build", {})
    order = build.get("order", "alphabetical") if isinstance(build, dict) else "alphabetical"
    source = ctx.get(SOURCE, ctx.settings("project", ProjectConfig).source)
    return tuple(await source.load(ctx, order=order))


async def _load(ctx: Context, scheme: str, what: str, written: str = "") -> Sequence[SourceFile]:
    try:
        source = ctx.get(SOURCE, scheme)
    except UnknownProvider as error:
        raise UsageError(f"{written!r} is neither a path nor a source: {error.message}", hint=_FORMS) from error
    return await source.load(ctx, what)
