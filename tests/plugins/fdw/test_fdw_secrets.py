"""The password of the source is seen by nobody: not in a log, a view, or what is left."""

from __future__ import annotations

import threading

import anyio
import msgspec
import pytest

from confiture.errors import ConfitureError, PermissionMissing, ServerUnreachable
from confiture.model import TransferTask
from confiture.registry import Registry
from confiture.testing import open_context
from confiture_fdw.engine import FdwEngine
from confiture_fdw.preparing import make_extension

pytestmark = pytest.mark.anyio


def shows(text: str, password: str) -> bool:
    """However it is written: as it is, in an SQL string, in a string with escapes."""
    doubled = password.replace("'", "''")
    return any(written in text for written in (password, doubled, doubled.replace("\\", "\\\\")))


@pytest.fixture
def sides(logging_server, psql):
    """Two databases of the server that logs all; their owner is no superuser and needs a password."""
    admin = logging_server.admin
    for name in ("old", "new"):
        psql(admin, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        psql(admin, f"CREATE DATABASE {name} OWNER app")
    psql(admin.with_database("old"), "SET ROLE app; CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)")
    psql(admin.with_database("new"), "SET ROLE app; CREATE TABLE t (a int)")
    psql(
        admin.with_database("new"),
        "CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO app",
    )
    psql(admin.with_database("new"), "GRANT SET ON PARAMETER pg_stat_statements.track TO app")
    psql(admin, "SELECT FROM pg_stat_statements_reset()")
    return logging_server.role("old", "production"), logging_server.role("new", "staging")


@pytest.fixture
def task(sides):
    return TransferTask(source=sides[0], target=sides[1], table="t", columns=("a",), query="SELECT a FROM t")


def assert_unseen(logging_server, psql, error: ConfitureError | None = None) -> None:
    log = logging_server.log.read_text(errors="replace")
    kept = psql(logging_server.admin, "SELECT query FROM pg_stat_statements")
    told = f"{error.as_dict()}" if error else ""
    assert "CREATE USER MAPPING" in log  # the DO block that makes it, whose text has no password
    assert not any(shows(text, logging_server.password) for text in (log, kept, told))


async def test_no_log_and_no_view_has_the_password(ctx, logging_server, task, psql, left):
    """Of a role that is no superuser, under log_statement = 'all' and pg_stat_statements of all statements."""
    seen: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            seen.append(psql(logging_server.admin, "SELECT query FROM pg_stat_activity"))
            seen.append(psql(logging_server.admin.with_database("new"), "SELECT umoptions FROM pg_user_mappings"))

    with anyio.CancelScope(shield=True):
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            transfers = 0
            while transfers < 3 or (len(seen) < 6 and watcher.is_alive()):  # it may be late
                assert (await FdwEngine().transfer(ctx, task)).rows == 2
                transfers += 1
        finally:
            over.set()
            await anyio.to_thread.run_sync(watcher.join)
    assert len(seen) >= 6
    assert not any(shows(text, logging_server.password) for text in seen)
    assert_unseen(logging_server, psql)
    assert left(task.target) == 1  # the extension, which was there


async def test_without_temporary_tables_no_view_has_it(ctx, logging_server, task, psql, left):
    """It goes as a bind value then, which only log_statement = 'all' writes down; statements have it nowhere."""
    admin = logging_server.admin.with_database("new")
    psql(admin, "REVOKE TEMP ON DATABASE new FROM PUBLIC, app")
    assert (await FdwEngine().transfer(ctx, task)).rows == 2
    statements = "SELECT query FROM pg_stat_statements UNION ALL SELECT query FROM pg_stat_activity"
    kept = psql(logging_server.admin, statements)
    assert "jsonb_object" in logging_server.log.read_text(errors="replace")
    assert not shows(kept, logging_server.password)
    logging_server.log.write_text("")


async def test_a_mapping_that_fails_says_nothing(ctx, logging_server, task, psql, left):
    """An event trigger of somebody's fails on it, whose error would have the statement as its context."""
    admin = logging_server.admin.with_database("new")
    psql(admin, "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE EXCEPTION 'not %', current_query() USING ERRCODE = '42501'; END $$; CREATE EVENT TRIGGER e "
                "ON ddl_command_end WHEN TAG IN ('CREATE USER MAPPING') EXECUTE FUNCTION no()")  # fmt: skip
    with pytest.raises(PermissionMissing) as caught:
        await FdwEngine().transfer(ctx, task)
    assert_unseen(logging_server, psql, caught.value)
    assert left(task.target) == 1


async def test_a_password_that_is_wrong_is_no_part_of_the_error(ctx, logging_server, task, psql, project):
    """Nor is it where the address is told, and the setting that changes it."""
    project.config('[fdw]\nsource = "user=app password=wrong-one"\n')
    async with open_context(project.root, registry=Registry()) as run:
        with pytest.raises(ServerUnreachable, match="password authentication failed") as caught:
            await FdwEngine().transfer(run, task)
    assert "wrong-one" not in f"{caught.value.as_dict()}"
    assert "[fdw]" in (caught.value.hint or "")
    assert "wrong-one" not in logging_server.log.read_text(errors="replace")


async def test_pg_stat_statements_that_would_keep_it_is_refused(ctx, logging_server, task, psql, left):
    """It keeps the statements in functions too, with all that they say, where track is 'all'."""
    psql(logging_server.admin, "REVOKE SET ON PARAMETER pg_stat_statements.track FROM app")
    with pytest.raises(PermissionMissing, match="pg_stat_statements would keep the password") as caught:
        await FdwEngine().transfer(ctx, task)
    assert "GRANT SET ON PARAMETER" in (caught.value.hint or "")
    assert left(task.target) == 1


async def test_what_a_role_lacks_is_told_with_the_grant(ctx, logging_server, task, psql, left):
    """The wrapper, the extension, a schema to make foreign tables in."""
    admin = logging_server.admin.with_database("new")
    engine = FdwEngine()
    psql(admin, "REVOKE USAGE ON FOREIGN DATA WRAPPER postgres_fdw FROM app")
    with pytest.raises(PermissionMissing) as caught:
        await engine.transfer(ctx, task)
    assert 'GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO "app"' in (caught.value.hint or "")
    (survey,) = await engine.survey(ctx, [task])
    assert (survey.obstacle, survey.hint) == (caught.value.message, caught.value.hint)

    psql(admin, "DROP EXTENSION postgres_fdw")
    with pytest.raises(PermissionMissing, match="may not create the extension") as caught:
        await make_extension(ctx, task.target)
    assert "CREATE EXTENSION postgres_fdw" in (caught.value.hint or "")
    with pytest.raises(PermissionMissing, match="may not create the extension"):
        await engine.transfer(ctx, task)
    psql(admin, "CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO app")

    psql(admin, "ALTER DATABASE new OWNER TO postgres; REVOKE CREATE ON SCHEMA public FROM PUBLIC, app")
    with pytest.raises(PermissionMissing, match="in no schema") as caught:
        await engine.transfer(ctx, task)
    assert 'GRANT CREATE ON DATABASE "new" TO "app"' in (caught.value.hint or "")
    # A schema that the role may use does as well as one of its own.
    psql(admin, "CREATE SCHEMA elsewhere AUTHORIZATION app")
    assert (await engine.transfer(ctx, task)).rows == 2
    assert psql(task.target, "SELECT count(*) FROM pg_class WHERE relnamespace = 'elsewhere'::regnamespace") == "0"


async def test_a_database_that_its_role_will_own_is_surveyed_elsewhere(ctx, logging_server, task, psql):
    """In the maintenance database it may do nothing, which is no obstacle; that the extension is nowhere is one."""
    stands_for = msgspec.structs.replace(task.target, params={**task.target.params, "dbname": "not_there_yet"})
    (survey,) = await FdwEngine().survey(ctx, [task], stands_for=stands_for)
    assert survey.obstacle is None
    psql(logging_server.admin.with_database("new"), "DROP EXTENSION postgres_fdw")
    (survey,) = await FdwEngine().survey(ctx, [task], stands_for=stands_for)
    assert "may not create the extension" in (survey.obstacle or "")
    assert "in template1" in (survey.hint or "")


async def test_without_a_password_only_a_superuser_connects(ctx, logging_server, task, psql, left):
    """PostgreSQL's own rule: else a role would use the login of the server's system user."""
    psql(logging_server.admin, "DROP ROLE IF EXISTS free; CREATE ROLE free LOGIN")
    params = {key: value for key, value in task.source.params.items() if key != "password"}
    nobody = msgspec.structs.replace(task.source, params={**params, "user": "postgres"})
    with pytest.raises(PermissionMissing, match="lets a role that is no superuser connect") as caught:
        await FdwEngine().transfer(ctx, msgspec.structs.replace(task, source=nobody))
    assert "password" in (caught.value.hint or "")
