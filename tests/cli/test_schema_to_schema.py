"""``confiture migrate schema-to-schema`` as a user meets it: the mission's commands; how it is stopped and watched."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator

import pexpect
import pytest

from cli.gate import PASS, Gate
from confiture.config.dsn import to_uri
from confiture.model import Target

OLD = """
CREATE TABLE users (id bigint PRIMARY KEY, full_name text, created_at timestamp, deleted_at timestamp);
CREATE TABLE events (id bigint PRIMARY KEY, user_id bigint REFERENCES users, kind text);
CREATE TABLE page_views (id bigint PRIMARY KEY, path text NOT NULL);
INSERT INTO users SELECT i, 'name ' || i, '2020-01-01 12:00'::timestamp + i * interval '1 day',
    CASE WHEN i % 10 = 0 THEN '2024-01-01'::timestamp END FROM generate_series(1, 50) AS i;
INSERT INTO events SELECT i, 1 + i % 9, 'click' FROM generate_series(1, 300) AS i;
INSERT INTO page_views SELECT i, '/' || i FROM generate_series(1, 100) AS i;
ANALYZE;
"""
NEW = """
CREATE TABLE users (id bigint PRIMARY KEY, display_name text, created_timestamp timestamptz);
CREATE TABLE events (id bigint PRIMARY KEY, user_id bigint REFERENCES users, kind varchar(20));
CREATE INDEX events_user ON events (user_id);
CREATE TABLE page_views (id bigint PRIMARY KEY, path text NOT NULL);
"""
MISSION = """\
# db/migration_map.yaml
tables:
  users:
    columns:
      # Rename column
      full_name: display_name

      # Transform data
      created_at:
        target: created_timestamp
        transform: "created_at AT TIME ZONE 'UTC'"

    # Custom transformation SQL
    custom_sql: |
      INSERT INTO production_new.users (id, display_name, created_timestamp)
      SELECT id, full_name, created_at AT TIME ZONE 'UTC'
      FROM old_schema.users
      WHERE deleted_at IS NULL
"""


@pytest.fixture(scope="module")
def old(new_database: Callable[[], Target], psql) -> Target:
    """The production of the mission."""
    target = new_database()
    psql(target, OLD)
    return target


@pytest.fixture
def shop(project, old: Target, database: Target, server: Target):
    """A project with both environments, the new schema and the mission's map; the new database is empty."""
    project.config(f"[scratch]\nurl = '{to_uri(server.params)}'\n")
    project.environment_for(old, "production")
    project.environment_for(database, "production_new")
    project.schema("tables.sql", NEW)
    project.write("db/migration_map.yaml", MISSION)
    return project


def spawned(cli, *words: str) -> pexpect.spawn:
    """The command on a terminal."""
    return pexpect.spawn(
        sys.executable,
        ["-m", "confiture", "migrate", "schema-to-schema", *words],
        cwd=str(cli.folder),
        env={**cli.environment(), "NO_COLOR": "1"},
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 100),
    )


def everything(target: Target, psql) -> str:
    """All rows of the three tables, as psql prints them."""
    tables = ("users", "events", "page_views")
    return psql(target, "SET timezone = 'UTC'; " + "".join(f"SELECT * FROM {table} ORDER BY id;" for table in tables))


def mapped(target: Target, psql) -> str:
    """The same of the old database, by what the mission's map means."""
    users = "SELECT id, full_name, created_at AT TIME ZONE 'UTC' FROM users WHERE deleted_at IS NULL ORDER BY id;"
    return psql(
        target,
        f"SET timezone = 'UTC'; {users} SELECT * FROM events ORDER BY id; SELECT * FROM page_views ORDER BY id;",
    )


def test_the_missions_first_command(shop, run_here, old, database, psql) -> None:
    """Letter for letter: the plan, then the copy; the judge is what psql says of both sides."""
    words = "--from production --to production_new --strategy fdw --mapping db/migration_map.yaml"
    code, out, _ = run_here("migrate", "schema-to-schema", *shlex.split(words), cwd=shop.root)
    assert code == 0, out
    assert out.startswith("from production into production_new, which is made from db/schema/")
    assert "\ncopied 3 tables from production into production_new: 445 rows, " in out
    assert everything(database, psql) == mapped(old, psql)
    assert (
        psql(database, "SELECT contype, convalidated FROM pg_constraint WHERE conname = 'events_user_id_fkey'") == "f|t"
    )
    code, out, _ = run_here("migrate", "schema-to-schema", "validate", cwd=shop.root)
    assert (code, out.splitlines()[0].partition(": ")[0]) == (0, "3 tables in production_new")
    opened = "".join(f"ALTER TABLE {table} DISABLE TRIGGER confiture_move_fence; " for table in ("events", "users"))
    psql(database, f"{opened}UPDATE events SET kind = 'tap' WHERE id = 7; DELETE FROM users WHERE id = 49")
    code, out, _ = run_here("migrate", "schema-to-schema", "validate", cwd=shop.root)
    assert code == 7
    assert '    different: ["7"]\n' in out
    assert '    missing: ["49"]\n' in out


def test_the_missions_second_command(shop, run_here, old, database, psql) -> None:
    """Two tables of several; nothing is said of the others."""
    words = "--strategy copy --tables events,page_views"
    shop.schema("tables.sql", NEW.replace(" REFERENCES users", ""))
    code, out, _ = run_here("migrate", "schema-to-schema", *shlex.split(words), cwd=shop.root)
    assert code == 0, out
    assert "\ncopied 2 tables from production into production_new: 400 rows, " in out
    for table in ("events", "page_views"):
        rows = f"SELECT * FROM {table} ORDER BY id"
        assert psql(database, rows) == psql(old, rows)
    assert psql(database, "SELECT count(*) FROM users") == "0"


def test_the_missions_third_command(shop, run_here, old, database, psql) -> None:
    """And the plan says why each table has its engine."""
    code, out, _ = run_here("migrate", "schema-to-schema", "--strategy", "hybrid", cwd=shop.root)
    assert code == 0, out
    assert re.search(r"^public\.events: (copy|fdw), .", out, re.MULTILINE)
    assert everything(database, psql) == mapped(old, psql)


def test_a_terminal_is_asked_between_the_plan_and_the_start(shop, cli, database, psql) -> None:
    """With no as the answer, nothing is there."""
    cli.folder = shop.root
    child = spawned(cli, "--strategy", "copy")
    child.expect(r"start\? \[y/N\] ")
    assert "FROM public.users" in child.before.replace('"', "")
    child.sendline("n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus != 0
    assert psql(database, "SELECT to_regclass('users') IS NULL") == "t"


#: A table in several chunks; from its middle on, the old server waits for a lock that the test holds.
GATED = f"""
CREATE TABLE small (id bigint PRIMARY KEY);
INSERT INTO small SELECT generate_series(1, 10);
CREATE TABLE big (id bigint PRIMARY KEY, filler text);
INSERT INTO big SELECT i, repeat('0123456789', 20) FROM generate_series(1, 20000) AS i;
CREATE FUNCTION gate(bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF $1 > 10000 THEN
        {PASS}
    END IF;
    RETURN true;
END $$;
ANALYZE;
"""
NEW_GATED = "CREATE TABLE small (id bigint PRIMARY KEY); CREATE TABLE big (id bigint PRIMARY KEY, filler text);"
SUMS = "SELECT count(*), sum(id), sum(hashtextextended(filler, 0)) FROM big"


@pytest.fixture(scope="module")
def gated_old(new_database: Callable[[], Target], psql) -> Target:
    """The old database with the gate."""
    target = new_database()
    psql(target, GATED)
    return target


@pytest.fixture
def gated(project, gated_old: Target, database: Target, server: Target):
    """A project whose copy comes to the gate."""
    project.config(f"[scratch]\nurl = '{to_uri(server.params)}'\n[schema-to-schema]\nchunk_mb = 1\nstrategy = 'copy'\n")
    project.environment_for(gated_old, "production")
    project.environment_for(database, "production_new")
    project.schema("tables.sql", NEW_GATED)
    project.write("db/migration_map.yaml", 'tables: {big: {filter: "gate(id)"}}')
    return project


@pytest.fixture
def gate(gated_old: Target, psql) -> Iterator[Gate]:
    """Closed."""
    gate = Gate(gated_old, psql)
    yield gate
    gate.open()


def test_ctrl_c_says_how_to_go_on_and_that_works(gated, gate, gated_old, cli, database, psql, no_session_left) -> None:
    """The whole command, to paste; it needs no option that the start had."""
    cli.folder = gated.root
    process = cli.start(
        "migrate", "schema-to-schema", "start", "--to", "production_new", "--tables", "big", "--jobs", "1"
    )
    gate.wait()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert re.search(r"^error: interrupted by Ctrl-C\n  hint: no table is complete, 1 begun; ", err, re.MULTILINE)
    (again,) = re.findall(r"to go on: confiture (.*)\n", err)
    assert again == "migrate schema-to-schema resume --to production_new"
    no_session_left(database)
    half = int(psql(database, "SELECT count(*) FROM big"))
    assert 0 < half <= 10000
    refused = cli("migrate", "schema-to-schema", "start")
    assert (refused.returncode, "is not finished" in refused.stderr) == (8, True)
    status = json.loads(cli("migrate", "schema-to-schema", "status", "--format", "json").stdout)
    assert (status["phase"], status["running"], status["rows"]) == ("copying", False, half)
    gate.open()
    done = cli(*shlex.split(again))
    assert (done.returncode, done.stdout.partition(":")[0]) == (
        0,
        "copied the rest of 1 table from production into production_new",
    ), done.stderr
    assert psql(database, SUMS) == psql(gated_old, SUMS)


def test_another_terminal_watches_pauses_and_has_it_go_on(
    gated, gate, gated_old, cli, run_here, database, psql
) -> None:
    """Ctrl-C ends the watching alone."""
    cli.folder = gated.root

    def here(*words: str) -> str:
        code, out, err = run_here("migrate", "schema-to-schema", *words, cwd=gated.root)
        assert (code, err) == (0, "")
        return out

    copying = cli.start("migrate", "schema-to-schema", "start", "--jobs", "1")
    gate.wait()
    watching = cli.start("migrate", "schema-to-schema", "status", "--watch")
    assert watching.stdout is not None
    assert re.match(r"copying: [0-9,]+ of some [0-9,]+ rows \([0-9]+ %\), 0 of 2 tables", watching.stdout.readline())
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=60)
    assert (watching.returncode, err) == (0, "the migration goes on; only the watching has ended\n")
    child = spawned(cli, "status", "--watch")
    child.expect(r"public\.big +copy +copying")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, "only the watching has ended" in child.before) == (0, True)
    assert here("pause") == "the migration into production_new waits as soon as the chunks are done that it is at\n"
    gate.open()
    for _ in range(100):
        status = json.loads(here("status", "--format", "json"))
        if status["waiting_for"] is not None:
            break
    assert (status["running"], status["paused"]) == (True, True)
    assert "copying, paused" in here("status")
    assert psql(database, "SELECT count(*) FROM big") != "20000"
    assert here("resume") == "the migration into production_new was paused, and goes on\n"
    out, _ = copying.communicate(timeout=60)
    assert (copying.returncode, out.partition(":")[0]) == (0, "copied 2 tables from production into production_new")
    assert psql(database, SUMS) == psql(gated_old, SUMS)


def test_a_terminal_shows_bars_that_leave_no_trace(gated, gate, cli) -> None:
    """Of each table and of their sum; the report stands where they were."""
    cli.folder = gated.root
    child = spawned(cli, "start")
    child.expect(r"public\.big .* rows/s")
    gate.open()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    _, found, after = child.before.partition("copied 2 tables")
    assert found
    assert "public.small: 10 rows" not in child.before
    assert "\x1b[2K" not in after
