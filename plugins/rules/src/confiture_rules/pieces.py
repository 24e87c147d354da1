"""What values are made of, in SQL and in Python: each function here has a twin, and a test that they agree.

The SQL speaks of ``h``, SQL of drawn bytes, of ``n``, SQL of a drawn number, and of ``text``, SQL of a text. The Python
twins take the same as values.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.quoting import quote_literal

if TYPE_CHECKING:
    from confiture.masking import Scope

__all__ = [
    "alphanumerics",
    "alphanumerics_sql",
    "covered",
    "covered_sql",
    "digits_like",
    "digits_like_sql",
    "ends",
    "ends_sql",
    "hash_sql",
    "hex_sql",
    "lower",
    "luhn_digit",
    "luhn_digit_sql",
    "only_digits",
    "pick",
    "pick_sql",
    "random_digits",
    "random_digits_sql",
    "title",
    "upper",
    "uuid_of",
    "uuid_sql",
]

#: Ends that have at most so many characters are looked for by one regular expression, which grows with them.
_MATCHED = 8
_ALPHANUMERIC = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def hex_sql(h: str, length: int) -> str:
    """The first digits of the bytes: ``h.hex()[:length]``."""
    return f"left(encode({h}, 'hex'), {length})"


def hash_sql(scope: Scope, length: int, *, per: str = "value", draw: str = "") -> str:
    """So many digits of the column's own bytes, and no more bytes than that takes: a row's are shared out."""
    size = (length + 1) // 2
    h = scope.bytes(size, per=per, draw=draw)
    return hex_sql(h, length) if length % 2 else f"encode({h}, 'hex')"


def random_digits_sql(n: str, length: int) -> str:
    """Decimal digits, with zeros before them."""
    return f"substr(({10**length} + {n} % {10**length})::text, 2)"


def random_digits(number: int, length: int) -> str:
    """The same."""
    return f"{number % 10**length:0{length}}"


def uuid_sql(h: str) -> str:
    """A version 4 uuid's text, of sixteen bytes."""
    version = f"set_byte({h}, 6, (get_byte({h}, 6) & 15) | 64)"
    return f"encode(set_byte({version}, 8, (get_byte({h}, 8) & 63) | 128), 'hex')::uuid::text"


def uuid_of(h: bytes) -> str:
    """The same."""
    import uuid

    return str(uuid.UUID(bytes=h[:16], version=4))


def alphanumerics_sql(text: str) -> str:
    """The text without what separates its letters and digits."""
    return f"regexp_replace({text}, '[^0-9A-Za-z]', '', 'g')"


def alphanumerics(text: str) -> str:
    """The same."""
    return "".join(character for character in text if character in _ALPHANUMERIC)


def ends_sql(text: str, count: int, *, last: bool) -> str:
    """The last, or first, letters and digits; stars where that would be half of them or more."""
    plain = alphanumerics_sql(text)
    side = "right" if last else "left"
    sql = f"WHEN length({plain}) >= {2 * count} THEN {side}({plain}, {count}) ELSE repeat('*', {count})"
    if count > _MATCHED:
        return f"CASE {sql} END"
    # Most values end (begin) with so many of them: one match is a third of what two replacements cost.
    one = "[0-9A-Za-z]"
    others, whole = f"([^0-9A-Za-z]*{one}){{{count}}}", f"{one}{{{count}}}"
    pattern = f"^{others}.*{whole}$" if last else f"^{whole}{others}"
    return f"CASE WHEN {text} ~ '{pattern}' THEN {side}({text}, {count}) {sql} END"


def ends(text: str, count: int, *, last: bool) -> str:
    """The same."""
    plain = alphanumerics(text)
    if len(plain) < 2 * count:
        return "*" * count
    return plain[-count:] if last else plain[:count]


def covered_sql(text: str, character: str, first: int, last: int) -> str:
    """The text with its middle covered; the whole of it where the ends would be all of it."""
    cover = quote_literal(character)
    middle = f"left({text}, {first}) || repeat({cover}, length({text}) - {first + last}) || right({text}, {last})"
    return f"CASE WHEN length({text}) > {first + last} THEN {middle} ELSE repeat({cover}, length({text})) END"


def covered(text: str, character: str, first: int, last: int) -> str:
    """The same."""
    if len(text) <= first + last:
        return character * len(text)
    return text[:first] + character * (len(text) - first - last) + (text[-last:] if last else "")


def digits_like_sql(text: str, h: str) -> str:
    """The text with each digit replaced by another; what stands between them stays."""
    # Bytes are used again after 32 digits, moved on by the round: a pattern of 32 would show otherwise.
    drawn = f"((get_byte({h}, ((o - 1) % 32)::int) + (o - 1) / 32 * 7) % 10)::text"
    other = f"CASE WHEN position(c IN '0123456789') > 0 THEN {drawn} ELSE c END"
    return (
        f"(SELECT coalesce(string_agg({other}, '' ORDER BY o), '')"
        f" FROM unnest(string_to_array({text}, NULL)) WITH ORDINALITY AS u(c, o))"
    )


def digits_like(text: str, h: bytes) -> str:
    """The same."""
    return "".join(
        str((h[place % 32] + place // 32 * 7) % 10) if character in "0123456789" else character
        for place, character in enumerate(text)
    )


def luhn_digit_sql(text: str) -> str:
    """The check digit (ISO/IEC 7812) that goes behind a text of digits."""
    doubled = "(c::int * 2) / 10 + (c::int * 2) % 10"
    return (
        f"(SELECT ((10 - coalesce(sum(CASE WHEN o % 2 = 1 THEN {doubled} ELSE c::int END), 0) % 10) % 10)::text"
        f" FROM unnest(string_to_array(reverse({text}), NULL)) WITH ORDINALITY AS u(c, o))"
    )


def luhn_digit(text: str) -> str:
    """The same."""
    total = 0
    for place, character in enumerate(reversed(text)):
        digit = int(character) * (1 if place % 2 else 2)
        total += digit // 10 + digit % 10
    return str((10 - total % 10) % 10)


def lower(text: str) -> str:
    """The text in lower case, letter by letter: one letter never becomes two, as it can in Python."""
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def upper(text: str) -> str:
    """The same in upper case."""
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)


def title(text: str) -> str:
    """Each word with a capital letter; a word is what letters and digits make."""
    before = [" ", *text]
    return "".join(lower(c) if b.isalnum() else upper(c) for b, c in zip(before, text, strict=False))


def pick(values: Sequence[str], number: int) -> str:
    """One of the texts: what :func:`pick_sql` picks."""
    return values[number % len(values)]


def only_digits(text: str) -> str:
    """The text's digits."""
    return "".join(character for character in text if character in "0123456789")


def pick_sql(values: Sequence[object], n: str) -> str:
    """SQL of the text of one of the values. A jsonb constant is indexed at once, where an array would be walked."""
    return f"({quote_literal(json.dumps(list(values), ensure_ascii=False))}::jsonb ->> ({n} % {len(values)})::int)"
