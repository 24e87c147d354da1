"""``phone``: a number that rings nowhere."""

from __future__ import annotations

import math
import re
from typing import Literal

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask
from confiture_rules.pieces import random_digits, random_digits_sql

__all__ = ["Phone", "phone"]

#: Country codes of one and of two digits (ITU-T E.164); all others have three.
_SHORT = "1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
#: Nothing that begins as one of those: PostgreSQL takes the longest that fits, Python the first.
_LONG = "(?:2[1-689]|3[578]|42|5[09]|6[7-9]|8[035789]|9[679])[0-9]"
_COUNTRY = f"^[+]({_SHORT}|{_LONG})"


class Options(msgspec.Struct, frozen=True):
    """``keep`` ``country``: its code stays. ``digits`` behind 555-01: two, or fourteen where the column is unique."""

    keep: Literal["country", "nothing"] = "nothing"
    digits: int | None = None


def phone(text: str, number: int, digits: int = 2, keep: str = "nothing") -> str:
    """In Python what the mask is in SQL."""
    found = re.search(_COUNTRY, text) if keep == "country" else None
    return f"+{found[1] if found else '1'}-555-01{random_digits(number, digits)}"


class Phone:
    """``{phone: {keep: country}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """555-0100 to 555-0199 are reserved for fiction; longer ones are no numbers at all."""
        options = rule.read(Options)
        unique = any(scope.column.name in key for key in scope.table.unique)
        digits = options.digits or (14 if unique else 2)
        if not 2 <= digits <= 18:
            raise rule.error("2 to 18 digits can follow")
        number = f"'-555-01' || {random_digits_sql(scope.number(draw='phone'), digits)}"
        if options.keep == "country":
            country = f"coalesce((regexp_match({scope.text}, '{_COUNTRY}'))[1], '1')"
            expression, longest = f"'+' || {country} || {number}", 4 + 7 + digits
        else:
            expression, longest = f"'+1' || {number}", 2 + 7 + digits
        bits = digits * math.log2(10)
        return Mask(
            expression=expression,
            bits=bits,
            uniqueness="probable" if digits > 9 else "lossy",
            max_length=longest,
        )
