"""``generalize``: the year of a date, the range of a number, the region of a postcode."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask
from confiture.registry import closest

__all__ = ["Generalize"]

_DATES = ("century", "decade", "year", "quarter", "month", "week", "day", "hour")


class Options(msgspec.Struct, frozen=True):
    """``value`` is a part of a date, ``zip3``, or ``range(10)``; ``range`` the width of a range of numbers."""

    value: str = ""
    range: float | None = None


class Generalize:
    """``{generalize: year}``, ``{generalize: zip3}``, ``{generalize: {range: 10}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """What is left is common to many: that is its point, and no unique column bears it."""
        options, type_ = rule.read(Options), scope.column.type
        given, _, width = options.value.removesuffix(")").partition("(")
        if (options.range is not None and not options.value) or given == "range":
            try:
                step = Decimal(width if options.value else str(options.range))
            except InvalidOperation:
                raise rule.error(f"{options.value!r} has no width", hint="write range(10)") from None
            if not (type_.is_integer or type_.name in ("numeric", "float4", "float8")) or step <= 0:
                raise rule.error(f"{type_.shown} has no ranges of {step}")
            return Mask(expression=f"floor(({scope.value})::numeric / {step:f}) * {step:f}")
        if options.value in _DATES and type_.name in ("date", "timestamp", "timestamptz"):
            return Mask(expression=f"date_trunc('{options.value}', {scope.value})")
        if options.value == "zip3" and type_.is_text:
            # Three digits and nothing else of whatever is longer.
            return Mask(expression=f"left({scope.text}, 3) || '00'", max_length=5)
        known = ("zip3", "range(10)", *_DATES)
        near = closest(options.value, known)
        hint = (f"did you mean {near!r}? " if near else "") + f"there are: {', '.join(known)}"
        raise rule.error(f"{type_.shown} cannot be generalized to {options.value!r}", hint=hint)
