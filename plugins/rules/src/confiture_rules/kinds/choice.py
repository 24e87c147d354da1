"""``choice``: one of the values that the rule lists."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask
from confiture.quoting import quote_literal
from confiture_rules.pieces import pick_sql

__all__ = ["Choice", "weighted", "weighted_sql"]


class Options(msgspec.Struct, frozen=True):
    """``value`` is a list; ``weights`` are whole numbers, one for each."""

    value: list[str | int | float | bool]
    weights: list[int] | None = None


def weighted_sql(values: Sequence[str], weights: Sequence[int], n: str) -> str:
    """SQL of one of the texts, as often as its weight says."""
    cases, below = [], 0
    for value, weight in zip(values, weights, strict=True):
        below += weight
        cases.append(f"WHEN {n} % {sum(weights)} < {below} THEN {quote_literal(value)}")
    return f"CASE {' '.join(cases)} END"


def weighted(values: Sequence[str], weights: Sequence[int], number: int) -> str:
    """The same in Python."""
    left = number % sum(weights)
    for value, weight in zip(values, weights, strict=True):
        if left < weight:
            return value
        left -= weight
    raise AssertionError("the remainder is less than the sum")


class Choice:
    """``{choice: [red, green]}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """By the row."""
        options = rule.read(Options)
        texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in options.value]
        if not texts:
            raise rule.error("there is nothing to choose from")
        n = scope.number(per="row", draw="choice")
        longest, bits = max(map(len, texts)), math.log2(len(set(texts)))
        if options.weights is None:
            return Mask(expression=pick_sql(texts, n), max_length=longest, bits=bits)
        if len(options.weights) != len(texts) or min(options.weights) < 0 or not sum(options.weights):
            raise rule.error("there must be a weight, 0 or more, for each value")
        return Mask(expression=weighted_sql(texts, options.weights, n), max_length=longest, bits=bits)
