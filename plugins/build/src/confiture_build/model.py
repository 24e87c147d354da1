"""What ``build`` is asked, what it answers, and its section of ``confiture.toml``."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["BuildConfig", "BuildReport", "BuildRequest", "BuiltDatabase", "Order", "OrderedStatement"]

Order = Literal["alphabetical", "natural", "auto"]


class BuildConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[build]`` in ``confiture.toml``.

    ``order``: how files are ordered. ``cache``: keep a template database per content. ``keep_templates``: how many.
    ``jobs``: connections. ``lock_wait_s``: how long a second build of the same database waits for the first.
    """

    order: Order = "alphabetical"
    cache: bool = True
    keep_templates: int = 5
    jobs: int = 1
    lock_wait_s: float = 60.0


class BuildRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to build. None means: as ``[build]`` says.

    ``execute`` False: only combine the files (``output`` or ``BuildReport.sql``), no server needed.
    ``recreate``: replace a database that is not empty; passing it is the consent.
    ``databases``: 0 for the environment's own database, N for N equal ones named ``<database>_1`` and so on.
    ``explain``: report the order and why, and run nothing.
    """

    execute: bool = True
    output: str | None = None
    recreate: bool = False
    order: Order | None = None
    cache: bool | None = None
    seeds: bool = True
    jobs: int | None = None
    databases: int = 0
    explain: bool = False


class BuiltDatabase(msgspec.Struct, frozen=True, kw_only=True):
    """One database that was built. ``how``: ``built``, or ``cloned`` from the template of the same content."""

    name: str
    how: Literal["built", "cloned"]
    replaced: bool = False


class OrderedStatement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of the order, for ``--explain``. ``because`` says why it does not stand where its file has it."""

    file: str
    line: int
    text: str
    because: tuple[str, ...] = ()


class BuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. ``sql`` is the combined script where nothing was executed; ``digest`` is of the sources."""

    environment: str
    digest: str
    files: int
    seed_files: int = 0
    statements: int = 0
    rows: int = 0
    seconds: float = 0.0
    databases: tuple[BuiltDatabase, ...] = ()
    roles_created: tuple[str, ...] = ()
    output: str | None = None
    sql: str | None = None
    order: tuple[OrderedStatement, ...] = ()
