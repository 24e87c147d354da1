"""The command line of ``tests/cli``: ``init`` is met through it."""

from __future__ import annotations

from cli.conftest import cli, run_here

__all__ = ["cli", "run_here"]
