"""For plugin authors: a conformance suite a kind, and a context to run it in.

A suite is an async function that raises :class:`NotConforming` for the first rule that the provider breaks. It needs
no test framework; with pytest a whole test is::

    from confiture.testing import check_source, open_context

    async def test_our_source(tmp_path):
        async with open_context(tmp_path) as ctx:
            await check_source(ctx, OurSource())

The suites for captures, executors, inspectors, servers, switches and transfer engines work on a real PostgreSQL: give
them databases of their own. Each rule is a function below, its docstring what the Protocol asks for.
"""

from __future__ import annotations

from confiture.testing.anonymizer import check_anonymizer
from confiture.testing.capture import check_capture
from confiture.testing.context import open_context
from confiture.testing.executor import check_executor
from confiture.testing.inspector import check_differ, check_inspector
from confiture.testing.medium import check_medium
from confiture.testing.rules import NotConforming
from confiture.testing.server import check_server
from confiture.testing.source import check_source
from confiture.testing.switch import check_switch
from confiture.testing.transfer import check_transfer_engine

__all__ = [
    "NotConforming",
    "check_anonymizer",
    "check_capture",
    "check_differ",
    "check_executor",
    "check_inspector",
    "check_medium",
    "check_server",
    "check_source",
    "check_switch",
    "check_transfer_engine",
    "open_context",
]
