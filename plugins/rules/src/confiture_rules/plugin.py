"""The entry module: registers each kind of mask."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Anonymizer

API_VERSION = 1

_KINDS = (
    ("array", "Array", "each element of an array after a rule"),
    ("card", "Card", "numbers of payment cards that nobody has"),
    ("choice", "Choice", "one of the values listed"),
    ("constant", "Constant", "the same value for every row"),
    ("date_shift", "DateShift", "a day that is near"),
    ("default", "Default", "the target's DEFAULT"),
    ("email", "Email", "an address at example.com"),
    ("enum", "Enum", "one of the type's labels"),
    ("fpe", "Fpe", "other digits, no two numbers the same"),
    ("generalize", "Generalize", "the year of a date, the range of a number"),
    ("hash", "Hash", "a keyed hash"),
    ("ip", "Ip", "an address for documentation, or the value's network"),
    ("json", "Json", "values at paths of a document"),
    ("keep", "Keep", "the value as it is, for a reason"),
    ("mac", "Mac", "a hardware address of no vendor"),
    ("noise", "Noise", "a number that is near"),
    ("null", "Null", "NULL"),
    ("partial", "Partial", "the ends of a text, its middle covered"),
    ("phone", "Phone", "a number that rings nowhere"),
    ("pseudonym", "Pseudonym", "a word that can be spoken"),
    ("python", "Python", "a function of one's own, in the client"),
    ("regex", "Regex", "what a regular expression finds, replaced"),
    ("scramble", "Scramble", "letters for letters, digits for digits"),
    ("shuffle", "Shuffle", "the column's values, each in another row"),
    ("sql", "Sql", "an expression of one's own"),
    ("template", "Template", "text with placeholders"),
)


@hookimpl
def confiture_anonymizers() -> Iterable[Provider[Anonymizer]]:
    """The kinds that rules can name."""
    for kind, class_, summary in _KINDS:
        yield Provider(name=kind, target=f"confiture_rules.kinds.{kind}:{class_}", summary=summary)
