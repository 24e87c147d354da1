"""``confiture migrate verify``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import CommonParam, ShellParam
from confiture_incremental.verify.model import VerifyReport, Way

__all__ = ["verify"]


async def verify(
    *,
    all: Annotated[bool, Parameter(negative="")] = False,  # noqa: A002
    exclude: Annotated[tuple[str, ...], Parameter(negative="", metavar="PATTERN")] = (),
    common: CommonParam = None,
    shell: ShellParam,
) -> VerifyReport:
    """Prove on scratch databases that the migrations give db/schema/, and that each way back leads back.

    Exits with 2 where something is to be mended.

    Parameters
    ----------
    all
        Try every migration up and down, not only those that are pending.
    exclude
        Objects that are not compared, such as public.tmp_*. May be given several times.
    """
    async with shell.run(common) as run:
        report: VerifyReport = await run.start("verify", all=all, exclude=exclude)
    for line in _lines(report):
        shell.print(line)
    return report


def _lines(report: VerifyReport) -> Iterator[str]:
    from confiture_incremental.differences import lines

    yield from report.notes
    for way in report.ways:
        yield from _way(way)
    if not report.ways and report.pending_of is not None and report.migrations:
        yield f"nothing is pending in {report.pending_of}: no way back was tried (--all tries every one)"
    yield from lines(report.differences, there="in what the migrations give", promised="in db/schema/")
    many = "1 migration leads" if report.migrations == 1 else f"{report.migrations} migrations lead"
    if report.differences:
        yield f"{many} elsewhere than db/schema/: {_count(len(report.differences))}"
    else:
        yield f"{many} to what db/schema/ says"


def _way(way: Way) -> Iterator[str]:
    from confiture_incremental.differences import lines

    what = f"{way.version} {way.name}"
    if way.state == "ok":
        yield f"↕ {what}: up and down again"
    elif way.state == "irreversible":
        yield f"↑ {what}: no way back"
    elif way.state == "differs":
        yield f"! {what}: down does not lead back: {_count(len(way.differences))}"
        for line in lines(way.differences, there="after down", promised="before up"):
            yield f"    {line}"
    else:
        which = "down" if way.state == "down failed" else "up, after down,"
        yield f"! {what}: {which} fails: {f'{way.where}: ' if way.where else ''}{way.message}"


def _count(many: int) -> str:
    return f"{many} difference{'s' if many != 1 else ''}"
