"""Both engines' rates on a task's own rows, as long as there is time for samples."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.errors import ConfitureError
from confiture.model import TransferSurvey, TransferTask
from confiture.transfer import timed_sample
from confiture_hybrid.reading import streams

if TYPE_CHECKING:
    from confiture.protocols import Context, TransferEngine
    from confiture_hybrid.config import HybridConfig

__all__ = ["Rate", "Rates"]

#: Fewer rows are copied by any engine before a sample would be over.
_WORTH_ROWS: Final = 5_000


class Rate(msgspec.Struct, frozen=True):
    """Rows a second, and bytes as they travel."""

    rows_per_second: float
    bytes_per_second: float | None


class Rates:
    """Measures tasks one after the other, until ``sample_seconds`` are over."""

    def __init__(
        self, ctx: Context, config: HybridConfig, engines: Mapping[str, TransferEngine], *, sample: bool
    ) -> None:
        self._ctx = ctx
        self._config = config
        self._engines = engines
        self._sample = sample
        self._left_s = config.sample_seconds

    async def of(self, task: TransferTask, surveys: Mapping[str, TransferSurvey]) -> tuple[Mapping[str, Rate], str]:
        """The rate of each engine that has one, and why others have none. An engine's own figures are taken as such."""
        found = {
            name: Rate(survey.rows_per_second, survey.bytes_per_second)
            for name, survey in surveys.items()
            if survey.rows_per_second is not None
        }
        if not self._sample or (missing := surveys.keys() - found.keys()) == set():
            return found, ""
        if (task.estimated_rows or 0) < _WORTH_ROWS:
            return found, "too few rows for a sample"
        if not streams(task.query):
            return found, "no sample: the query reads all rows before it gives the first"
        if self._left_s <= 0:
            return found, "no sample: the time for samples is over (sample_seconds in [hybrid])"
        failed: list[str] = []
        began = time.monotonic()
        for name in sorted(missing):
            try:
                sample = await timed_sample(self._ctx, self._engines[name], task, rows=self._config.sample_rows)
            except ConfitureError as error:  # the copy itself will tell, should it fail as well
                failed.append(f"{name} could not be sampled: {error.message}")
            else:
                if sample is None:
                    failed.append(f"{name} moved no row, or too few, in the time of a sample")
                else:
                    found[name] = Rate(sample.rows_per_second, sample.bytes_per_second)
        self._left_s -= time.monotonic() - began
        return found, "; ".join(failed)
