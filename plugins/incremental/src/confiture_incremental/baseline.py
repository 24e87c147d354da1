"""The medium ``baseline``: a database that is there already begins its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import anyio.to_thread
import msgspec

from confiture.errors import DriftFound, HistoryConflict, Refused, UsageError
from confiture.migrations.finding import MigrationFile, find_project_migrations
from confiture.migrations.foreign import TOOLS, ForeignHistory, ForeignTable, find_foreign_tables, read_foreign_history
from confiture.migrations.loading import checksum_of, read_migration
from confiture.migrations.tracking import Record
from confiture.model import Note
from confiture_incremental.deployment import Deployment, deployment
from confiture_incremental.differences import from_changes, lines
from confiture_incremental.gates.remembering import remember
from confiture_incremental.migrating import configuration, files_and_checksums

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["BaselineMedium", "BaselineReport", "BaselineRequest", "Tool"]

Tool: TypeAlias = Literal["auto", "none", "alembic", "django", "flyway", "dbmate", "yoyo"]
#: How many revisions a line names.
_NAMED = 5
#: How many differences an error lists.
_LISTED = 40


class BaselineRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``version`` is the last migration that the database already has; None: all of them.

    ``tool``: whose history the baseline stands for; ``auto``: of those that are there. ``prove`` False: the database
    is not compared with what the migrations give. ``sql``: a first migration is written as SQL.
    """

    version: str | None = None
    tool: Tool = "auto"
    prove: bool = True
    sql: bool = False


class BaselineReport(msgspec.Struct, frozen=True, kw_only=True):
    """The versions that were recorded. ``path`` is the migration that was written, where there was none.

    ``proved``: whether the database was found to be what they give. ``histories`` are those of other tools.
    """

    environment: str
    database: str
    versions: tuple[str, ...]
    path: str | None = None
    proved: bool = False
    histories: tuple[ForeignHistory, ...] = ()
    notes: tuple[str, ...] = ()


class BaselineMedium:
    """Records migrations as applied, without running them."""

    request_type: type[BaselineRequest] = BaselineRequest

    async def run(self, ctx: Context, request: BaselineRequest) -> BaselineReport:
        """Record the project's migrations; where there are none yet, write one that makes all that is there.

        Raises ``UsageError`` for a version that there is not, ``HistoryConflict`` where the history has something
        else, ``DriftFound`` with the differences where the database is not what the migrations give, ``Refused`` for
        a tool whose history is not there, or holds a failure.
        """
        files, _ = await files_and_checksums(ctx)
        wanted = _wanted(files, request.version)
        target = await ctx.target()
        async with deployment(ctx, target, configuration(ctx), writes=True) as at_work:
            found = await find_foreign_tables(at_work.connection)
            tables = tuple(each.table for each in found)
            histories = await _histories(at_work, found, request.tool)
            left = _continuation(at_work, files, wanted)
            report = BaselineReport(
                environment=ctx.environment.name,
                database=target.database,
                versions=tuple(file.version for file in left),
                histories=histories,
                notes=tuple(_notes(histories, tables)),
            )
            for note in report.notes:
                ctx.emit(Note(message=note))
            if files:
                if request.prove and left:
                    await _prove(ctx, wanted, tables)
                    report = msgspec.structs.replace(report, proved=True)
                await _record(at_work, left, histories)
                return report
            path = await _write(ctx, request, tables)
            # Should the row not be written, the file is good all the same: the next run compares and records.
            left = find_project_migrations(ctx.project)
            await _record(at_work, left, histories)
        return msgspec.structs.replace(
            report, versions=tuple(file.version for file in left), path=path, proved=request.prove
        )


def _wanted(files: Sequence[MigrationFile], version: str | None) -> list[MigrationFile]:
    if version is None:
        return list(files)
    number = int(version) if version.isascii() and version.isdecimal() else None
    if number not in {file.number for file in files}:
        last = f"the last one is {files[-1].version!r}" if files else "there is none yet: leave the version out"
        raise UsageError(f"there is no migration {version!r}", hint=last)
    return [file for file in files if number is not None and file.number <= number]


async def _histories(at_work: Deployment, found: Sequence[ForeignTable], tool: Tool) -> tuple[ForeignHistory, ...]:
    """The histories that the baseline stands for."""
    chosen = [each for each in found if each.tool is not None and tool in ("auto", each.tool)]
    histories = [await read_foreign_history(at_work.connection, each) for each in chosen]
    if tool in ("auto", "none"):
        return tuple(each for each in histories if each.revisions)
    if not histories:
        table, columns = TOOLS[tool]
        raise Refused(
            f"there is no history of {tool} in this database: no table {table!r} with {', '.join(sorted(columns))}",
            hint="leave --from out, or --from none, where no other tool has been here",
        )
    if not any(each.revisions for each in histories):
        raise Refused(
            f"the history of {tool} is empty: {histories[0].table} has no row",
            hint="nothing was applied, as far as it knows; --from none leaves it out",
        )
    return tuple(histories)


def _continuation(
    at_work: Deployment, files: Sequence[MigrationFile], wanted: Sequence[MigrationFile]
) -> list[MigrationFile]:
    """Those of ``wanted`` that are not recorded yet. Raises ``HistoryConflict`` where the history leads elsewhere."""
    history = at_work.history
    what = f"the database {at_work.target.database!r} has a history already"
    if (partial := history.partial) is not None:
        raise HistoryConflict(
            f"{what}, and {partial.version} ({partial.name}) stopped half-way {partial.partial} in it",
            hint=f"confiture migrate repair {partial.version}",
        )
    applied = [standing.number for standing in history.applied]
    if applied and not files:
        raise HistoryConflict(
            f"{what}: {history.applied[-1].version} is applied, and there are no migrations in this project",
            hint="get the files from version control",
        )
    numbers = [file.number for file in wanted]
    if applied != numbers[: len(applied)]:
        raise HistoryConflict(
            f"{what}, which is not the beginning of these migrations: {history.applied[-1].version} is applied",
            hint="`confiture migrate status` shows both",
        )
    return list(wanted[len(applied) :])


async def _prove(ctx: Context, wanted: Sequence[MigrationFile], tables: Sequence[str]) -> None:
    """Raise ``DriftFound`` where the database is not what the migrations give."""
    for file in wanted:
        if (await anyio.to_thread.run_sync(read_migration, file)).reads("up"):
            raise Refused(
                f"{file.version} ({file.name}) reads the database: its file does not tell what it gives",
                file=file.shown,
                hint="compare by hand, then: --no-prove",
            )
    last = wanted[-1].version
    report = await ctx.start("diff", old="env:", new=f"migrations:{last}", plan=False, exclude=_patterns(tables))
    if not report.changed:
        return
    shown = list(lines(from_changes(report.changes), there="in the database", promised=f"in the migrations to {last}"))
    more = [f"... and {len(shown) - _LISTED} lines more"] if len(shown) > _LISTED else []
    raise DriftFound(
        f"the database is not what the migrations up to {last} give: {len(report.changes)} differences",
        detail="\n".join([*shown[:_LISTED], *more]),
        hint="name the version that it is at (confiture migrate baseline VERSION), mend what differs, leave alone what "
        "is not yours ([diff] exclude), or pass --no-prove",
    )


async def _write(ctx: Context, request: BaselineRequest, tables: Sequence[str]) -> str:
    """The first migration: everything that is there."""
    report = await ctx.start(
        "diff", old="empty:", new="env:", generate="baseline", sql=request.sql, offline=True, backward=False,
        unowned=True, prove=request.prove, exclude=_patterns(tables),
    )  # fmt: skip
    if report.path is None:
        raise Refused(
            "the database is empty: there is nothing that a baseline would stand for",
            hint="the first migration makes the schema: confiture migrate diff --generate --name create_schema",
        )
    return str(report.path)


async def _record(at_work: Deployment, files: Sequence[MigrationFile], histories: Sequence[ForeignHistory]) -> None:
    if not files:
        return
    message = "\n".join(line for each in histories for line in _stands_for(each)) or None
    rows = [
        Record(
            version=file.version,
            name=file.name,
            checksum=checksum_of(file),
            state="baseline",
            seconds=0.0,
            message=message if file is files[-1] else None,
        )
        for file in files
    ]
    await at_work.prepare()
    await at_work.write(*rows)
    await at_work.read()
    await remember(at_work)


def _stands_for(history: ForeignHistory) -> list[str]:
    """What the row says: a line for people, and all revisions."""
    newest = ", ".join(history.newest[:_NAMED]) + (", ..." if len(history.newest) > _NAMED else "")
    if len(history.revisions) == len(history.newest):
        first = f"stands for {history.tool} {newest}"
    else:
        first = f"stands for {len(history.revisions)} of {history.tool}, up to {newest}"
    return [first, f"{history.table}: {', '.join(history.revisions)}"]


def _notes(histories: Sequence[ForeignHistory], tables: Sequence[str]) -> list[str]:
    notes = [f"the baseline {_stands_for(each)[0]}" for each in histories]
    if tables:
        listed = ", ".join(f"'{name}'" for name in _patterns(tables))
        notes.append(
            f"other tools' histories are left alone here: {', '.join(tables)}; drop them once those tools are gone, or "
            f"keep them out of every diff: exclude = [{listed}] under [diff]"
        )
    return notes


def _patterns(tables: Sequence[str]) -> tuple[str, ...]:
    """The tables as patterns of the diff."""
    return tuple(table.replace("[", "[[]") for table in tables)
