"""The medium ``squash``: the first migrations of a project become one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
import msgspec

from confiture.errors import InternalError, Refused, UsageError
from confiture.migrations.finding import MigrationFile, find_migrations, find_project_migrations, migrations_folder
from confiture.migrations.loading import ReadMigration, read_migration
from confiture.migrations.writing import write_migration
from confiture_incremental.differences import from_changes, lines
from confiture_incremental.losing import Lost, lost_in
from confiture_incremental.source import up_script

if TYPE_CHECKING:
    from confiture.model import Plan
    from confiture.protocols import Context

__all__ = ["SquashMedium", "SquashReport", "SquashRequest"]

#: How many places an error lists.
_LISTED = 30


class SquashRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``version`` is the last migration that is squashed, and the version of what replaces them; ``name`` its name.

    ``leave_out``: what no schema holds (rows, roles) is not made any more in new databases.
    """

    version: str
    name: str = "baseline"
    leave_out: bool = False


class SquashReport(msgspec.Struct, frozen=True, kw_only=True):
    """``path`` is the new migration, ``replaces`` the versions that it stands for, ``removed`` the files that are gone.

    ``left_out`` are the statements whose effect no schema holds, as ``file:line: statement``.
    """

    version: str
    name: str
    path: str
    replaces: tuple[str, ...]
    removed: tuple[str, ...]
    left_out: tuple[str, ...] = ()


class SquashMedium:
    """Writes the migration that stands for the first ones, and removes those. Touches no database but scratch ones."""

    request_type: type[SquashRequest] = SquashRequest

    async def run(self, ctx: Context, request: SquashRequest) -> SquashReport:
        """Squash the migrations up to ``request.version``.

        The new one holds what takes an empty database to the schema after them. It is tried, and all migrations with
        it are compared with all migrations as they were, before a file is removed. Raises ``UsageError`` for a version
        that there is not, ``Refused`` naming each place for what would be lost and for what reads the database,
        ``ProofFailed``.
        """
        read = await anyio.to_thread.run_sync(_read, ctx, abandon_on_cancel=True)
        old = _chosen(read, request.version)
        for one in old:
            if one.reads("up"):
                raise Refused(
                    f"{one.file.version} ({one.file.name}) reads the database: its file does not tell what it gives",
                    file=one.file.shown,
                    hint="squash up to the one before it",
                )
        lost = await anyio.to_thread.run_sync(lost_in, old, abandon_on_cancel=True)
        if lost and not request.leave_out:
            raise _refusal(lost)
        report = await ctx.start(
            "diff", old="empty:", new=f"migrations:{old[-1].file.version}", offline=True, backward=False
        )
        if not report.changed:
            raise Refused(
                f"the migrations up to {old[-1].file.version} leave an empty schema: there is nothing to write",
                hint="choose a later one",
            )
        removed, path = await _replace(ctx, request, read, old, report.plan)
        return SquashReport(
            version=old[-1].file.version,
            name=request.name,
            path=ctx.project.shown(path),
            replaces=_replaces(old),
            removed=tuple(ctx.project.shown(each) for each in removed),
            left_out=tuple(each.line for each in lost),
        )


def _read(ctx: Context) -> list[ReadMigration]:
    return [read_migration(file) for file in find_project_migrations(ctx.project)]


def _chosen(read: Sequence[ReadMigration], version: str) -> list[ReadMigration]:
    number = int(version) if version.isascii() and version.isdecimal() else None
    chosen = [one for one in read if number is not None and one.file.number <= number]
    if not chosen or chosen[-1].file.number != number:
        last = f"the last one is {read[-1].file.version!r}" if read else "there is none at all"
        raise UsageError(f"there is no migration {version!r}", hint=last)
    if len(chosen) == 1:
        raise UsageError(
            f"{chosen[0].file.shown!r} is the first migration: there is nothing to squash", hint="choose a later one"
        )
    return chosen


def _replaces(old: Sequence[ReadMigration]) -> tuple[str, ...]:
    """The versions of all of them, and of what baselines among them stand for."""
    found: dict[int, str] = {}
    for one in old:
        found |= {int(version): version for version in (*one.replaces, one.file.version)}
    return tuple(found[number] for number in sorted(found))


def _refusal(lost: Sequence[Lost]) -> Refused:
    places = [each.line for each in lost[:_LISTED]]
    if len(lost) > _LISTED:
        places.append(f"... and {len(lost) - _LISTED} more")
    return Refused(
        f"new databases would lack what no schema holds, and {len(lost)} statements of these migrations make",
        detail="\n".join(places),
        hint="rows that each database needs belong in db/seeds, or in a migration that comes after; then: --leave-out",
    )


async def _replace(
    ctx: Context, request: SquashRequest, read: Sequence[ReadMigration], old: Sequence[ReadMigration], plan: Plan
) -> tuple[list[Path], Path]:
    """Write the new one, prove that nothing changes, and remove the old ones: what is gone, and what is there."""
    folder, version = migrations_folder(ctx.project), old[-1].file.version
    # Beside the others, so that it gets its place by a rename; nobody takes a hidden folder for a migration.
    try:
        staging = Path(tempfile.mkdtemp(prefix=".squash-", dir=folder))
    except OSError as error:
        raise UsageError(
            f"{ctx.project.shown(folder)!r} cannot be written to: {error.strerror}", hint="is the folder writable?"
        ) from error
    try:
        written = write_migration(
            staging,
            request.name,
            plan.statements,
            None,
            version=version,
            replaces=_replaces(old),
            docstring_notes={"Replaces": [f"{old[0].file.version} to {version}, {len(old)} migrations"],
                             "Proof": ["all migrations with it give the schema that they gave before"]},
        )  # fmt: skip
        (file,) = find_migrations(staging, ctx.project.shown(folder))
        await _prove(ctx, file, read, len(old))
        path = folder / written.name
        gone = [each for one in old for each in (one.file.path, one.file.down_path) if each not in (None, path)]
        written.replace(path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    removed = []
    for each in gone:
        assert each is not None
        try:
            each.unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(
                f"{ctx.project.shown(each)!r} cannot be removed: {error.strerror}",
                hint=f"{ctx.project.shown(path)!r} is written and proved: remove what it stands for by hand",
            ) from error
        removed.append(each)
    return removed, path


async def _prove(ctx: Context, new: MigrationFile, read: Sequence[ReadMigration], many: int) -> None:
    """Raise ``InternalError`` where all migrations give another schema with the new one than without.

    What comes after one that reads the database cannot be told from its file.
    """
    rest: list[str] = []
    for one in read[many:]:
        if one.reads("up"):
            break
        rest.append(await anyio.to_thread.run_sync(up_script, one.file))
    before = [await anyio.to_thread.run_sync(up_script, one.file) for one in read[:many]]
    after = [await anyio.to_thread.run_sync(up_script, new)]
    with tempfile.TemporaryDirectory(prefix="confiture-squash-") as name:
        sides = [_side(Path(name) / side, texts) for side, texts in (("old", [*before, *rest]), ("new", after + rest))]
        report = await ctx.start("diff", old=str(sides[0]), new=str(sides[1]), plan=False)
    if report.changed:
        raise InternalError(
            "the migrations would give another schema: nothing was written",
            detail="\n".join(_differences(report.changes)),
            hint="report it with the migrations",
        )


def _side(folder: Path, texts: Sequence[str]) -> Path:
    folder.mkdir()
    for number, text in enumerate(texts):
        (folder / f"{number:06}.sql").write_text(text, encoding="utf-8")
    return folder


def _differences(changes: Sequence[object]) -> Iterator[str]:
    yield from lines(from_changes(changes), there="before", promised="in the squashed ones")
