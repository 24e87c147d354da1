"""What ``init`` is asked, and what it answers."""

from __future__ import annotations

import msgspec

__all__ = ["Adopted", "InitReport", "InitRequest"]


class InitRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Make a project.

    ``folder``: where, made if it does not exist; None is the run's project. ``name``: the project's; None is the
    folder's. ``from_database``: its schema is that of the run's environment, else a small example.
    """

    folder: str | None = None
    name: str | None = None
    from_database: bool = False


class Adopted(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken over from a database.

    ``environment`` and ``database`` say which one, ``schema_files`` counts the files that its ``objects`` are in,
    which are tables, views, functions and so on with all that is a part of them.
    ``order`` is the ``[build] order`` that they build in. ``left_out`` are tables in which tools keep their history,
    ``roles`` what a server must have for the build. ``unproved`` are objects whose text the two servers print in
    different ways, so that nobody could compare them; of all others the build was proved to give the same.
    """

    environment: str
    database: str
    objects: int
    schema_files: int
    order: str
    left_out: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    unproved: tuple[str, ...] = ()
    seconds: float = 0.0


class InitReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ``init`` did: the project's folder, the files written, and those that were there and stayed.

    ``adopted`` is there with ``--from-database`` only.
    """

    folder: str
    written: tuple[str, ...]
    kept: tuple[str, ...]
    adopted: Adopted | None = None
