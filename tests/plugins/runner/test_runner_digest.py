"""A plan that was made for another schema."""

from __future__ import annotations

import msgspec
import pytest

from confiture.errors import Refused
from confiture.hooks import INSPECTOR

pytestmark = pytest.mark.anyio


async def test_a_database_that_has_moved_on_is_refused(execute, kernel_run, plan_of, database, psql):
    """The plan's statements were proved for the schema as it was."""
    psql(database, "CREATE TABLE t (a int)")
    async with kernel_run(database=database) as run:
        digest = (await run.get(INSPECTOR, "catalog").inspect(run, database)).digest
    plan = msgspec.structs.replace(plan_of("ALTER TABLE t ADD b int;"), from_digest=digest)
    await execute(plan)
    with pytest.raises(Refused, match="is not the one that the plan was made for") as caught:
        await execute(msgspec.structs.replace(plan_of("ALTER TABLE t ADD c int;"), from_digest=digest))
    assert caught.value.hint
    columns = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 't'::regclass"
    assert psql(database, f"{columns} AND attnum > 0") == "a b"
