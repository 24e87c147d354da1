"""What the tracking table says: its rows, and what they come to for each migration."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import HistoryConflict
from confiture.migrations.tracking import COLUMNS, LAYOUT, Direction, State, Tracking, layout_of

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Event", "History", "Standing", "fold", "read_history"]

_FINISHED: frozenset[State] = frozenset({"applied", "faked", "baseline", "built", "squashed"})


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One row. ``duration_s`` in seconds, ``applied_at`` with its time zone; ``snapshot`` is read apart."""

    id: int
    version: str
    name: str
    checksum: str | None
    direction: Direction
    state: State
    statements: int
    progress: str | None
    applied_at: datetime
    applied_by: str
    host: str | None
    tool_version: str | None
    run_id: str | None
    duration_s: float | None
    message: str | None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a migration stands: ``applied`` or not, and where it stopped half-way, if it did.

    ``partial`` is the direction in which ``done`` statements are done, ``progress`` their digest; the next one may
    have been begun. ``checksum`` is that of the file as applied, or as accepted since. ``last`` is the newest row.
    """

    version: str
    name: str
    applied: bool = False
    checksum: str | None = None
    partial: Direction | None = None
    done: int = 0
    progress: str | None = None
    last: Event

    @property
    def number(self) -> int:
        """What versions compare by; -1 for a version that is no number."""
        return int(self.version) if self.version.isascii() and self.version.isdecimal() else -1


class History(msgspec.Struct, frozen=True, kw_only=True):
    """All rows, and the standing of each version that has any, by number.

    ``exists``: whether there is a table; ``layout`` is 0 without one. ``columns`` are those that it has, ``unique`` its
    constraints that allow a version only once: an older layout has them.
    """

    exists: bool = False
    schema_exists: bool = False
    layout: int = 0
    columns: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    standings: dict[int, Standing] = {}

    @property
    def applied(self) -> list[Standing]:
        """Those that are applied, by number."""
        return [each for _, each in sorted(self.standings.items()) if each.applied]

    @property
    def partial(self) -> Standing | None:
        """The one that stopped half-way."""
        return next((each for _, each in sorted(self.standings.items()) if each.partial), None)


def fold(events: Iterable[Event]) -> dict[int, Standing]:
    """What the rows, oldest first, come to. A row of a state that this version does not know changes nothing."""
    found: dict[int, Standing] = {}
    for event in events:
        number = int(event.version) if event.version.isascii() and event.version.isdecimal() else -event.id
        before = found.get(number) or Standing(version=event.version, name=event.name, last=event)
        changes: dict[str, object] = {"last": event}
        if event.state in _FINISHED:
            changes |= {"applied": event.direction == "up", "partial": None, "done": 0, "progress": None}
            changes |= {"checksum": event.checksum, "name": event.name, "version": event.version}
        elif event.state == "started" or (event.state == "failed" and event.statements):
            changes |= {"partial": event.direction, "done": event.statements, "progress": event.progress}
        elif event.state == "repaired":
            changes |= {"checksum": event.checksum}
            if before.partial == event.direction:
                changes |= {"done": event.statements, "progress": event.progress}
        found[number] = msgspec.structs.replace(before, **changes)
    return found


async def read_history(connection: Connection, tracking: Tracking) -> History:
    """The history of a database; one without the table is empty. Changes nothing.

    Raises ``HistoryConflict`` for a table that a newer version of confiture made, or that is something else.
    """
    row = await connection.fetchrow(
        "SELECT n.oid IS NOT NULL AS schema_exists, c.oid IS NOT NULL AS exists,"
        " obj_description(c.oid, 'pg_class') AS comment,"
        " array(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)"
        "  AS columns,"
        " array(SELECT conname::text FROM pg_constraint"
        "  JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)"
        "  WHERE conrelid = c.oid AND contype IN ('p', 'u') AND attname = 'version') AS uniques"
        " FROM (VALUES (1)) AS one LEFT JOIN pg_namespace n ON nspname = $1"
        " LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $2",
        tracking.schema,
        tracking.table,
    )
    if not row["exists"]:
        return History(schema_exists=row["schema_exists"])
    layout, columns = layout_of(row["comment"]), tuple(row["columns"])
    if layout > LAYOUT:
        raise HistoryConflict(
            f"the table {tracking.qualified} has layout {layout}, and this confiture knows up to {LAYOUT}",
            hint="a newer version of confiture has been here: use that one",
        )
    if not {"version", "name"} <= set(columns):
        raise HistoryConflict(
            f"the table {tracking.qualified} is no history of migrations: it has no columns version and name",
            hint="name another one: `schema` and `table` under [migrations] in confiture.toml",
        )
    rows = await connection.fetch(f"SELECT {_selected(columns)} FROM {tracking.qualified} ORDER BY 1")
    events = tuple(Event(**dict(row.items())) for row in rows)
    return History(
        exists=True,
        schema_exists=True,
        layout=layout,
        columns=columns,
        unique=tuple(row["uniques"]),
        events=events,
        standings=fold(events),
    )


def _selected(columns: tuple[str, ...]) -> str:
    """The fields of :class:`Event`; what an older layout lacks has its default."""
    defaults = {
        "id": "row_number() OVER (ORDER BY version)",
        "direction": "'up'",
        "state": "'applied'",
        "statements": "0",
        "applied_at": "'-infinity'::timestamptz",
        "applied_by": "''",
    }
    parts = []
    for name in COLUMNS:
        if name == "snapshot":
            continue
        if name == "duration":
            value = "extract(epoch FROM duration)::float8" if name in columns else "NULL::float8"
            parts.append(f"{value} AS duration_s")
        else:
            parts.append(f"{name if name in columns else defaults.get(name, 'NULL')} AS {name}")
    return ", ".join(parts)
