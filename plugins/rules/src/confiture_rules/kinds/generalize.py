"""``generalize``: the year of a date, the range of a number, the region of a postcode."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask

__all__ = ["Generalize"]

_DATES = ("century", "decade", "year", "quarter", "month", "week", "day", "hour")


class Options(msgspec.Struct, frozen=True):
    """``value`` is a part of a date, or ``zip3``; ``range`` the width of a range of numbers."""

    value: str = ""
    range: float | None = None


class Generalize:
    """``{generalize: year}``, ``{generalize: zip3}``, ``{generalize: {range: 10}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """What is left is common to many: that is its point, and no unique column bears it."""
        options, type_ = rule.read(Options), scope.column.type
        if options.range is not None and not options.value:
            step = Decimal(str(options.range))
            if not (type_.is_integer or type_.name in ("numeric", "float4", "float8")) or step <= 0:
                raise rule.error(f"{type_.shown} has no ranges of {step}")
            return Mask(expression=f"floor(({scope.value})::numeric / {step:f}) * {step:f}")
        if options.value in _DATES and type_.name in ("date", "timestamp", "timestamptz"):
            return Mask(expression=f"date_trunc('{options.value}', {scope.value})")
        if options.value == "zip3" and type_.is_text:
            # Three digits and nothing else of whatever is longer.
            return Mask(expression=f"left({scope.text}, 3) || '00'", max_length=5)
        raise rule.error(f"{type_.shown} cannot be generalized so", hint=f"there are: zip3, range, {', '.join(_DATES)}")
