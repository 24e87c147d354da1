"""What the tests of the differ share: a pair of schemas is planned both ways, run by psql, judged by pg_dump."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from catalogs import dump
from confiture.hooks import INSPECTOR
from confiture.model import DiffOptions, Schema, Statement, Target
from confiture.run import Run
from confiture_catalog.differ.planning import make_plan
from diff.judge import canonical, explain

Migrates = Callable[..., Awaitable[list[str]]]

#: What every plan runs with, see the medium ``diff``.
_SETTINGS = "SET check_function_bodies = off;\n"


@pytest.fixture
def migrates(
    kernel_run: Callable[..., AbstractAsyncContextManager[Run]],
    new_database: Callable[[], Target],
    psql: Callable[..., str],
) -> Migrates:
    """``await migrates(old_sql, new_sql)``: the statements from old to new, when all of this holds.

    The plan takes a database with ``old_sql``, and with ``rows``, to the schema of ``new_sql``; a second plan has
    nothing to do; the plan backwards takes a database with ``new_sql`` to the old schema, unless ``back`` is False.
    ``after`` maps queries to what psql then prints of the migrated database. ``sizes`` are the rows that
    tables are known to have. Further keywords are options of the diff.
    """

    async def check(
        old_sql: str,
        new_sql: str,
        *,
        rows: str = "",
        after: dict[str, str] | None = None,
        back: bool = True,
        sizes: dict[str, int] | None = None,
        **options: Any,
    ) -> list[str]:
        chosen = DiffOptions(rows=sizes or {}, **options)
        old, new = new_database(), new_database()
        psql(old, old_sql)
        psql(new, new_sql)
        want_old, want_new = canonical(dump(old)), canonical(dump(new))
        async with kernel_run(database=old) as run:
            inspector = run.get(INSPECTOR, "catalog")

            async def read(target: Target) -> Schema:
                return await inspector.inspect(run, target)

            before, wanted = await read(old), await read(new)
            psql(old, rows)
            forward = make_plan(before, wanted, chosen)
            psql(old, _SETTINGS + _script(forward.statements))
            assert explain(canonical(dump(old)), want_new) == ""
            assert not make_plan(await read(old), wanted, chosen).statements
            for query, expected in (after or {}).items():
                assert psql(old, query) == expected
            if back:
                backward = make_plan(wanted, before, chosen)
                psql(new, _SETTINGS + _script(backward.statements))
                assert explain(canonical(dump(new)), want_old) == ""
        return [statement.sql for statement in forward.statements]

    return check


def _script(statements: Iterable[Statement]) -> str:
    return "".join(f"{statement.sql};\n" for statement in statements)
