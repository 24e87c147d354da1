"""The medium ``repair``: a person says how a migration stands, where the history cannot know.

Nothing of the database is changed but the history, to which one row is appended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from confiture.errors import ConfitureError, HistoryConflict, UsageError
from confiture.migrations.finding import MigrationFile
from confiture.migrations.history import Standing
from confiture.migrations.loading import read_migration
from confiture.migrations.tracking import Record
from confiture.model import Statement
from confiture_incremental.deployment import Deployment, deployment
from confiture_incremental.gates.remembering import remember
from confiture_incremental.migrating import configuration, files_and_checksums
from confiture_incremental.recorded import record, record_live
from confiture_incremental.segments import progress_of
from confiture_incremental.selecting import findings, replacing
from confiture_incremental.squashed import replaces_of

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["Action", "RepairMedium", "RepairReport", "RepairRequest", "Repairable"]

Action: TypeAlias = Literal["accept", "done", "undone", "again", "skip", "forget"]
#: What can be said of a migration, by how it stands.
_WAYS: dict[str, tuple[Action, ...]] = {
    "edited": ("accept",),
    "missing": ("forget",),
    "half-way": ("skip", "again", "done", "undone"),
    "failed": ("done", "undone"),
}


class RepairRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to say of ``version``; without ``action`` only what there is to repair is told.

    ``accept``: the edited file counts as what was applied. ``done``: all of it is in the database, ``undone``: nothing
    is. ``skip``: the statement at which it stopped took place, ``again``: it did not. ``forget``: the applied
    migration's file is gone for good. ``dry_run``: say what would be recorded, and record nothing.
    """

    version: str | None = None
    action: Action | None = None
    dry_run: bool = False


class Repairable(msgspec.Struct, frozen=True, kw_only=True):
    """A migration that does not fit. ``ways`` are the actions that there are for it, ``next`` the statement at which it
    stopped, as (number from 1, its first line)."""  # noqa: D205, D209

    version: str
    name: str
    state: Literal["edited", "missing", "half-way", "failed"]
    detail: str
    ways: tuple[Action, ...]
    next: tuple[int, str] | None = None


class RepairReport(msgspec.Struct, frozen=True, kw_only=True):
    """``repairable`` is all that does not fit, or what does not of ``version``. ``says`` is what the new row means.

    ``recorded``: whether it was written.
    """

    environment: str
    database: str
    repairable: tuple[Repairable, ...] = ()
    version: str | None = None
    action: Action | None = None
    says: str | None = None
    recorded: bool = False


class RepairMedium:
    """Appends the row that says what a person knows."""

    request_type: type[RepairRequest] = RepairRequest

    async def run(self, ctx: Context, request: RepairRequest) -> RepairReport:
        """Say what ``request`` says, or tell what there is to be said.

        Raises ``UsageError`` for a version of which nothing is recorded, ``HistoryConflict`` for an action that does
        not fit how it stands, ``Busy`` while migrations run.
        """
        if request.action is not None and request.version is None:
            raise UsageError(f"--{request.action} of which migration?", hint="confiture migrate repair VERSION")
        files, checksums = await files_and_checksums(ctx)
        target = await ctx.target()
        report = RepairReport(environment=ctx.environment.name, database=target.database, version=request.version)
        writes = request.action is not None and not request.dry_run
        async with deployment(ctx, target, configuration(ctx), writes=writes) as at_work:
            found = _repairable(files, checksums, at_work)
            if request.version is not None:
                found = [_of_version(found, request.version, at_work)]
            report = msgspec.structs.replace(report, repairable=tuple(found))
            if request.action is None or request.version is None:
                return report
            (one,) = found
            if request.action not in one.ways:
                raise HistoryConflict(
                    f"--{request.action} does not fit {one.version} ({one.name}): {one.detail}",
                    hint=f"there is: {', '.join(f'--{way}' for way in one.ways)}" if one.ways else "leave it as it is",
                )
            standing = at_work.history.standings[int(one.version)]
            file = next((file for file in files if file.number == standing.number), None)
            row, says = await _row(at_work, standing, file, request.action)
            if writes:
                await at_work.prepare()
                await at_work.write(row)
                if request.action in ("done", "undone"):
                    await at_work.read()
                    await remember(at_work)
        return msgspec.structs.replace(report, action=request.action, says=says, recorded=writes)


def _repairable(files: Sequence[MigrationFile], checksums: Mapping[int, str], at_work: Deployment) -> list[Repairable]:
    history = at_work.history
    try:
        replaced, _ = replacing(files, checksums, history, replaces_of)
    except HistoryConflict:  # no row mends that
        replaced = set()
    kinds = {
        one.version: ("missing" if one.kind == "ahead" else one.kind, one.message)
        for one in findings(files, checksums, history, replaced)
        if one.kind != "out of order"
    }
    known = {file.number: file for file in files}
    found = []
    for number, standing in sorted(history.standings.items()):
        if standing.partial:
            state, detail = "half-way", f"it stopped {standing.partial} after {standing.done} statements"
            if standing.last.message:
                detail += f": {standing.last.message.splitlines()[0]}"
        elif standing.applied and standing.version in kinds:
            state, detail = kinds[standing.version]
        elif not standing.applied and standing.last.state == "failed":
            message = (standing.last.message or "").splitlines()
            state, detail = "failed", f"it failed: {message[0]}" if message else "it failed"
        else:
            continue
        found.append(
            Repairable(
                version=standing.version,
                name=standing.name,
                state=state,  # type: ignore[arg-type]
                detail=detail,
                ways=_WAYS[state],
                next=_next(standing, known.get(number)) if state == "half-way" else None,
            )
        )
    return found


def _of_version(found: Sequence[Repairable], version: str, at_work: Deployment) -> Repairable:
    number = int(version) if version.isascii() and version.isdecimal() else None
    for one in found:
        if one.version.isdecimal() and int(one.version) == number:
            return one
    standing = at_work.history.standings.get(number) if number is not None else None
    if standing is None:
        raise UsageError(
            f"nothing is recorded of a migration {version!r} in {at_work.target.database!r}",
            hint="`confiture migrate status` lists them; what was done by hand is recorded by `migrate up --fake`",
        )
    detail = "it is applied, and its file is as it was" if standing.applied else "it is not applied"
    raise HistoryConflict(
        f"there is nothing to repair in {standing.version} ({standing.name}): {detail}",
        hint="`confiture migrate up --fake` and `down --fake` record without running",
    )


def _next(standing: Standing, file: MigrationFile | None) -> tuple[int, str] | None:
    """The statement at which it stopped, where the file tells."""
    assert standing.partial is not None
    try:
        migration = read_migration(file) if file is not None else None
        if migration is None or migration.reads(standing.partial):
            return None
        statements = migration.record(standing.partial).statements
    except ConfitureError:
        return None
    if standing.done >= len(statements):
        return None
    return standing.done + 1, _first_line(statements[standing.done])


async def _row(
    at_work: Deployment, standing: Standing, file: MigrationFile | None, action: Action
) -> tuple[Record, str]:
    """The row, and what it says in words."""
    what = f"{standing.version} ({standing.name})"
    row = Record(
        version=standing.version,
        name=standing.name,
        checksum=read_migration(file).checksum if file is not None else standing.last.checksum,
        seconds=0.0,
    )
    if action == "accept":
        assert file is not None
        says = f"{what} counts as applied from {file.shown} as it is now"
        return _with(row, says, state="repaired"), says
    if action in ("done", "undone"):
        done = action == "done"
        says = (
            f"{'all' if done else 'nothing'} of {what} is in the database: it counts as {'' if done else 'not '}applied"
        )
        return _with(row, says, direction="up" if done else "down"), says
    if action == "forget":
        says = f"the file of {what} is gone for good: it counts as not applied; what it did stays in the database"
        return _with(row, says, direction="down"), says
    return await _step(at_work, standing, file, row, took_place=action == "skip")


async def _step(
    at_work: Deployment, standing: Standing, file: MigrationFile | None, row: Record, *, took_place: bool
) -> tuple[Record, str]:
    """The row about the statement at which it stopped."""
    assert standing.partial is not None
    what = f"{standing.version} ({standing.name})"
    if file is None:
        raise HistoryConflict(
            f"the file of {what} is gone, and with it the statement at which it stopped",
            hint="get it back from version control; or say how all of it stands: --done, --undone",
        )
    if standing.applied:
        row = msgspec.structs.replace(row, checksum=standing.checksum)  # it was going down: the file is another matter
    recorded = await record_live(record(read_migration(file), standing.partial, at_work.history), at_work)
    assert recorded.plan is not None
    statements = recorded.plan.statements
    if standing.done >= len(statements):
        raise HistoryConflict(f"{what} has no statement {standing.done + 1}", hint="say how all of it stands: --done")
    stopped = f"statement {standing.done + 1} of {what}, {_first_line(statements[standing.done])!r},"
    if not took_place:
        says = f"{stopped} did not take place: the next run begins with it"
        return _with(
            row,
            says,
            state="repaired",
            direction=standing.partial,
            statements=standing.done,
            progress=standing.progress,
        ), says
    done = standing.done + 1
    if done == len(statements):
        says = f"{stopped} took place: with it {what} is done"
        return _with(row, says, direction=standing.partial, statements=done), says
    says = f"{stopped} took place: the next run goes on after it"
    progress = progress_of(statements, done)
    return _with(row, says, state="repaired", direction=standing.partial, statements=done, progress=progress), says


def _with(row: Record, says: str, **changes: object) -> Record:
    return msgspec.structs.replace(row, message=f"repaired by hand: {says}", **changes)


def _first_line(statement: Statement) -> str:
    return statement.sql.strip().splitlines()[0]
