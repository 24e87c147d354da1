"""``date_shift``: a day that is near, and never the day itself."""

from __future__ import annotations

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask

__all__ = ["DateShift", "shift", "shift_sql"]


class Options(msgspec.Struct, frozen=True):
    """``days``: forwards or back, at most."""

    days: int = 180


def shift_sql(n: str, days: int) -> str:
    """SQL of a number of days that is not 0."""
    return f"(CASE WHEN {n} % {2 * days} < {days} THEN -1 - {n} % {days} ELSE 1 + {n} % {days} END)::int"


def shift(number: int, days: int) -> int:
    """The same in Python."""
    return -1 - number % days if number % (2 * days) < days else 1 + number % days


class DateShift:
    """``{date_shift: {days: 30, per: user_id}}``: all dates of one user move together."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """By the row; with ``per``, intervals stay."""
        days = rule.read(Options).days
        if not 1 <= days <= 36500:
            raise rule.error("dates move by 1 to 36500 days")
        moved = shift_sql(scope.number(per="row", draw="date"), days)
        match scope.column.type.name:
            case "date":
                return Mask(expression=f"{scope.value} + {moved}")
            case "timestamp":
                return Mask(expression=f"{scope.value} + make_interval(days => {moved})")
            case "timestamptz":
                # A day has 24 hours in UTC, whatever the session's time zone thinks of it.
                utc = f"(({scope.value}) AT TIME ZONE 'UTC')"
                return Mask(expression=f"({utc} + make_interval(days => {moved})) AT TIME ZONE 'UTC'")
        raise rule.error(f"{scope.column.type.shown} is no date", hint="take noise for numbers")
