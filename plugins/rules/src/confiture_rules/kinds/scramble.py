"""``scramble``: letters become letters, digits become digits. Slow for long text: replace that instead."""

from __future__ import annotations

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask

__all__ = ["Scramble", "scramble", "scramble_sql"]

_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()
_DIGITS = "0123456789"


class Options(msgspec.Struct, frozen=True):
    """None."""


def scramble_sql(text: str, h: str) -> str:
    """The text with its letters and digits replaced; what is not ASCII counts as a letter."""
    drawn = f"(get_byte({h}, ((o - 1) % 32)::int) + (o - 1) / 32 * 7)"

    def one(alphabet: str) -> str:
        return f"substr('{alphabet}', ({drawn} % {len(alphabet)})::int + 1, 1)"

    cases = [f"WHEN position(c IN '{alphabet}') > 0 THEN {one(alphabet)}" for alphabet in (_DIGITS, _LOWER, _UPPER)]
    return (
        f"(SELECT coalesce(string_agg(CASE {' '.join(cases)} WHEN ascii(c) > 127 THEN {one(_LOWER)} ELSE c END, '' "
        f"ORDER BY o), '') FROM unnest(string_to_array({text}, NULL)) WITH ORDINALITY AS u(c, o))"
    )


def scramble(text: str, h: bytes) -> str:
    """The same in Python."""

    def one(character: str, place: int) -> str:
        drawn = h[place % 32] + place // 32 * 7
        for alphabet in (_DIGITS, _LOWER, _UPPER):
            if character in alphabet:
                return alphabet[drawn % len(alphabet)]
        return _LOWER[drawn % 26] if ord(character) > 127 else character

    return "".join(one(character, place) for place, character in enumerate(text))


class Scramble:
    """``{scramble: }``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """By the value: the same text is scrambled the same way."""
        rule.read(Options)
        if not scope.column.type.is_text:
            raise rule.error(f"{scope.column.type.shown} has no characters", hint="take noise, date_shift or hash")
        return Mask(
            expression=scramble_sql(scope.text, scope.bytes(draw="scramble")), max_length=scope.column.type.length
        )
