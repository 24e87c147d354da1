"""The entry module: registers each kind of mask."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Anonymizer

API_VERSION = 1

_KINDS = (
    ("card", "Card", "numbers of payment cards that nobody has"),
    ("constant", "Constant", "the same value for every row"),
    ("default", "Default", "the target's DEFAULT"),
    ("hash", "Hash", "a keyed hash"),
    ("keep", "Keep", "the value as it is, for a reason"),
    ("null", "Null", "NULL"),
    ("partial", "Partial", "the ends of a text, its middle covered"),
    ("template", "Template", "text with placeholders"),
)


@hookimpl
def confiture_anonymizers() -> Iterable[Provider[Anonymizer]]:
    """The kinds that rules can name."""
    for kind, class_, summary in _KINDS:
        yield Provider(name=kind, target=f"confiture_rules.kinds.{kind}:{class_}", summary=summary)
