"""The proof: a build of the files gives the same database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from confiture.config.project import ScratchConfig
from confiture.errors import ConfitureError, DependencyError, ExecutionError, FeatureMissing, ProofFailed
from confiture.hooks import EXECUTOR, INSPECTOR, SERVER, SOURCE
from confiture.model import Execution, Plan, Schema, StepFinished, StepStarted, WarningRaised
from confiture.owners import without_extension_versions
from confiture.sql import extensions_named, features_named, order_statements, read_script, roles_named
from confiture.sqlfiles.order import misread
from confiture_init.comparing import column_orders, compare
from confiture_init.owners import without_role
from confiture_init.writing import write_files

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["Proof", "prove"]

_SOURCE, _EXECUTOR, _INSPECTOR = "files", "runner", "catalog"


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The ``[build] order`` that the files build in, the roles that they name, and what could not be compared."""

    order: str
    roles: tuple[str, ...] = ()
    unproved: tuple[str, ...] = ()


async def prove(ctx: Context, files: Mapping[str, str], wanted: Schema, live: Schema, order: str | None) -> Proof:
    """Build the files on a scratch database, and read that again. ``order``: the project has chosen it already.

    Without one it is ``alphabetical`` where that does, else ``auto``. Raises ``ProofFailed`` naming what differs,
    ``FeatureMissing`` where the scratch server cannot have such a database.
    """
    import time

    started = time.monotonic()
    ctx.emit(StepStarted(step="init.prove", label="building the files for proof"))
    with _written(files) as folder:
        plan, chosen = await _first_plan(ctx, folder, files, order)
        try:
            built = await _build(ctx, plan)
        except ExecutionError as error:
            if order is not None or chosen == "auto" or isinstance(error, FeatureMissing):
                raise _failed(error, order) from error
            try:
                plan, chosen = await _load(ctx, folder, "auto"), "auto"
                built = await _build(ctx, plan)
            except (DependencyError, ExecutionError) as again:
                raise _failed(again, order) from again
    unproved = _compared(ctx, wanted, built, live)
    ctx.emit(StepFinished(step="init.prove", seconds=time.monotonic() - started, summary=f"in {chosen} order"))
    return Proof(order=chosen, roles=roles_named(plan), unproved=unproved)


@contextmanager
def _written(files: Mapping[str, str]) -> Iterator[Path]:
    """The files in a folder that lasts as long as the block."""
    with tempfile.TemporaryDirectory(prefix="confiture-init-") as name:
        folder = Path(name).resolve() / "schema"
        write_files(folder, files)
        yield folder


async def _first_plan(ctx: Context, folder: Path, files: Mapping[str, str], order: str | None) -> tuple[Plan, str]:
    # t10 before t9 is alphabetical, and every build would warn of it.
    if order is None and misread(sorted(tuple(path.split("/")) for path in files)):
        order = "auto"
    if order is not None:
        return await _load(ctx, folder, order), order
    plan = await _load(ctx, folder, "alphabetical")
    try:
        in_order = not order_statements(plan).changed
    except DependencyError:
        in_order = True  # no sorting mends it: PostgreSQL may see it otherwise
    return (plan, "alphabetical") if in_order else (await _load(ctx, folder, "auto"), "auto")


async def _load(ctx: Context, folder: Path, order: str) -> Plan:
    """What `build` makes of the files in that order."""
    sources = await ctx.get(SOURCE, _SOURCE).load(ctx, str(folder), order=order)
    plan = read_script(sources)
    if order != "auto":
        return plan
    return msgspec.structs.replace(plan, statements=order_statements(plan).statements)


async def _build(ctx: Context, plan: Plan) -> Schema:
    async with ctx.scratch("proof") as target:
        await _check_features(ctx, plan, target)
        await ctx.get(EXECUTOR, _EXECUTOR).execute(ctx, plan, target, Execution(atomic=False, create_roles=True))
        return await ctx.get(INSPECTOR, _INSPECTOR).inspect(ctx, target)


async def _check_features(ctx: Context, plan: Plan, target: Target) -> None:
    features = tuple(name for name, _ in features_named(plan))
    extensions = tuple(name for name, _ in extensions_named(plan))
    if not (features or extensions):
        return
    config = ctx.settings("scratch", ScratchConfig)
    try:
        await ctx.get(SERVER, "url" if config.url else config.server).check(ctx, target, features, extensions)
    except FeatureMissing as error:
        error.hint = (
            "the files cannot be proved there: set [scratch] url in confiture.toml to a server that has it, or "
            "[embedded] bin_dir to an installed PostgreSQL's programs"
        )
        raise


def _failed(error: ConfitureError, order: str | None) -> ConfitureError:
    """What a build of the files would meet; no file has been written. ``order``: what the project has chosen."""
    if isinstance(error, FeatureMissing):
        return error
    place = f" ({error.source_line.strip()})" if error.source_line else ""
    return ProofFailed(
        f"a build of the files would fail: {error.message}{place}",
        hint=f'nothing was written. confiture.toml sets order = "{order}" under [build]: set it to "auto"'
        if order not in (None, "auto")
        else "nothing was written. It is a defect of confiture: report it, with the statement",
        detail=error.detail,
        sqlstate=error.sqlstate,
    )


def _compared(ctx: Context, wanted: Schema, built: Schema, live: Schema) -> tuple[str, ...]:
    """What could not be compared, as text. Raises ``ProofFailed`` for what differs."""
    # Its own role stands for the builder there, and may be an owner by name here.
    expected = without_role(wanted, built.role, everywhere=True)
    found = without_extension_versions(without_role(built, built.role, everywhere=True))
    if expected.digest != found.digest:
        comparison = compare(expected, found, same_version=live.server_version[:1] == built.server_version[:1])
        if comparison.different:
            shown = comparison.different[:20]
            more = len(comparison.different) - len(shown)
            raise ProofFailed(
                f"a build of the files would give another database: {len(comparison.different)} objects differ",
                detail="\n".join((*shown, *((f"and {more} more",) if more > 0 else ()))),
                hint="nothing was written"
                if live.server_version[:1] == built.server_version[:1]
                else f"nothing was written; the scratch server is PostgreSQL {built.server_version[0]}, the database's "
                f"{live.server_version[0]}: set [scratch] url in confiture.toml to one of the same version",
            )
        if comparison.printed:
            ctx.emit(
                WarningRaised(
                    message=f"the database's PostgreSQL {live.server_version[0]} prints {len(comparison.printed)} "
                    f"objects in another way than {built.server_version[0]}, which proved the rest: "
                    f"{', '.join(comparison.printed[:5])}{'...' if len(comparison.printed) > 5 else ''}",
                    hint="set [scratch] url in confiture.toml to a server of the same version to have them proved too",
                )
            )
        unproved = comparison.printed
    else:
        unproved = ()
    orders = column_orders(found)
    if moved := sorted(table for table, columns in column_orders(expected).items() if orders.get(table) != columns):
        ctx.emit(
            WarningRaised(
                message=f"columns stand in another order than in the database: {', '.join(moved)}",
                hint="programs that rely on it, as INSERT without names does, would see that",
            )
        )
    return unproved
