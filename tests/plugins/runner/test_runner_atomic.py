"""The executor ``runner`` in one transaction: all or nothing, errors at their place."""

from __future__ import annotations

import pytest

from confiture.errors import (
    Busy,
    ConfigError,
    ConnectionLost,
    DiskFull,
    FeatureMissing,
    StatementFailed,
    UnsupportedScript,
)
from confiture.model import Logged, Plan, Progress, Statement, WarningRaised

pytestmark = pytest.mark.anyio

COUNT_RELATIONS = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"


async def test_statements_run_in_order(execute, plan_of, database, psql):
    """The reason of the whole: what the files say is in the database afterwards."""
    report = await execute(
        plan_of(
            "CREATE TABLE t (a int); -- a comment\nINSERT INTO t VALUES (1), (2)", "CREATE VIEW v AS SELECT a FROM t;"
        )
    )
    assert report.statements == 3
    assert psql(database, "SELECT sum(a) FROM v") == "3"


async def test_a_statement_may_end_in_a_comment(execute, plan_of, database, psql):
    """The separator of a batch must not end up inside of the comment."""
    await execute(plan_of("CREATE TABLE t (a int) -- first\n;\nCREATE TABLE u (a int) -- second\n;"))
    assert psql(database, COUNT_RELATIONS) == "2"


async def test_an_error_takes_everything_back(execute, plan_of, database, psql):
    """All or nothing: 250 statements are more than one batch."""
    tables = "".join(f"CREATE TABLE t{number} (a int);\n" for number in range(250))
    with pytest.raises(StatementFailed):
        await execute(plan_of(tables + "SELECT nothing();"))
    assert psql(database, COUNT_RELATIONS) == "0"


async def test_an_error_with_a_position_is_placed(execute, plan_of):
    """The position in a batch is turned into that in the file; both count characters."""
    text = "CREATE TABLE é (a int);\n\nCREATE VIEW v AS\n  SELECT 'ü', missing FROM é;\n"
    with pytest.raises(StatementFailed) as caught:
        await execute(plan_of("SELECT 1;", text))
    error = caught.value
    assert (error.file, error.line, error.column) == ("b.sql", 4, 15)
    assert error.source_line == "  SELECT 'ü', missing FROM é;"
    assert error.message == 'column "missing" does not exist'
    assert error.sqlstate == "42703"


async def test_an_error_without_a_position_is_placed_by_replay(execute, plan_of):
    """PostgreSQL gives many errors no position; in a batch nothing else says which statement it was."""
    with pytest.raises(StatementFailed) as caught:
        await execute(plan_of("CREATE TABLE t (a int);\nSELECT 1;\n  CREATE TABLE t (b int);\nSELECT 2;"))
    error = caught.value
    assert (error.file, error.line, error.column) == ("a.sql", 3, 3)
    assert error.source_line == "  CREATE TABLE t (b int);"
    assert error.sqlstate == "42P07"


async def test_the_context_of_a_function_is_told(execute, plan_of):
    """An error inside of a function is understood only with the function's name and line."""
    function = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN\n PERFORM 1/0; END $$;"
    with pytest.raises(StatementFailed, match="division by zero") as caught:
        await execute(plan_of(f"SELECT 1;\n{function}\nSELECT f();"))
    assert (caught.value.line, caught.value.column) == (4, 1)
    assert "PL/pgSQL function f() line 2" in caught.value.detail


async def test_an_error_in_a_function_body_is_placed_in_the_body(execute, plan_of):
    """PostgreSQL points into the body of the function."""
    with pytest.raises(StatementFailed) as caught:
        await execute(
            plan_of("SELECT 1;\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n  SELECT nope $$;\nSELECT 2;")
        )
    assert (caught.value.line, caught.value.column) == (3, 10)


async def test_detail_and_hint_are_passed_on(execute, plan_of):
    """PostgreSQL's own words are the best there are."""
    with pytest.raises(StatementFailed) as caught:
        await execute(plan_of("CREATE TABLE t (a int UNIQUE); INSERT INTO t VALUES (1); INSERT INTO t VALUES (1);"))
    assert caught.value.detail == "Key (a)=(1) already exists."
    with pytest.raises(StatementFailed) as caught:
        await execute(plan_of("SELECT lowwer('A');"))
    assert "might need to add explicit type casts" in caught.value.hint


async def test_a_deferred_constraint_fails_at_the_commit(execute, plan_of, database, psql):
    """It belongs to no statement, so the message says when it was found."""
    table = "CREATE TABLE t (a int PRIMARY KEY, b int REFERENCES t DEFERRABLE INITIALLY DEFERRED);"
    with pytest.raises(StatementFailed, match="the transaction could not be committed: insert or update"):
        await execute(plan_of(f"{table} INSERT INTO t VALUES (1, 2);"))
    assert psql(database, COUNT_RELATIONS) == "0"


async def test_what_cannot_be_in_a_transaction_is_refused_first(execute, plan_of, database, psql):
    """Before anything runs, naming the statement: the caller may then choose batches."""
    with pytest.raises(UnsupportedScript, match="CREATE INDEX CONCURRENTLY cannot run inside") as caught:
        await execute(plan_of("CREATE TABLE t (a int);\nCREATE INDEX CONCURRENTLY ON t (a);"))
    assert (caught.value.file, caught.value.line) == ("a.sql", 2)
    assert psql(database, COUNT_RELATIONS) == "0"


async def test_one_transaction_has_one_connection(execute, plan_of):
    """Several jobs cannot be atomic: saying so beats doing something else."""
    with pytest.raises(ConfigError, match="one transaction cannot span"):
        await execute(plan_of("SELECT 1"), jobs=2)


async def test_copy_data_is_loaded(execute, plan_of, database, psql):
    """As pg_dump writes it, with its escapes."""
    report = await execute(
        plan_of("CREATE TABLE t (a int, b text);\nCOPY t (a, b) FROM stdin;\n1\tx\\ty\n2\t\\N\n\\.\nSELECT 1;")
    )
    assert report.rows == 2
    assert psql(database, "SELECT a, coalesce(b, 'null') FROM t ORDER BY a") == "1|x\ty\n2|null"


async def test_the_options_of_copy_are_kept(execute, plan_of, database, psql):
    """The driver's own COPY statement would lose what it has no argument for."""
    options = "FORMAT csv, HEADER true, DELIMITER ';', QUOTE '~', NULL 'none', FORCE_NOT_NULL (b)"
    copy = f"COPY t (b, a) FROM STDIN WITH ({options});\n"
    await execute(plan_of(f"CREATE TABLE t (a int, b text);\n{copy}b;a\n~x;y~;1\nnone;none\n\\.\n"))
    assert psql(database, "SELECT coalesce(a, 0), b FROM t ORDER BY 1") == "0|none\n1|x;y"


async def test_large_copy_data_is_loaded(execute, plan_of, database, psql):
    """More than one piece of what goes to the server at once."""
    data = "".join(f"{number}\t{'x' * 100}\n" for number in range(20_000))
    report = await execute(plan_of(f"CREATE TABLE t (a int, b text);\nCOPY t FROM stdin;\n{data}\\.\n"))
    assert report.rows == 20_000
    assert psql(database, "SELECT count(*), sum(a) FROM t") == "20000|199990000"


async def test_an_error_in_copy_data_names_the_line_of_the_file(execute, plan_of, database, psql):
    """PostgreSQL counts from the first line of the data."""
    with pytest.raises(StatementFailed, match="invalid input syntax") as caught:
        await execute(plan_of("CREATE TABLE t (a int);\n\nCOPY t FROM stdin;\n1\n2\nthree\n\\.\n"))
    assert (caught.value.file, caught.value.line) == ("a.sql", 6)
    assert caught.value.source_line == "three"
    assert psql(database, COUNT_RELATIONS) == "0"


async def test_copy_without_data_is_refused(execute):
    """Executing it would wait for ever."""
    statement = Statement(sql="COPY t FROM stdin")
    with pytest.raises(UnsupportedScript, match="has no data"):
        await execute(Plan(statements=(statement,)))


async def test_settings_hold_for_later_files(execute, plan_of, database, psql):
    """As with psql: SET and set_config last until the session ends."""
    await execute(plan_of("CREATE SCHEMA s; SET search_path = s;", "CREATE TABLE t (a int);"))
    assert psql(database, "SELECT count(*) FROM s.t") == "0"


async def test_timeouts_of_a_statement_hold_for_it_alone(execute, database, psql):
    """A statement's own limits are obeyed and then taken back."""
    shown = "INSERT INTO t SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
    statements = (
        Statement(sql="CREATE TABLE t (a text, b text)"),
        Statement(sql="SET statement_timeout = '1h'"),
        Statement(sql=shown, statement_timeout_s=62.5, lock_timeout_s=30),
        Statement(sql=shown),
    )
    for atomic in (True, False):
        await execute(Plan(statements=statements), atomic=atomic)
        assert psql(database, "TABLE t") == "62500ms|30s\n1h|0"
        psql(database, "DROP TABLE t")


async def test_a_lock_timeout_is_busy(execute, kernel_run, database):
    """Somebody else is at work on the table: another exit code than a broken statement."""
    async with kernel_run() as other, other.connect(database) as connection:
        await connection.execute("CREATE TABLE t (a int)")
        async with other.transaction(connection):
            await connection.execute("LOCK t")
            statement = Statement(sql="DROP TABLE t", lock_timeout_s=0.05)
            with pytest.raises(Busy, match="lock timeout"):
                await execute(Plan(statements=(statement,)))


async def test_a_statement_without_origin_fails_without_a_place(execute):
    """Plans that were computed come from no file."""
    with pytest.raises(StatementFailed) as caught:
        await execute(Plan(statements=(Statement(sql="SELECT 1"), Statement(sql="SELECT nope"))))
    assert caught.value.where is None


async def test_a_password_is_not_shown(execute, plan_of):
    """The line of a statement that holds a password stays out of the message."""
    with pytest.raises(StatementFailed) as caught:
        await execute(plan_of("CREATE ROLE postgres LOGIN PASSWORD 'secret1';"))
    assert "secret1" not in str(caught.value.as_dict())


async def test_a_missing_extension_is_a_missing_feature(execute, plan_of):
    """It is the server that lacks something, not the schema that is wrong."""
    with pytest.raises(FeatureMissing, match='extension "nonesuch" is not available') as caught:
        await execute(plan_of("SELECT 1;\nCREATE EXTENSION nonesuch;"))
    assert caught.value.line == 2


async def test_notices_are_logged_and_warnings_raised(execute, plan_of):
    """With the file that they came from."""
    await execute(plan_of("DO $$ BEGIN RAISE NOTICE 'hear'; RAISE WARNING 'beware'; END $$;"))
    logged = [event for event in execute.events if isinstance(event, Logged)]
    warnings = [event for event in execute.events if isinstance(event, WarningRaised)]
    assert [(event.message, event.fields["file"]) for event in logged] == [("hear", "a.sql")]
    assert [event.message for event in warnings] == ["a.sql: beware"]


async def test_progress_reaches_the_total(execute, plan_of):
    """Bars end where they should."""
    await execute(plan_of("SELECT 1;" * 450))
    progress = [event for event in execute.events if isinstance(event, Progress)]
    assert len(progress) > 1
    assert (progress[-1].done, progress[-1].total) == (450, 450)


async def test_an_empty_plan_is_well(execute):
    """Nothing to do is no error to an executor."""
    report = await execute(Plan(statements=()))
    assert report.statements == 0


async def test_a_full_disk_is_told_by_name(execute, plan_of):
    """With the statement's place and what to do; the statements are not tried again."""
    full = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;"
    with pytest.raises(DiskFull, match="could not extend file") as caught:
        await execute(plan_of(full))
    assert (caught.value.file, caught.value.line) == ("a.sql", 1)
    assert "make room" in caught.value.hint


@pytest.mark.parametrize("execution", [{"atomic": True}, {"atomic": False}, {"atomic": False, "jobs": 2}])
async def test_a_lost_connection_is_told(execute, execution):
    """A server that goes away is no mistake of a statement, and nothing is run again."""
    statements = tuple(Statement(sql="SELECT 1", level=0) for _ in range(20))
    end = Statement(sql="SELECT pg_terminate_backend(pg_backend_pid())", level=0)
    with pytest.raises(ConnectionLost):
        await execute(Plan(statements=(*statements, end, *statements)), **execution)
