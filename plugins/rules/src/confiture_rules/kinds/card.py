"""``card``: numbers of payment cards, valid by their check digit and issued by nobody."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Literal

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask
from confiture_rules.pieces import luhn_digit, luhn_digit_sql, random_digits, random_digits_sql

__all__ = ["Card", "card", "card_sql", "tail", "tail_sql"]

#: Numbers that begin with 0 are for airlines' committees to give away, and none has been.
_NOBODY = "000000"


class Options(msgspec.Struct, frozen=True):
    """``keep``: ``bin``, the first six digits; ``last4``; a list of both; or nothing."""

    keep: Literal["bin", "last4", "nothing"] | list[Literal["bin", "last4"]] = "nothing"


def tail_sql(digits: str, n: str) -> str:
    """The first six of SQL ``digits``, other digits for the rest, as many, and the check digit."""
    room = f"least(greatest(length({digits}), 8), 19)"
    body = f"lpad(left({digits}, 6), 6, '0') || right(lpad({n}::text, 19, '0'), {room} - 7)"
    # From a subquery: the body is spoken of twice.
    return f"(SELECT b || {luhn_digit_sql('b')} FROM (SELECT {body} AS b OFFSET 0) AS body)"


def tail(digits: str, number: int) -> str:
    """The same in Python."""
    room = min(max(len(digits), 8), 19)
    body = digits[:6].rjust(6, "0") + f"{number:019}"[7 - room :]
    return body + luhn_digit(body)


def card_sql(digits: str, n: str, keep: Collection[str]) -> str:
    """Sixteen digits. ``keep`` has ``bin``, ``last4``, both, or nothing.

    With the last four kept, the digit before them makes the check digit right.
    """
    first = f"lpad(left({digits}, 6), 6, '0')" if "bin" in keep else f"'{_NOBODY}'"
    if "last4" not in keep:
        body = f"{first} || {random_digits_sql(n, 9)}"
        return f"(SELECT b || {luhn_digit_sql('b')} FROM (SELECT {body} AS b OFFSET 0) AS body)"
    head = f"{first} || {random_digits_sql(n, 5)}"
    last = f"lpad(right({digits}, 4), 4, '0')"
    # The fifth digit from the right counts once: what makes the whole a multiple of ten is the digit itself. With a 0
    # there, the check digit of what follows the first fifteen says what is missing.
    missing = f"((({luhn_digit_sql('left(w, 15)')})::int - right(w, 1)::int + 10) % 10)::text"
    whole = f"SELECT {head} AS a, {last} AS z OFFSET 0"
    inner = f"SELECT a, z, a || '0' || z AS w FROM ({whole}) AS parts OFFSET 0"
    return f"(SELECT a || {missing} || z FROM ({inner}) AS whole)"


def card(digits: str, number: int, keep: Collection[str]) -> str:
    """The same in Python."""
    first = digits[:6].rjust(6, "0") if "bin" in keep else _NOBODY
    if "last4" not in keep:
        body = first + random_digits(number, 9)
        return body + luhn_digit(body)
    head, last = first + random_digits(number, 5), digits[-4:].rjust(4, "0")
    whole = head + "0" + last
    return head + str((int(luhn_digit(whole[:15])) - int(whole[15]) + 10) % 10) + last


class Card:
    """``{card: {keep: last4}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """Digits only, whatever stands between them in the value."""
        given = rule.read(Options).keep
        keep = (given,) if isinstance(given, str) else tuple(given)
        digits = f"regexp_replace(coalesce({scope.text}, ''), '[^0-9]', '', 'g')"
        bits = math.log2(10) * (5 if "last4" in keep else 9)
        return Mask(expression=card_sql(digits, scope.number(draw="card"), keep), max_length=16, bits=bits)
