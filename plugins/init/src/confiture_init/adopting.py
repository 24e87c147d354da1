"""From a live database to the files of its schema, proved."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
import msgspec

from confiture.config.project import CONFIG_FILE, Project, ProjectConfig
from confiture.errors import Refused
from confiture.hooks import DIFFER, INSPECTOR
from confiture.migrations.tracking import tracking_of
from confiture.model import DiffOptions, Note, Plan, Schema, StepFinished, StepStarted, WarningRaised
from confiture.owners import without_extension_versions
from confiture.sqlfiles.config import FilesConfig
from confiture_init.excluding import without_histories
from confiture_init.layout import lay_out, whole_objects
from confiture_init.model import Adopted, InitReport
from confiture_init.owners import without_role
from confiture_init.settings import chosen_order, with_order
from confiture_init.writing import remove, write_files, write_project

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["adopt"]

#: The providers that read and compare. [prefer] replaces them.
_INSPECTOR = _DIFFER = "catalog"


async def adopt(ctx: Context, root: Path, name: str | None) -> InitReport:
    """Write the schema of the run's environment into the project at ``root``, with whatever else it lacks.

    Raises ``Refused`` and ``ProofFailed`` before any file is written.
    """
    started = time.monotonic()
    project = Project(root)
    folder = _schema_folder(project)
    _refuse_files(root / folder, folder)
    target = await ctx.target()
    ctx.emit(StepStarted(step="init.read", label=f"reading {target.label}"))
    live = await ctx.get(INSPECTOR, _INSPECTOR).inspect(ctx, target)
    kept = without_histories(live, tracking_of(project))
    _refuse_unknown(kept.schema)
    wanted = without_extension_versions(without_role(kept.schema, live.role))
    plan = await _plan(ctx, wanted)
    if not plan.statements:
        raise Refused(
            f"the database {target.database!r} of {target.label!r} has no schema to write: it is empty",
            hint="is it the right one? `confiture init` without --from-database begins a new schema",
        )
    files = await anyio.to_thread.run_sync(lay_out, plan.statements, wanted)
    ctx.emit(StepFinished(step="init.read", seconds=time.monotonic() - started, summary=f"{len(files)} files"))

    from confiture_init.proof import prove

    proof = await prove(ctx, files, wanted, live, chosen_order(project))
    _tell(ctx, kept.left_out, wanted)
    report = await anyio.to_thread.run_sync(_write, root, folder, name, files, proof.order, chosen_order(project))
    adopted = Adopted(
        environment=target.label,
        database=target.database,
        objects=whole_objects(wanted),
        schema_files=len(files),
        order=proof.order,
        left_out=tuple(table for table, _ in kept.left_out),
        roles=proof.roles,
        unproved=proof.unproved,
        seconds=time.monotonic() - started,
    )
    return msgspec.structs.replace(report, adopted=adopted)


def _schema_folder(project: Project) -> str:
    """Where the project's schema belongs. Raises ``Refused`` for one that does not come from files."""
    source = project.section("project", ProjectConfig).source
    roots = project.section("files", FilesConfig).roots
    if source != "files" or len(roots) != 1 or roots[0].lower().endswith(".sql"):
        raise Refused(
            f"{CONFIG_FILE} takes the schema from {source!r}" if source != "files" else
            f"{CONFIG_FILE} has other roots than one folder: {', '.join(roots)}",
            hint="one folder has to be there for it: `roots` under [files]",
        )  # fmt: skip
    return roots[0].strip("/")


def _refuse_files(folder: Path, shown: str) -> None:
    """Raises ``Refused`` where there is anything already: two sources of truth are none."""
    found = next((path for path in sorted(folder.rglob("*")) if path.is_file() and not _is_hidden(path, folder)), None)
    if found is not None:
        raise Refused(
            f"{shown}/ has files already, such as {found.relative_to(folder).as_posix()!r}",
            hint="nothing is overwritten: name another folder, as in `confiture init other --from-database`, or move "
            "them away",
        )


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _refuse_unknown(schema: Schema) -> None:
    """Raises ``Refused`` naming what the inspector sees and nobody can write down."""
    if not schema.unsupported:
        return
    named = ", ".join(f"{each.kind.partition(':')[2]} {each.identity!r}" for each in schema.unsupported)
    raise Refused(
        f"the database has what confiture cannot write down: {named}",
        hint="a schema without it would not be this database's: drop it there, or read a copy that lacks it",
    )


async def _plan(ctx: Context, wanted: Schema) -> Plan:
    """The statements that make the schema in an empty database."""
    async with ctx.scratch("empty") as empty:
        nothing = without_role(await ctx.get(INSPECTOR, _INSPECTOR).inspect(ctx, empty), "")
    version = wanted.server_version[0] if wanted.server_version else 18
    options = DiffOptions(online=False, target_version=version)
    return await ctx.get(DIFFER, _DIFFER).diff(ctx, without_extension_versions(nothing), wanted, options)


def _tell(ctx: Context, left_out: tuple[tuple[str, str], ...], wanted: Schema) -> None:
    for table, tool in left_out:
        ctx.emit(Note(message=f"{table} is left out: {tool} keeps its history in it"))
    for each in wanted.objects:
        if each.kind == "user mapping" and each.properties.get("option_names"):
            ctx.emit(
                WarningRaised(
                    message=f"the options of the user mapping {each.identity} may be secrets, and were not read",
                    hint="they are empty in the files: set them in each database with ALTER USER MAPPING",
                )
            )


def _write(
    root: Path, folder: str, name: str | None, files: dict[str, str], order: str, chosen: str | None
) -> InitReport:
    """All of it, or no file of the schema."""
    config = root / CONFIG_FILE
    text = None
    if order != (chosen or "alphabetical") and config.is_file():
        text = with_order(config.read_bytes().decode(), order, config)
    schema = {f"{folder}/{path}": text for path, text in files.items()}
    made = write_files(root, schema)
    try:
        report = write_project(root, name, {})
        if text is None and order != (chosen or "alphabetical"):
            text = with_order(config.read_bytes().decode(), order, config)
        if text is not None:
            config.write_bytes(text.encode())
    except BaseException:
        remove(made)
        raise
    return msgspec.structs.replace(report, written=(*report.written, *schema))
