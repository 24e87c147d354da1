"""The entry module: registers the executor ``runner``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Executor

API_VERSION = 1


@hookimpl
def confiture_executors() -> Iterable[Provider[Executor]]:
    """The executor that runs plans in batches over one or several connections."""
    yield Provider(
        name="runner",
        target="confiture_runner.executor:Runner",
        summary="runs a plan in one transaction, or in batches over several connections",
    )
