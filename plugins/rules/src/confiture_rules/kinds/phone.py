"""``phone``: a number that rings nowhere."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask
from confiture_rules.pieces import random_digits_sql

__all__ = ["Phone"]

#: Country codes of one and of two digits (ITU-T E.164); all others have three.
_COUNTRY = "^[+](1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3})"


class Options(msgspec.Struct, frozen=True):
    """``keep`` ``country``: its code stays. ``digits`` behind 555-01: two, or fourteen where the column is unique."""

    keep: Literal["country", "nothing"] = "nothing"
    digits: int | None = None


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
