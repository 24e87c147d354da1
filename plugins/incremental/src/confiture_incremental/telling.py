"""What a run that fails, or is cancelled, says of what stays: it is told with the error, not left to be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import ConfitureError, ConnectionLost, ExecutionError
from confiture.model import Note

if TYPE_CHECKING:
    from confiture.migrations.tracking import Direction
    from confiture_incremental.deployment import Deployment
    from confiture_incremental.model import Applied
    from confiture_incremental.recorded import Recorded

__all__ = ["tell_what_stays"]

#: What is to be made is there: a table, a type, a schema, a function, a column.
_THERE_ALREADY = frozenset({"42P07", "42710", "42P06", "42723", "42701"})


def tell_what_stays(
    deployment: Deployment,
    direction: Direction,
    done: Sequence[Applied],
    left: Sequence[Recorded],
    error: BaseException,
) -> None:
    """Add to ``error`` what stays of ``done`` and of the first of ``left``, and what to do; else it is a note.

    ``left`` are the migrations of the transaction that failed, none where all are done. The history is as it was read
    when the failure was recorded.
    """
    # A lost connection says by itself what became of the migration that ran.
    known = left and not isinstance(error, ConnectionLost)
    stays = "; ".join(_stays(deployment, direction, done, left) if known else _before(direction, done))
    if not stays:
        return
    if not isinstance(error, ConfitureError):
        deployment.ctx.emit(Note(message=f"stopped: {stays}"))
        return
    error.detail = "\n".join(part for part in (error.detail, stays) if part)
    if direction == "up" and error.sqlstate in _THERE_ALREADY and not deployment.history.applied:
        error.hint = (
            f"{deployment.target.database} has objects, and no migration is recorded as applied: if it has all of this "
            "(as after `confiture build`), say so with `confiture migrate baseline`"
        )
    elif left and isinstance(error, ExecutionError):
        error.hint = (
            error.hint or f"mend it, then run `confiture migrate {direction}` again{_going_on(deployment, left)}"
        )


def _stays(
    deployment: Deployment, direction: Direction, done: Sequence[Applied], left: Sequence[Recorded]
) -> list[str]:
    first = left[0]
    done_of_it = _half_way(deployment, first)
    found = _before(direction, done)
    if done_of_it is None:
        what = f"{first.version} ({first.name})" if len(left) == 1 else f"{first.version} to {left[-1].version}"
        return [*found, f"nothing of {what} is left" if direction == "up" else f"{what} stays applied"]
    total = f" of {len(first.plan.statements)}" if first.plan is not None else ""
    return [*found, f"{done_of_it}{total} statements of {first.version} ({first.name}) are done and stay"]


def _before(direction: Direction, done: Sequence[Applied]) -> list[str]:
    if not done:
        return []
    versions = done[0].version if len(done) == 1 else f"{done[0].version} to {done[-1].version}"
    verb = "applied" if direction == "up" else "taken back"
    return [f"{versions} {'is' if len(done) == 1 else 'are'} {verb}, and {'stays' if len(done) == 1 else 'stay'} so"]


def _half_way(deployment: Deployment, recorded: Recorded) -> int | None:
    standing = deployment.history.standings.get(recorded.migration.file.number)
    return standing.done if standing is not None and standing.partial == recorded.direction else None


def _going_on(deployment: Deployment, left: Sequence[Recorded]) -> str:
    done = _half_way(deployment, left[0])
    return f": it goes on with statement {done + 1}" if done is not None else ""
