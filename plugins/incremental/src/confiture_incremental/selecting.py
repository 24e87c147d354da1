"""Which migrations are to be run: decided from the files and the history alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise

import msgspec

from confiture.errors import HistoryConflict, UsageError
from confiture.migrations.finding import MigrationFile
from confiture.migrations.history import History, Standing

__all__ = ["Finding", "Selection", "check_numbers", "findings", "replacing", "select_down", "select_up"]

#: From this many digits on a version is a time, and nobody expects the next one.
_TIME_DIGITS = 12
#: How many versions a message lists.
_LISTED = 5


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Where the files and the history do not fit. ``kind``: ``edited``, ``missing``, ``ahead``, ``out of order``.

    ``ahead``: the database knows newer migrations than the files, as when an older release is started.
    """

    kind: str
    version: str
    message: str
    hint: str


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run, in this order. ``squashed`` are baselines that stand for what is applied: to be recorded."""

    files: tuple[MigrationFile, ...] = ()
    squashed: tuple[MigrationFile, ...] = ()


def findings(
    files: Sequence[MigrationFile],
    checksums: Mapping[int, str],
    history: History,
    replaced: Collection[int] = (),
) -> list[Finding]:
    """All that does not fit. ``replaced`` are the numbers that a baseline among the files stands for."""
    known = {file.number: file for file in files}
    newest = max(known, default=-1)
    last = max((standing.number for standing in history.applied), default=-1)
    found = []
    for standing in history.applied:
        file = known.get(standing.number)
        if standing.number in replaced:
            continue
        if file is None:
            found.append(_absent(standing, ahead=standing.number > newest))
        elif standing.checksum is not None and checksums[standing.number] != standing.checksum:
            found.append(
                Finding(
                    kind="edited",
                    version=standing.version,
                    message=f"{file.shown!r} was edited since it was applied on {standing.last.applied_at:%Y-%m-%d}",
                    hint=f"take the edit back and write a new migration; or accept it, if it changes nothing: "
                    f"`confiture migrate repair {standing.version} --accept`",
                )
            )
    found += [
        Finding(
            kind="out of order",
            version=file.version,
            message=f"{file.shown!r} is pending, and {history.standings[last].version!r} is applied already",
            hint="give it the next number; or run it all the same: --allow-out-of-order",
        )
        for file in files
        if file.number < last and not _applied(history, file.number)
    ]
    return found


def _absent(standing: Standing, *, ahead: bool) -> Finding:
    return Finding(
        kind="ahead" if ahead else "missing",
        version=standing.version,
        message=f"the migration {standing.version} ({standing.name}) is applied, and its file is gone",
        hint="get the file back from version control; if it is gone for good: "
        f"`confiture migrate repair {standing.version} --forget`",
    )


def check_numbers(files: Sequence[MigrationFile], replaced: Collection[int] = ()) -> None:
    """Raise ``HistoryConflict`` where a number is missing between two files."""
    for before, after in pairwise(files):
        if len(before.version) >= _TIME_DIGITS or len(after.version) >= _TIME_DIGITS:
            continue
        missing = [number for number in range(before.number + 1, after.number) if number not in replaced]
        if missing:
            width = len(after.version)
            listed = ", ".join(str(number).zfill(width) for number in missing[:_LISTED])
            raise HistoryConflict(
                f"{listed}{', ...' if len(missing) > _LISTED else ''} is missing between {before.shown!r} and "
                f"{after.shown!r}",
                file=after.shown,
                hint="get the file, or renumber; `allow_gaps = true` under [migrations] allows it for good",
            )


def select_up(
    files: Sequence[MigrationFile],
    checksums: Mapping[int, str],
    history: History,
    *,
    target: str | None = None,
    steps: int | None = None,
    allow_out_of_order: bool = False,
    allow_gaps: bool = False,
    replaces: Callable[[MigrationFile], Sequence[str]] = lambda file: (),
) -> Selection:
    """What ``up`` runs. ``replaces`` says which versions a file stands for, and is asked only where something is odd.

    Raises ``HistoryConflict`` where files and history do not fit, ``UsageError`` for a target that there is not.
    """
    limit = _limit(files, target, steps)
    replaced, squashed = replacing(files, checksums, history, replaces)
    for finding in findings(files, checksums, history, replaced):
        if finding.kind == "ahead" or (finding.kind == "out of order" and allow_out_of_order):
            continue
        raise HistoryConflict(finding.message, hint=finding.hint)
    if not allow_gaps:
        check_numbers(files, replaced)
    partial = history.partial
    if partial is not None and partial.partial == "down":
        raise HistoryConflict(
            f"the migration {partial.version} ({partial.name}) stopped half-way down, after {partial.done} statements",
            hint="go on with `confiture migrate down`, or say how it stands: `confiture migrate repair`",
        )
    done = {file.number for file in squashed}
    pending = [file for file in files if file.number not in done and not _applied(history, file.number)]
    if limit is not None:
        pending = [file for file in pending if file.number <= limit]
    return Selection(files=tuple(pending[:steps]), squashed=squashed)


def select_down(
    files: Sequence[MigrationFile],
    history: History,
    *,
    target: str | None = None,
    steps: int | None = None,
    replaces: Callable[[MigrationFile], Sequence[str]] = lambda file: (),
) -> Selection:
    """What ``down`` takes back, newest first: ``steps``, else one; or all that is newer than ``target``.

    What a baseline stands for goes with it: ``replaces`` says what that is. Raises ``HistoryConflict`` for one whose
    file is gone, or where an ``up`` stopped half-way.
    """
    limit = _limit(files, target, steps, zero=True)
    partial = history.partial
    if partial is not None and partial.partial == "up":
        raise HistoryConflict(
            f"the migration {partial.version} ({partial.name}) stopped half-way up, after {partial.done} statements",
            hint="go on with `confiture migrate up`, or say how it stands: `confiture migrate repair`",
        )
    known = {file.number: file for file in files}
    chosen = [standing for standing in reversed(history.applied) if limit is None or standing.number > limit]
    if limit is None:
        chosen = chosen[: 1 if steps is None else steps]
    found: list[MigrationFile] = []
    for standing in chosen:
        if standing.number in known:
            found.append(known[standing.number])
        elif not any(standing.number in map(int, replaces(file)) for file in found):
            finding = _absent(standing, ahead=False)
            raise HistoryConflict(finding.message, hint=finding.hint)
    return Selection(files=tuple(found))


def _applied(history: History, number: int) -> bool:
    standing = history.standings.get(number)
    return standing is not None and standing.applied


def _limit(files: Sequence[MigrationFile], target: str | None, steps: int | None, *, zero: bool = False) -> int | None:
    if steps is not None and steps < 1:
        raise UsageError(f"--steps must be at least 1, not {steps}")
    if target is None:
        return None
    if steps is not None:
        raise UsageError("--target and --steps exclude each other", hint="give one of them")
    number = int(target) if target.isascii() and target.isdecimal() else None
    if number == 0 and zero:
        return 0
    if number is None or number not in {file.number for file in files}:
        last = f"the last one is {files[-1].version!r}" if files else "there is none at all"
        raise UsageError(f"there is no migration {target!r}", hint=f"--target takes a version; {last}")
    return number


def replacing(
    files: Sequence[MigrationFile],
    checksums: Mapping[int, str],
    history: History,
    replaces: Callable[[MigrationFile], Sequence[str]],
) -> tuple[set[int], tuple[MigrationFile, ...]]:
    """The numbers that baselines stand for, and the baselines that are to be recorded as applied.

    A baseline has the number of the last migration that it stands for, and is asked about where that one was applied
    from another text, or where those before it are gone. What it stands for may have been a baseline in its turn:
    then a database may lack the oldest ones. Raises ``HistoryConflict`` for a database that lacks others.
    """
    known = {file.number for file in files}
    odd = {standing.number for standing in history.applied if standing.number not in known}
    replaced: set[int] = set()
    found = []
    for file in files:
        standing = history.standings.get(file.number)
        applied = standing is not None and standing.applied
        edited = applied and standing is not None and standing.checksum not in (None, checksums[file.number])
        if not edited and not any(number < file.number for number in odd):
            continue
        numbers = {int(version) for version in replaces(file)}
        if not numbers:
            continue
        done = {number for number in numbers if _applied(history, number)}
        if lacking := sorted(number for number in numbers - done if done and number > min(done)):
            missing = ", ".join(str(number).zfill(len(file.version)) for number in lacking[:_LISTED])
            raise HistoryConflict(
                f"{file.shown!r} stands for migrations of which this database lacks {missing}",
                hint="apply those first, from the revision before they were squashed",
            )
        if not done:
            continue
        replaced |= numbers
        if not edited:
            continue
        if standing is not None and standing.last.state == "squashed":
            replaced.discard(file.number)  # it was recorded from another text: an edit like others
        else:
            found.append(file)
    return replaced, tuple(found)
