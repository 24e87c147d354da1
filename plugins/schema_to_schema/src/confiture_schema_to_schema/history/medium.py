"""The medium ``schema-to-schema-report``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from confiture.errors import Refused, UsageError
from confiture.sides import shown_side
from confiture_schema_to_schema.history.gathering import gather
from confiture_schema_to_schema.history.page import MARK, page
from confiture_schema_to_schema.model import HistoryReport, HistoryRequest
from confiture_schema_to_schema.sides import find_sides
from confiture_schema_to_schema.status.live import find_again
from confiture_schema_to_schema.status.medium import read_status

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["HistoryMedium"]

_FILE: Final = "migration-report.html"


class HistoryMedium:
    """Reads what both sides remember, and writes one file. One instance may serve several runs."""

    request_type: type[HistoryRequest] = HistoryRequest

    async def run(self, ctx: Context, request: HistoryRequest) -> HistoryReport:
        """Write it. Raises ``Refused`` where there is no migration, and where the file is something else."""
        path = Path(request.output) if request.output is not None else ctx.project.root / _FILE
        shown = ctx.project.shown(path)
        _check(path, shown)
        sides = await find_again(ctx, await find_sides(ctx, request))
        status = await read_status(ctx, sides)
        if status.phase == "none":
            raise Refused(
                f"there is no migration into {shown_side(sides.target)!r} to report of",
                hint="`confiture migrate schema-to-schema cleanup` removes what a report is made from: make it before",
            )
        _write(path, page(await gather(ctx, sides, status)), shown)
        return HistoryReport(path=shown, run_id=status.run_id)


def _check(path: Path, shown: str) -> None:
    """A file that is no report is somebody's."""
    try:
        with path.open("rb") as file:
            if file.read(len(MARK)) == MARK.encode():
                return
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{shown!r} cannot be written: {error.strerror}", hint="name another place") from None
    raise Refused(f"{shown!r} is there, and is no report of a migration", hint="name another file with --output")


def _write(path: Path, text: str, shown: str) -> None:
    """Whole, or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"{shown!r} cannot be written: {error.strerror}", hint="name another place") from None
