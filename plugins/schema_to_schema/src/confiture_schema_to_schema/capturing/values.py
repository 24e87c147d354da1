"""What is captured for a job, as values."""

from __future__ import annotations

import msgspec

from confiture.model import CapturedTable
from confiture_schema_to_schema.values import Part

__all__ = ["Followed", "Touch", "Watch"]


class Touch(msgspec.Struct, frozen=True, kw_only=True):
    """How changed rows of a lookup lead to driving keys: ``query`` reads the relation ``changed`` (of the columns of
    ``table`` that are captured) and gives the driving key's columns."""  # noqa: D205, D209

    table: str
    query: str


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """How a part is brought up to date. ``identity``: columns of the target and SQL over the driving key's columns by
    their bare names: what finds the rows of the part on the target by their driving key. ``keys``: of each of these the
    driving key's column that it is, one by one; None for another. ``apart``: columns of the
    target and constants (SQL) that tell the rows of the part from those of other parts of the target; () where it is
    the only one, or nothing tells them apart. ``full_refresh``: it is copied whole, each time.

    ``upsert``: columns of the target that the part does not fill keep their values where the row stays: for a target
    that has more than the map knows, as the old database has when it follows the new one.
    """  # noqa: D205

    part: Part
    identity: tuple[tuple[str, str], ...] = ()
    keys: tuple[str | None, ...] = ()
    apart: tuple[tuple[str, str], ...] = ()
    touches: tuple[Touch, ...] = ()
    full_refresh: bool = False
    upsert: bool = False


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What is captured for a job, and by whom (the provider's name). ``name`` is the capture's on the source.

    ``back``: it is what leads from the new database to the old one.
    """

    capture: str
    name: str
    tables: tuple[CapturedTable, ...]
    parts: tuple[Followed, ...]
    back: bool = False
