"""``generalize``: the year of a date, the range of a number, the region of a postcode."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation, localcontext
from typing import TypeVar

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask
from confiture.registry import closest

__all__ = ["Generalize", "in_range", "since"]

_DATES = ("century", "decade", "year", "quarter", "month", "week", "day", "hour")


class Options(msgspec.Struct, frozen=True):
    """``value`` is a part of a date, ``zip3``, or ``range(10)``; ``range`` the width of a range of numbers."""

    value: str = ""
    range: float | None = None


M = TypeVar("M", dt.date, dt.datetime)


def since(value: M, part: str) -> M:
    """The first day, or moment, of the value's part: in Python what the mask is in SQL. Moments are in UTC."""
    year, month, day = value.year, value.month, value.day
    match part:
        case "hour":
            return value.replace(minute=0, second=0, microsecond=0) if isinstance(value, dt.datetime) else value
        case "week":
            monday = value - dt.timedelta(days=value.weekday())
            year, month, day = monday.year, monday.month, monday.day
        case "month":
            day = 1
        case "quarter":
            month, day = (month - 1) // 3 * 3 + 1, 1
        case "year" | "decade" | "century":
            first = {"year": year, "decade": year // 10 * 10, "century": (year - 1) // 100 * 100 + 1}[part]
            year, month, day = first, 1, 1
    if isinstance(value, dt.datetime):
        return value.replace(year=year, month=month, day=day, hour=0, minute=0, second=0, microsecond=0)
    return value.replace(year=year, month=month, day=day)


def in_range(value: Decimal, step: Decimal) -> Decimal:
    """The beginning of the value's range."""
    with localcontext(prec=2000):
        return value - (value % step + step) % step


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
            if not (type_.is_integer or type_.name in ("numeric", "float4", "float8")) or not (
                step.is_finite() and step > 0
            ):
                raise rule.error(f"{type_.shown} has no ranges of {step}")
            return Mask(expression=f"floor(({scope.value})::numeric / {step:f}) * {step:f}")
        if options.value in _DATES and type_.name in ("date", "timestamp", "timestamptz"):
            # The session's time zone may be another in the next run: of moments, UTC's years and days are taken.
            zone = (
                f"({scope.value}) AT TIME ZONE 'UTC'" if type_.name == "timestamptz" else f"({scope.value})::timestamp"
            )
            part = f"date_trunc('{options.value}', {zone})"
            return Mask(expression=f"({part}) AT TIME ZONE 'UTC'" if type_.name == "timestamptz" else part)
        if options.value == "zip3" and type_.is_text:
            # Three digits and nothing else of whatever is longer.
            return Mask(expression=f"left({scope.text}, 3) || '00'", max_length=5)
        known = ("zip3", "range(10)", *_DATES)
        near = closest(options.value, known)
        hint = (f"did you mean {near!r}? " if near else "") + f"there are: {', '.join(known)}"
        raise rule.error(f"{type_.shown} cannot be generalized to {options.value!r}", hint=hint)
