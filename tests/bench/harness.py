"""Runs alternatives in turn within one process, so that a slow minute slows all of them; prints medians and ratios."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Side:
    """One alternative. ``before`` and ``after`` are not timed."""

    name: str
    run: Callable[[], object]
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds of each round of one side."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median, in seconds."""
        return statistics.median(self.seconds)


def measure(title: str, sides: Sequence[Side], *, rounds: int, warm_up: bool = True) -> list[Result]:
    """Run every side once a round; the first side is what the others are compared with."""
    times: dict[str, list[float]] = {side.name: [] for side in sides}
    for number in range(rounds + warm_up):
        for side in sides:
            side.before()
            begin = time.perf_counter()
            side.run()
            elapsed = time.perf_counter() - begin
            side.after()
            if number >= warm_up:
                times[side.name].append(elapsed)
    results = [Result(name, tuple(seconds)) for name, seconds in times.items()]
    _print(title, results, rounds)
    return results


def _print(title: str, results: Sequence[Result], rounds: int) -> None:
    print(f"\n{title} (median of {rounds}, in turn)")
    base = results[0].median
    width = max(len(result.name) for result in results)
    for result in results:
        difference = result.median - base
        spread = f"{min(result.seconds):.3f}..{max(result.seconds):.3f}"
        comparison = (
            "" if result is results[0] else f"  ratio {result.median / base:5.2f}  difference {difference:+.3f} s"
        )
        print(f"  {result.name:<{width}}  {result.median:7.3f} s  ({spread}){comparison}")
    sys.stdout.flush()
