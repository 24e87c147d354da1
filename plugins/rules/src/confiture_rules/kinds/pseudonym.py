"""``pseudonym``: a word that can be spoken, the same for the same value."""

from __future__ import annotations

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask

__all__ = ["Pseudonym", "pseudonym", "pseudonym_sql"]

_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aeio"
_BITS = 6.0


class Options(msgspec.Struct, frozen=True):
    """``syllables``: six bits each."""

    syllables: int = 5


def pseudonym_sql(h: str, syllables: int) -> str:
    """A word of SQL bytes, with a capital letter."""
    parts = [
        f"substr('{_CONSONANTS}', (get_byte({h}, {i}) & 15) + 1, 1)"
        f" || substr('{_VOWELS}', ((get_byte({h}, {i}) >> 4) & 3) + 1, 1)"
        for i in range(syllables)
    ]
    return f"initcap({' || '.join(parts)})"


def pseudonym(h: bytes, syllables: int) -> str:
    """The same in Python."""
    return "".join(_CONSONANTS[byte & 15] + _VOWELS[byte >> 4 & 3] for byte in h[:syllables]).capitalize()


class Pseudonym:
    """``{pseudonym: {syllables: 5}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """Text only."""
        syllables = rule.read(Options).syllables
        if not 1 <= syllables <= 32:
            raise rule.error("a pseudonym has 1 to 32 syllables")
        return Mask(
            expression=pseudonym_sql(scope.bytes(syllables), syllables),
            uniqueness="probable",
            bits=_BITS * syllables,
            max_length=2 * syllables,
        )
