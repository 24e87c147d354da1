"""Roles that a plan names and the server lacks. Their names are the test's own: roles belong to the whole server."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from confiture.errors import PermissionMissing, RoleMissing
from confiture.model import Note

pytestmark = pytest.mark.anyio


@pytest.fixture
def role(database, psql) -> Iterator[str]:
    """A name that no role has; the role is dropped afterwards."""
    name = f'{database.database} "r"'
    yield name
    quoted = name.replace('"', '""')
    psql(database, f'SET client_min_messages = error; DROP OWNED BY "{quoted}"; DROP ROLE "{quoted}"')


def owned(role: str, number: int = 1) -> str:
    quoted = role.replace('"', '""')
    return f'CREATE TABLE t{number} (a int);\n\nALTER TABLE t{number} OWNER TO "{quoted}";\n'


@pytest.mark.parametrize("execution", [{"atomic": True}, {"atomic": False}, {"atomic": False, "jobs": 2}])
async def test_missing_roles_are_created_without_login(execute, plan_of, database, psql, role, execution):
    """On a server that confiture runs, with a note."""
    report = await execute(plan_of(owned(role)), create_roles=True, **execution)
    assert report.roles_created == (role,)
    assert any(isinstance(event, Note) and role in event.message for event in execute.events)
    assert psql(database, "SELECT tableowner FROM pg_tables WHERE tablename = 't1'") == role
    assert psql(database, f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{role}'") == "f"


async def test_a_role_is_created_once(execute, plan_of, role):
    """The second build finds it."""
    await execute(plan_of(owned(role, 1)), create_roles=True)
    report = await execute(plan_of(owned(role, 2)), create_roles=True)
    assert report.roles_created == ()


async def test_two_runs_may_need_one_role_at_once(execute, kernel_run, database, psql, plan_of, role):
    """The second waits for the first and takes the role as it finds it."""
    waiting = (
        f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database.database}' AND wait_event_type = 'Lock'"
    )
    quoted = role.replace('"', '""')
    reports = []

    async def second() -> None:
        reports.append(await execute(plan_of(owned(role)), create_roles=True))

    async with (
        kernel_run(database=database) as run,
        run.connect(database) as first,
        anyio.create_task_group() as group,
        run.transaction(first),
    ):
        await first.execute(f'CREATE ROLE "{quoted}"')
        group.start_soon(second)
        with anyio.fail_after(60):
            while psql(database, waiting) != "1":
                await anyio.sleep(0.02)
    assert reports[0].roles_created == ()


async def test_all_missing_roles_are_named_before_anything_runs(execute, plan_of, database, psql):
    """With the first place of each, so that they can be created in one go."""
    text = "CREATE TABLE t (a int);\nGRANT SELECT ON t TO nobody_one, nobody_two;\nGRANT ALL ON t TO nobody_one;"
    with pytest.raises(RoleMissing, match='lacks the roles "nobody_one", "nobody_two"') as caught:
        await execute(plan_of("SELECT 1;", text), atomic=False)
    error = caught.value
    assert (error.file, error.line) == ("b.sql", 2)
    assert error.detail == '"nobody_one" is named in b.sql:2\n"nobody_two" is named in b.sql:2'
    assert psql(database, "SELECT count(*) FROM pg_tables WHERE tablename = 't'") == "0"


async def test_roles_that_the_plan_makes_are_not_missing(execute, plan_of, database, psql, role):
    """CREATE ROLE may be a part of a schema."""
    quoted = role.replace('"', '""')
    report = await execute(plan_of(f'CREATE ROLE "{quoted}";' + owned(role)))
    assert report.roles_created == ()


async def test_a_failed_transaction_leaves_no_role(execute, plan_of, database, psql):
    """All or nothing holds for them too."""
    with pytest.raises(Exception, match="nope"):
        await execute(plan_of(owned("nobody_three") + "SELECT nope;"), create_roles=True)
    assert psql(database, "SELECT count(*) FROM pg_roles WHERE rolname = 'nobody_three'") == "0"


async def test_a_role_that_may_not_create_roles_is_told(kernel_run, database, psql, plan_of):
    """Which privilege is missing, not which statement failed."""
    from confiture.hooks import EXECUTOR
    from confiture.model import Execution

    name = f"limited_{database.database}"
    psql(database, f'CREATE ROLE "{name}" LOGIN; GRANT CREATE ON SCHEMA public TO "{name}"')
    target = type(database)(label="limited", params={**database.params, "user": name})
    async with kernel_run(database=target) as run:
        with pytest.raises(PermissionMissing, match="may not create the role"):
            await run.get(EXECUTOR, "runner").execute(
                run, plan_of(owned("nobody_four")), target, Execution(create_roles=True)
            )
    psql(database, f'DROP OWNED BY "{name}"; DROP ROLE "{name}"')
