"""Which files belong to a schema, and what is said where the names or the folder are not as they should be."""

from __future__ import annotations

from collections.abc import Mapping

from confiture.errors import SourceUnreadable
from confiture.model import WarningRaised
from confiture.sqlfiles.order import misread

__all__ = ["check_name", "is_hidden", "is_sql", "no_file", "warn_of_order"]


def is_sql(name: str) -> bool:
    """Whether a file of that name holds SQL."""
    return name.lower().endswith(".sql")


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is passed over: editors and systems keep their own things there."""
    return name.startswith(".")


def check_name(name: str, shown: str) -> None:
    """Refuse names that no message, script or other system can carry. Raises ``SourceUnreadable``."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        readable = shown.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        raise SourceUnreadable("has a name that is not UTF-8", file=readable, hint="rename it") from error
    if not name.isprintable():
        raise SourceUnreadable("has a name with a control character", file=repr(shown)[1:-1], hint="rename it")


def no_file(shown: str, left_out: int) -> SourceUnreadable:
    """The error of a folder without SQL files. ``left_out``: how many the patterns kept out."""
    looked_for = "looked for files whose names end in .sql, in it and in every folder below"
    if left_out:
        looked_for += f"; {left_out} such files were left out by `include` and `exclude` under [files]"
    return SourceUnreadable("has no SQL file", file=shown, hint=looked_for)


def warn_of_order(found: Mapping[tuple[str, ...], str]) -> list[WarningRaised]:
    """One warning a root, naming the first pair: a project that does not pad its numbers has many.

    ``found`` maps the components of each file, in alphabetical order, to how messages name it.
    """
    pairs = misread(list(found))
    if not pairs:
        return []
    first, second = (found[parts] for parts in pairs[0])
    more = f" (and {len(pairs) - 1} more such pairs)" if len(pairs) > 1 else ""
    return [
        WarningRaised(
            message=f"{first!r} runs before {second!r}: names are compared letter by letter, not as numbers{more}",
            hint="write the numbers with equally many digits, or build with --order natural",
        )
    ]
