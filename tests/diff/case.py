"""A case: a folder of ``cases/<kind>/`` with two scripts, and what is expected of the plans between them.

``old.sql``, ``new.sql``  the two states; they may use the roles of ``ROLES`` and ``TABLESPACE``
``before.sql``            rows for the old database, which the plan must keep
``expect.toml``           optional, with these keys; ``[backwards]`` has them for NEW to OLD

    renames     pairs of old and new name that are passed on as decisions
    drops       names or patterns that are passed on as decisions
    hazards     kinds of hazards that the plan must name
    no_hazards  kinds that it must not name
    forbidden   words that must not occur in it
    rows        a list of {query, expected} to ask after it; "@null" is NULL
    refused     there is no plan, but a refusal that says this
    equal       the two states are the same: no plan (not under ``[backwards]``)
    before      only under ``[backwards]``: statements that give the new database rows
"""

from __future__ import annotations

from pathlib import Path

import msgspec

__all__ = ["CASES", "ROLES", "TABLESPACE", "Case", "Check", "Expectation", "read_case"]

CASES = Path(__file__).parent / "cases"
ROLES = ("app", "reader", "writer", "auditor")
TABLESPACE = "fast"


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A query, and the rows that it must give."""

    query: str
    expected: list[list[object]]


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is expected of the plan in one direction."""

    renames: tuple[tuple[str, str], ...] = ()
    drops: tuple[str, ...] = ()
    hazards: tuple[str, ...] = ()
    no_hazards: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    rows: tuple[Check, ...] = ()
    refused: str | None = None
    before: str = ""


class _Document(Expectation, frozen=True, forbid_unknown_fields=True):
    equal: bool = False
    backwards: Expectation = Expectation()


class Case(msgspec.Struct, frozen=True):
    """One folder, read."""

    old: Path
    new: Path
    equal: bool
    forward: Expectation
    backwards: Expectation


def read_case(name: str) -> Case:
    """Read ``cases/<name>``. Raises ``msgspec.ValidationError`` for what ``expect.toml`` does not know."""
    folder = CASES / name
    document = _Document()
    if (folder / "expect.toml").exists():
        document = msgspec.toml.decode((folder / "expect.toml").read_bytes(), type=_Document)
    before = folder / "before.sql"
    forward = msgspec.structs.replace(document, before=before.read_text() if before.exists() else "")
    return Case(folder / "old.sql", folder / "new.sql", document.equal, forward, document.backwards)
