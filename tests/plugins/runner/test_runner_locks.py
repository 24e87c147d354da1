"""The server's lock table, which one transaction over very many tables exhausts."""

from __future__ import annotations

import pytest

from confiture.errors import StatementFailed
from confiture.model import Plan, Statement

pytestmark = pytest.mark.anyio


async def test_more_tables_than_a_transaction_has_locks_for(execute_small, plan_of, small_server, psql):
    """The table has room for some 64 x 100 locks: one transaction says what to do, batches just do it."""
    many = 2000
    text = "".join(f"CREATE TABLE t{n} (a int PRIMARY KEY, b text UNIQUE);\n" for n in range(many))
    with pytest.raises(StatementFailed, match="out of shared memory") as caught:
        await execute_small(plan_of(text))
    assert "max_locks_per_transaction" in caught.value.hint
    assert caught.value.file == "a.sql"
    await execute_small(plan_of(text), atomic=False)
    counted = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert psql(small_server, counted) == str(many)
    drops = tuple(Statement(sql=f"DROP TABLE t{n}") for n in range(many))
    await execute_small(Plan(statements=drops), atomic=False, jobs=2)
    assert psql(small_server, counted) == "0"
