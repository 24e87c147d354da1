"""How migrations stand, and what happened, for people and programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from confiture.errors import HistoryConflict
from confiture.migrations.finding import MigrationFile
from confiture.migrations.history import Event, History, Standing
from confiture_incremental.model import HistoryEntry, HistoryReport, HistoryRequest, StatusReport, VersionStatus
from confiture_incremental.selecting import check_numbers, findings, replacing
from confiture_incremental.squashed import replaces_of

__all__ = ["history_of", "status_of"]


def status_of(
    environment: str,
    database: str,
    files: Sequence[MigrationFile],
    checksums: Mapping[int, str],
    history: History,
    *,
    allow_gaps: bool = False,
    replaces: Callable[[MigrationFile], Sequence[str]] = replaces_of,
) -> StatusReport:
    """How each migration stands, of the files and of the history, by number.

    What a baseline among the files stands for is no part of it; ``replaces`` says what that is.
    """
    replaced: set[int] = set()
    conflicts = []
    try:
        replaced, _ = replacing(files, checksums, history, replaces)
    except HistoryConflict as error:
        conflicts = [error.message]
    found = findings(files, checksums, history, replaced)
    odd = {int(one.version): one for one in found if one.version.isdecimal()}
    problems = [*conflicts, *(one.message for one in found if one.kind != "ahead")]
    if not allow_gaps:
        try:
            check_numbers(files, replaced)
        except HistoryConflict as error:
            problems.append(error.message)
    known = {file.number: file for file in files}
    numbers = sorted(
        known.keys()
        | {
            each.number
            for each in history.standings.values()
            if (each.applied and each.number not in replaced) or each.partial
        }
    )
    statuses = []
    for number in numbers:
        standing, file = history.standings.get(number), known.get(number)
        finding = odd.get(number)
        statuses.append(
            _status(file, standing, finding.kind if finding else None, finding.message if finding else None)
        )
    partial = history.partial
    if partial is not None:
        problems.append(
            f"{partial.version} ({partial.name}) stopped half-way {partial.partial}: {partial.done} statements are done"
        )
    applied = history.applied
    return StatusReport(
        environment=environment,
        database=database,
        tracked=history.exists,
        current=applied[-1].version if applied else None,
        migrations=tuple(statuses),
        pending=sum(one.state in ("pending", "failed", "half-way", "out of order") for one in statuses),
        problems=tuple(problems),
    )


def _status(
    file: MigrationFile | None, standing: Standing | None, odd: str | None, message: str | None
) -> VersionStatus:
    version = file.version if file else standing.version if standing else ""
    name = file.name if file else standing.name if standing else ""
    last = standing.last if standing else None
    state = "pending"
    if standing is not None and standing.partial:
        state = "half-way"
    elif standing is not None and standing.applied:
        state = {"missing": "missing", "ahead": "missing", "edited": "edited"}.get(odd or "", "applied")
    elif odd == "out of order":
        state = "out of order"
    elif last is not None and last.state == "failed":
        state = "failed"
    applied = standing is not None and standing.applied
    return VersionStatus(
        version=version,
        name=name,
        state=state,  # type: ignore[arg-type]
        file=file.shown if file else None,
        applied_at=last.applied_at if last and applied else None,
        applied_by=last.applied_by if last and applied else None,
        how=last.state if last and applied else None,
        detail=message or (last.message if last and not applied else None),
    )


def history_of(environment: str, database: str, history: History, request: HistoryRequest) -> HistoryReport:
    """The rows that are asked for, newest first."""
    wanted = None
    if request.version is not None:
        wanted = int(request.version) if request.version.isdecimal() else -1
    found = [
        _entry(event)
        for event in reversed(history.events)
        if wanted is None or (event.version.isdecimal() and int(event.version) == wanted)
    ]
    return HistoryReport(environment=environment, database=database, events=tuple(found[: request.limit]))


def _entry(event: Event) -> HistoryEntry:
    return HistoryEntry(
        id=event.id,
        version=event.version,
        name=event.name,
        direction=event.direction,
        state=event.state,
        statements=event.statements,
        at=event.applied_at,
        by=event.applied_by,
        host=event.host,
        tool_version=event.tool_version,
        duration_s=event.duration_s,
        checksum=event.checksum,
        message=event.message,
    )
