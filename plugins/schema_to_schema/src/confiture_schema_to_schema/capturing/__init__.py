"""What has to be captured on the source, so that each part can be brought up to date, and by which provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.model import CapturedTable
from confiture_schema_to_schema.model import Finding
from confiture_schema_to_schema.values import Job, Part

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["Followed", "Touch", "Watch", "capture_name", "install", "plan_watch", "verify"]


class Touch(msgspec.Struct, frozen=True, kw_only=True):
    """How changed rows of a lookup lead to driving keys: ``query`` reads the relation ``changed`` (of the columns of
    ``table`` that are captured) and gives the driving key's columns."""  # noqa: D205, D209

    table: str
    query: str


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """How a part is brought up to date. ``identity``: columns of the target and SQL over the driving key's columns by
    their bare names: what finds a row of the part on the target by its driving key. ``full_refresh``: it is copied
    whole, each time."""  # noqa: D205, D209

    part: Part
    identity: tuple[tuple[str, str], ...] = ()
    touches: tuple[Touch, ...] = ()
    full_refresh: bool = False


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What is captured for a job, and by whom (the provider's name)."""

    capture: str
    name: str
    tables: tuple[CapturedTable, ...]
    parts: tuple[Followed, ...]


def capture_name(run_id: str) -> str:
    """What the capture of a run is called on the source: letters, digits and underscores, 40 characters at most."""
    raise NotImplementedError


def plan_watch(job: Job, capture: str) -> tuple[Watch, tuple[Finding, ...]]:
    """What has to be captured, and which parts cannot be followed, with the reason and what to do.

    Errors: a volatile expression, a part without a key or whose rows cannot be found on the target by it.
    """
    raise NotImplementedError


async def install(ctx: Context, job: Job, watch: Watch) -> None:
    """Before the first chunk is read."""
    raise NotImplementedError


async def verify(ctx: Context, job: Job, watch: Watch) -> None:
    """Before each phase and within a cutover: every trigger is there, and the tables are as they were.

    Raises ``CaptureBroken`` naming the table; an added column that the map does not take is no error.
    """
    raise NotImplementedError
