"""Which of two engines, and why. Decides from values alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from confiture_hybrid.config import HybridConfig

__all__ = ["Choice", "by_rule", "choose"]


class Choice(msgspec.Struct, frozen=True):
    """The engine's name, and why it is that one, for people."""

    engine: str
    because: str


def by_rule(config: HybridConfig, rows: int, complexity: str | None) -> str | None:
    """The engine for few rows and a complex mapping, or for many and a simple one; None for the two other cases."""
    if rows < config.rows:
        return config.small if complexity else None
    return None if complexity else config.large


def choose(
    config: HybridConfig, rows: int, complexity: str | None, rates: Mapping[str, float], unsampled: str = ""
) -> Choice:
    """The rule's engine, unless the other is ``config.margin`` times faster; where there is no rule, the faster one.

    ``complexity``: what makes the mapping complex, None where it is simple. ``rates``: rows a second by engine, on a
    sample; where not both are there, size decides in place of the sample, and ``unsampled`` is why.
    """
    few = rows < config.rows
    case = (
        f"{rows:,} rows ({'fewer than' if few else 'not fewer than'} {config.rows:,}), "
        + (f"complex mapping ({complexity})" if complexity else "simple mapping")
    )  # fmt: skip
    ruled = by_rule(config, rows, complexity)
    if not {config.small, config.large} <= rates.keys():
        named = ruled or (config.small if few else config.large)
        return Choice(named, "; ".join(filter(None, (f"{case}: {'the rule' if ruled else 'by size'}", unsampled))))
    fast, slow = sorted((config.small, config.large), key=lambda name: rates[name], reverse=True)
    times = rates[fast] / max(rates[slow], 1e-9)
    figures = f"sample: {fast} {rates[fast]:,.0f} rows/s, {slow} {rates[slow]:,.0f}"
    if ruled is None:
        return Choice(fast, f"{case}: no rule, the faster one; {figures}")
    if fast != ruled and times >= config.margin:
        return Choice(fast, f"{case}: the rule says {ruled}, but {fast} is {times:.1f} times faster; {figures}")
    return Choice(ruled, f"{case}: the rule; {figures}")
