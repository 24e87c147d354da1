"""The executor ``runner`` over several connections."""

from __future__ import annotations

import pytest

from confiture.errors import StatementFailed
from confiture.model import Logged, Origin, Plan, SourceFile, Statement

pytestmark = pytest.mark.anyio


def levelled(*levels: list[str]) -> Plan:
    """A plan whose statements have these levels; an empty text before a level makes it a barrier (-1)."""
    return Plan(
        statements=tuple(Statement(sql=sql, level=number) for number, level in enumerate(levels) for sql in level)
    )


async def test_levels_run_one_after_the_other(execute, database, psql):
    """What a level needs is committed when it begins."""
    count = 120
    plan = levelled(
        [f"CREATE TABLE t{n} (a int PRIMARY KEY)" for n in range(count)],
        [f"CREATE TABLE u{n} (a int REFERENCES t{n})" for n in range(count)],
        [f"CREATE VIEW v{n} AS SELECT a FROM u{n}" for n in range(count)],
    )
    report = await execute(plan, atomic=False, jobs=3)
    assert report.statements == 3 * count
    assert psql(database, "SELECT count(*) FROM pg_views WHERE schemaname = 'public'") == str(count)


async def test_several_connections_are_used(execute, database, psql):
    """Each remembers which server process ran its statement."""
    note = "INSERT INTO seen SELECT pg_backend_pid() FROM pg_sleep(0.05)"
    plan = levelled(["CREATE TABLE seen (pid int)"], [note] * 12)
    await execute(plan, atomic=False, jobs=3)
    assert psql(database, "SELECT count(DISTINCT pid), count(*) FROM seen") == "3|12"


async def test_settings_hold_on_every_connection(execute, database, psql):
    """A statement finds the settings that it would find in order, whichever connection runs it."""
    tables = [Statement(sql=f"CREATE TABLE t{n} (a int)", level=0) for n in range(40)]
    more = [Statement(sql=f"CREATE TABLE t{n} (a int)", level=0) for n in range(40)]
    plan = Plan(
        statements=(
            Statement(sql="CREATE SCHEMA one"),
            Statement(sql="CREATE SCHEMA two"),
            Statement(sql="SET search_path = one", session=True),
            *tables,
            Statement(sql="SELECT set_config('search_path', 'two', false)", session=True),
            *more,
        )
    )
    await execute(plan, atomic=False, jobs=3)
    counted = "SELECT schemaname, count(*) FROM pg_tables WHERE schemaname IN ('one', 'two') GROUP BY 1 ORDER BY 1"
    assert psql(database, counted) == "one|40\ntwo|40"


async def test_statements_without_a_level_run_in_order(execute, database, psql):
    """They may need whatever stands before them, and what follows may need them."""
    plan = Plan(
        statements=(
            Statement(sql="CREATE TABLE t (n serial, a text)"),
            *(Statement(sql="INSERT INTO t (a) VALUES ('before')", level=3) for _ in range(20)),
            Statement(sql="INSERT INTO t (a) SELECT 'between' || count(*) FROM t", level=-1),
            *(Statement(sql="INSERT INTO t (a) VALUES ('after')", level=0) for _ in range(20)),
        )
    )
    await execute(plan, atomic=False, jobs=2)
    assert psql(database, "SELECT a FROM t WHERE a LIKE 'between%'") == "between20"


async def test_what_cannot_be_in_a_transaction_runs_alone(execute, database, psql):
    """A concurrent index build would wait for the transactions beside it."""
    indexes = [Statement(sql=f"CREATE INDEX CONCURRENTLY ON t{n} (a)", level=1, transactional=False) for n in range(8)]
    tables = levelled([f"CREATE TABLE t{n} (a int)" for n in range(8)]).statements
    await execute(Plan(statements=(*tables, *indexes)), atomic=False, jobs=2)
    assert psql(database, "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'") == "8"


async def test_a_deadlock_is_resolved(execute, database, psql):
    """Two transactions that lock two rows crosswise: the one that the server ends runs again, alone."""
    set_up = [
        "CREATE TABLE t (a int PRIMARY KEY, n int)",
        "INSERT INTO t VALUES (1, 0), (2, 0)",
        "CREATE SEQUENCE there",
    ]
    touch = "UPDATE t SET n = n + 1 WHERE a = {}"
    # Each has its first row before one of them goes on. Who runs again alone finds that both have been there.
    meet = (
        "DO $$ BEGIN PERFORM nextval('there');"
        " WHILE (SELECT last_value FROM there) < 2 LOOP PERFORM pg_sleep(0.01); END LOOP; END $$"
    )
    crossed = [touch.format(1), meet, touch.format(2), touch.format(2), meet, touch.format(1)]
    statements = (
        *(Statement(sql=sql) for sql in set_up),
        *(Statement(sql=sql, level=0) for sql in (*crossed, *crossed)),
    )
    await execute(Plan(statements=statements), atomic=False, jobs=2)
    assert psql(database, "SELECT n FROM t ORDER BY a") == "4\n4"
    assert any(getattr(event, "fields", {}).get("sqlstate") == "40P01" for event in execute.events)


async def test_writers_of_one_catalog_row_are_resolved(execute, database, psql):
    """GRANTs on one object at once fail with "tuple concurrently updated", which is nobody's mistake."""
    grants = [f"GRANT SELECT ({column}) ON t TO PUBLIC" for column in "abcdefgh"]
    plan = levelled(["CREATE TABLE t (a int, b int, c int, d int, e int, f int, g int, h int)"], grants * 5)
    await execute(plan, atomic=False, jobs=4)
    columns = "SELECT count(*) FROM information_schema.column_privileges WHERE table_name = 't' AND grantee = 'PUBLIC'"
    assert psql(database, columns) == "8"


async def test_an_error_names_its_place(execute):
    """As without jobs."""
    text = "SELECT 1;\n" * 20 + "SELECT nope;\n" + "SELECT 1;\n" * 20
    lines = text.splitlines(keepends=True)
    statements = tuple(
        Statement(sql=line[:-2], level=0, origin=Origin("a.sql", number, 1, 10 * (number - 1) + 3 * (number > 21)))
        for number, line in enumerate(lines, 1)
    )
    with pytest.raises(StatementFailed) as caught:
        await execute(Plan(statements=statements, sources=(SourceFile("a.sql", text),)), atomic=False, jobs=2)
    assert (caught.value.file, caught.value.line, caught.value.column) == ("a.sql", 21, 8)
    assert caught.value.source_line == "SELECT nope;"


async def test_copy_data_is_loaded_beside_other_statements(execute, database, psql):
    """The rows of all connections are counted."""
    tables = [f"CREATE TABLE t{n} (a int)" for n in range(6)]
    copies = [Statement(sql=f"COPY t{n} FROM stdin", level=1, copy_data=b"1\n2\n3\n") for n in range(6)]
    report = await execute(Plan(statements=(*levelled(tables).statements, *copies)), atomic=False, jobs=2)
    assert report.rows == 18
    assert psql(database, "SELECT sum(a) FROM t5") == "6"


async def test_an_order_within_a_level_that_matters_is_mended(execute, database, psql):
    """Levels are computed from the text, which does not show all: what fails runs again when the level is through."""
    views = [f"CREATE VIEW v{n} AS SELECT * FROM t{n}" for n in range(10)]
    tables = [f"CREATE TABLE t{n} (a int)" for n in range(10)]
    await execute(levelled(views + tables), atomic=False, jobs=2)
    assert psql(database, "SELECT count(*) FROM pg_views WHERE schemaname = 'public'") == "10"


async def test_foreign_keys_to_one_table_do_not_wait_for_each_other(execute, database, psql):
    """Each locks the table that it refers to until its batch commits: on two connections they would deadlock."""
    plan = levelled(
        [f"CREATE TABLE p{n} (a int PRIMARY KEY)" for n in range(4)],
        [f"CREATE TABLE t{n} (a int REFERENCES p{n % 4}, b int REFERENCES p{(n + n // 4) % 4})" for n in range(100)],
    )
    await execute(plan, atomic=False, jobs=3)
    assert [event for event in execute.events if isinstance(event, Logged)] == []
    assert psql(database, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == "200"
