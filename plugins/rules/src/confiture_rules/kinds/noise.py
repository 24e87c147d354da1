"""``noise``: a number that is near."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask

__all__ = ["Noise", "noise", "noise_sql", "rounded"]

#: More than any column has: nothing is rounded on the way.
_DIGITS = 2000

#: 2^-20, exactly: a division would be rounded as the server sees fit.
_STEP = Decimal("0.00000095367431640625")
_FLOATS = ("float4", "float8")


class Options(msgspec.Struct, frozen=True):
    """One of both: ``ratio`` of the value, or ``abs``, up or down at most."""

    ratio: float | None = None
    abs: float | None = None


def noise_sql(value: str, n: str, *, ratio: Decimal | None = None, span: Decimal | None = None) -> str:
    """SQL of a numeric, with as many decimals as it works out to."""
    drawn = f"({n} & 1048575)::numeric * {_STEP}"
    if ratio is not None:
        return f"({value})::numeric * ({1 - ratio:f} + {2 * ratio:f} * {drawn})"
    assert span is not None
    return f"({value})::numeric + ({-span:f} + {2 * span:f} * {drawn})"


def noise(value: Decimal, number: int, *, ratio: Decimal | None = None, span: Decimal | None = None) -> Decimal:
    """The same in Python."""
    with localcontext(prec=_DIGITS):
        drawn = (number & 1048575) * _STEP
        if ratio is not None:
            return value * (1 - ratio + 2 * ratio * drawn)
        assert span is not None
        return value + (-span + 2 * span * drawn)


def rounded(value: Decimal, decimals: int) -> Decimal:
    """The value with so many decimals, halves away from zero, as the server rounds numeric."""
    with localcontext(prec=_DIGITS):
        return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


class Noise:
    """``{noise: {ratio: 0.1}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """As many decimals as the value has; by the row."""
        options, type_ = rule.read(Options), scope.column.type
        if (options.ratio is None) == (options.abs is None):
            raise rule.error("noise has a ratio or an absolute span", hint="write {ratio: 0.1} or {abs: 5}")
        given = Decimal(str(options.ratio if options.ratio is not None else options.abs))
        if not given.is_finite() or given <= 0:
            raise rule.error("the span of noise is more than 0")
        if not (type_.is_integer or type_.name in ("numeric", "money", *_FLOATS)):
            raise rule.error(f"{type_.shown} is no number", hint="take date_shift for dates")
        n = scope.number(per="row", draw="noise")
        span = {"ratio": given} if options.ratio is not None else {"span": given}
        sql = noise_sql(scope.value, n, **span)
        if type_.name not in _FLOATS:
            sql = f"round({sql}, {'0' if type_.is_integer else f'scale(({scope.value})::numeric)'})"
        return Mask(expression=sql)
