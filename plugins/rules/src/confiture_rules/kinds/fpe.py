"""``fpe``: digits become other digits, and no two numbers the same: for keys and unique numbers.

A Feistel network over decimal digits, whose rounds are the keyed function. It is not the FF1 of NIST SP 800-38G, which
needs AES. A number of few digits can be guessed, whatever the cipher.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from confiture.masking import Rule, Scope, number_of, number_sql
from confiture.model import Mask
from confiture_rules.pieces import only_digits

__all__ = ["Fpe", "fpe", "fpe_sql", "fpe_text"]

_ROUNDS = 8
_MOST_DIGITS = 18
_DIGITS = {"int2": 4, "int4": 9, "int8": 18}


class Options(msgspec.Struct, frozen=True):
    """``digits``: numbers below ten to the power of it, for a column of numbers. ``value`` may say ``feistel``."""

    digits: int | None = None
    value: str = "feistel"


def fpe_sql(keyed: Callable[[str], str], number: str, digits: str, left: str, right: str, version: int = 18) -> str:
    """SQL of the number that ``number`` becomes. ``left`` and ``right`` are the powers of ten of both halves."""
    given = f"SELECT {number} AS v, {left} AS l, {right} AS r, {digits} AS d OFFSET 0"
    query = f"SELECT v / r AS a, v % r AS b, l, r, d FROM ({given}) AS q OFFSET 0"
    for round_ in range(_ROUNDS):
        modulus = "r" if round_ % 2 else "l"
        message = f"'{round_}:' || d || ':' || b"
        drawn = number_sql(f"substr({keyed(message)}, 1, 8)", version)
        query = f"SELECT b AS a, (a + {drawn} % {modulus}) % {modulus} AS b, l, r, d FROM ({query}) AS q OFFSET 0"
    return f"(SELECT a * r + b FROM ({query}) AS q)"


def fpe(keyed: Callable[[str], bytes], number: int, digits: int) -> int:
    """The same in Python: ``keyed`` draws bytes for a text."""
    left, right = _halves(digits)
    a, b = divmod(number, right)
    for round_ in range(_ROUNDS):
        modulus = right if round_ % 2 else left
        drawn = number_of(keyed(f"{round_}:{digits}:{b}"))
        a, b = b, (a + drawn % modulus) % modulus
    return a * right + b


def fpe_text(keyed: Callable[[str], bytes], text: str) -> str:
    """The text with its digits enciphered: in Python what the mask of a column of text is."""
    digits = only_digits(text)
    if not digits:
        return text
    made = iter(f"{fpe(keyed, int(digits), len(digits)):0{len(digits)}}")
    return "".join(next(made) if character in "0123456789" else character for character in text)


def _halves(digits: int) -> tuple[int, int]:
    """Powers of ten: a number below their product is a left and a right part."""
    return int(10 ** (digits // 2)), int(10 ** (digits - digits // 2))


def _failing(message: str, of: str) -> str:
    """SQL that fails with the message, which is not tried before there is a value."""
    return f"('{message}' || left(({of})::text, 0))::bigint"


class Fpe:
    """``{fpe: {digits: 9}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """Of text, the digits change and what stands between them stays; the number of digits does too."""
        options, type_ = rule.read(Options), scope.column.type
        if options.value != "feistel":
            raise rule.error(f"there is no cipher {options.value!r}", hint="there is: feistel")
        version = scope.table.version

        def keyed(text: str) -> str:
            return scope.keyed(text, draw="fpe")

        if type_.name in _DIGITS:
            digits = options.digits or _DIGITS[type_.name]
            if not 2 <= digits <= _DIGITS[type_.name]:
                raise rule.error(f"{type_.shown} has room for 2 to {_DIGITS[type_.name]} digits")
            left, right = _halves(digits)
            value = f"({scope.value})::bigint"
            masked = fpe_sql(keyed, value, f"{digits}", f"{left}::bigint", f"{right}::bigint", version)
            outside = _failing(f"a number that has not {digits} digits in {_plain(scope.column.label)}", scope.value)
            inside = f"{value} >= 0 AND {value} < {10**digits}"
            return Mask(
                expression=f"CASE WHEN {inside} THEN {masked} ELSE {outside} END",
                uniqueness="preserved",
                max_length=digits,
            )
        if not type_.is_text or options.digits is not None:
            raise rule.error(f"fpe masks digits of text and whole numbers, and {type_.shown} is another type")
        return Mask(expression=_text_sql(keyed, scope, version), uniqueness="preserved", max_length=type_.length)


def _text_sql(keyed: Callable[[str], str], scope: Scope, version: int) -> str:
    half = "('1' || repeat('0', n / 2))::bigint"
    other = "('1' || repeat('0', n - n / 2))::bigint"
    number = fpe_sql(keyed, "t.s::bigint", "t.n", half.replace("n ", "t.n "), other.replace("n ", "t.n "), version)
    too_long = _failing(f"more than {_MOST_DIGITS} digits in {_plain(scope.column.label)}", "t.s")
    made = f"WHEN t.n > {_MOST_DIGITS} THEN {too_long}::text ELSE lpad({number}::text, t.n, '0')"
    made = f"CASE WHEN t.n = 0 THEN '' {made} END"
    digit = "position(c IN '0123456789') > 0"
    raw = f"SELECT {scope.text} AS x OFFSET 0"
    source = f"SELECT x, regexp_replace(x, '[^0-9]', '', 'g') AS s FROM ({raw}) AS w OFFSET 0"
    source = f"SELECT x, s, length(s) AS n FROM ({source}) AS w OFFSET 0"
    # The n-th digit of the text becomes the n-th of the number.
    placed = (
        "SELECT coalesce(string_agg(CASE WHEN k IS NULL THEN c ELSE substr(e.m, k::int, 1) END, '' ORDER BY o), '') "
        f"FROM (SELECT c, o, CASE WHEN {digit} THEN count(*) FILTER (WHERE {digit}) OVER (ORDER BY o) END AS k "
        "FROM unnest(string_to_array(e.x, NULL)) WITH ORDINALITY AS u(c, o)) AS p"
    )
    return f"(SELECT ({placed}) FROM (SELECT t.x, {made} AS m FROM ({source}) AS t OFFSET 0) AS e)"


def _plain(text: str) -> str:
    return text.replace("'", "''").replace("\\", "/")
