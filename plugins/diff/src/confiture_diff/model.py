"""What ``diff`` is asked, what it answers, and its section of ``confiture.toml``."""

from __future__ import annotations

from typing import Literal

import msgspec

from confiture.model import Decisions, Hazard, Plan, Rename

__all__ = ["Change", "DataFailure", "DiffConfig", "DiffReport", "DiffRequest", "Difference", "Proof"]


class DiffConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[diff]`` in ``confiture.toml``.

    ``exclude``: patterns of identities (``public.tmp_*``) that no diff looks at. ``inspector``, ``differ``: the
    providers. ``keep_snapshots``: how many schemas are remembered on disk, for all projects of the user.
    """

    exclude: tuple[str, ...] = ()
    inspector: str = "catalog"
    differ: str = "catalog"
    keep_snapshots: int = 100


class DiffRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to compare. A side is written as on the command line; None is the default (see ``confiture_diff.sides``).

    ``baseline``: the environment whose database is the old side; only where there are no migrations yet.
    ``drops`` are decisions; ``backfills`` are as in ``DiffOptions``; ``offline`` gives the short statements rather than
    those that keep tables in use. ``plan`` False: only what differs, with no statement and no question. ``prove``
    False: the plan is not tried. ``target_version``: None for that of the live old side, else 18.
    ``force``: report a plan that leads elsewhere rather than raise.
    ``cache`` False: schemas are read anew and not remembered. ``backward`` False: only the way there.
    ``unowned``: what belongs to the role that reads a live side belongs to whoever runs the plan.
    ``generate`` is the name of a migration to write, ``sql``: as a pair of SQL files.
    """

    old: str | None = None
    new: str | None = None
    baseline: str | None = None
    renames: tuple[tuple[str, str], ...] = ()
    drops: tuple[str, ...] = ()
    backfills: dict[str, str] = {}
    offline: bool = False
    plan: bool = True
    prove: bool = True
    target_version: int | None = None
    exclude: tuple[str, ...] = ()
    force: bool = False
    cache: bool = True
    backward: bool = True
    unowned: bool = False
    generate: str | None = None
    sql: bool = False

    @property
    def decisions(self) -> Decisions:
        """The decisions of the request alone."""
        return Decisions(renames=self.renames, drops=self.drops)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is another in the new schema. Parts of what is created or dropped as a whole are not listed.

    ``properties`` are those that change: name, old and new value. ``parent`` is the whole that it is a part of.
    """

    action: Literal["create", "alter", "drop"]
    kind: str
    identity: str
    parent: str | None = None
    properties: tuple[tuple[str, str | None, str | None], ...] = ()


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan left otherwise than wanted. ``direction``: ``forward`` or ``backward``.

    ``property`` is "" where the whole object is missing (``got`` None) or too much (``expected`` None).
    """

    direction: str
    kind: str
    identity: str
    property: str = ""
    expected: str | None = None
    got: str | None = None


class DataFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that failed because of the sample rows: it may fail on real ones."""

    direction: str
    sql: str
    message: str
    sqlstate: str
    failing_rows: str | None = None


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was tried. ``proved`` holds ``forward`` and ``backward`` as far as they led where they should.

    ``with_rows``: those that did so over sample rows; ``rows`` is how many there were.
    """

    proved: tuple[str, ...] = ()
    with_rows: tuple[str, ...] = ()
    rows: int = 0
    differences: tuple[Difference, ...] = ()
    failures: tuple[DataFailure, ...] = ()


class DiffReport(msgspec.Struct, frozen=True, kw_only=True):
    """The plan, the way back, and what is known of both. ``proof`` is None where nothing was tried.

    ``hazards`` are those for people, of all statements of ``plan``; the statements have those of momentary locks, too.
    ``estimated_s``: roughly, how long each statement of ``plan`` takes on the live old side, None for those that take
    no time; () where the old side is DDL.
    ``irreversible`` says why there is no way back, where there is none. ``path`` is the migration that was written.
    """

    old: str
    new: str
    changed: bool
    plan: Plan = Plan(statements=())
    backward: Plan = Plan(statements=())
    renames: tuple[Rename, ...] = ()
    changes: tuple[Change, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    estimated_s: tuple[float | None, ...] = ()
    notes: tuple[str, ...] = ()
    proof: Proof | None = None
    irreversible: str | None = None
    seconds: float = 0.0
    path: str | None = None
    exit_code: int = 0
