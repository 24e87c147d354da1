"""``confiture sync`` as a user meets it: the mission's commands, its report, its progress, and how it is stopped."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator

import pexpect
import pytest

from cli.gate import PASS, Gate
from confiture.config.dsn import to_uri
from confiture.model import Target

SCHEMA = """
CREATE TABLE users (id bigint PRIMARY KEY, email text UNIQUE NOT NULL, phone text, ssn text, country text);
CREATE TABLE posts (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, title text);
CREATE TABLE comments (id bigint PRIMARY KEY, post_id bigint NOT NULL REFERENCES posts, body text);
CREATE TABLE payments (id bigint PRIMARY KEY, user_id bigint REFERENCES users, credit_card text);
"""
ROWS = """
INSERT INTO users SELECT i, 'real.person' || i || '@corp.net', '+49 30 ' || 900000 + i, '078-05-' || 1000 + i, 'de'
  FROM generate_series(1, 50) i;
INSERT INTO posts SELECT i, 1 + i % 50, 'post ' || i FROM generate_series(1, 200) i;
INSERT INTO comments SELECT i, 1 + i % 200, 'comment ' || i FROM generate_series(1, 400) i;
INSERT INTO payments SELECT i, 1 + i % 50, '4111 1111 1111 ' || 1000 + i FROM generate_series(1, 30) i;
ANALYZE;
"""
MISSION = """\
# db/sync_config.yaml
anonymize:
  users:
    email: "user_{id}@example.com"
    phone: "+1-555-{random(4)}"
    ssn: "XXX-XX-{random(4)}"
  payments:
    credit_card: "**** **** **** {last4}"
"""
COMMAND = shlex.split("--from production --to local --anonymize users.email,users.phone --tables users,posts,comments")
#: What must never be anywhere but in the source.
ORIGINAL = re.compile(r"real\.person|corp\.net|\+49 30|078-05|4111 1111")


@pytest.fixture(scope="module")
def source(new_database: Callable[[], Target], psql) -> Target:
    """The production of the mission."""
    target = new_database()
    psql(target, SCHEMA + ROWS)
    return target


@pytest.fixture
def target(database: Target, psql) -> Target:
    """Its empty copy."""
    psql(database, SCHEMA)
    return database


@pytest.fixture
def shop(project, source: Target, target: Target):
    """A project with both environments and the mission's rules."""
    project.environment_for(source, "production")
    project.environment_for(target, "local")
    project.write("db/sync_config.yaml", MISSION)
    return project


def test_the_missions_command(shop, run_here, source, target, psql) -> None:
    """Masked as the mission's file says, everything else as it was; a line a table where there is no terminal."""
    code, out, err = run_here("sync", *COMMAND, cwd=shop.root)
    assert (code, ORIGINAL.search(out + err)) == (0, None)
    assert out.startswith("copied 3 tables from production to local: 650 rows, ")
    assert re.search(r"^public.users +50 .*\n    masked: email, phone, ssn$", out, re.MULTILINE)
    assert re.search(r"^masked with the key [0-9a-f]{12}$", out, re.MULTILINE)
    assert not re.search(r"FAILED|open:", out)
    for table, rows in (("users", 50), ("posts", 200), ("comments", 400)):
        assert re.search(rf"^public\.{table}: {rows} rows, .* in .* s$", err, re.MULTILINE)
    shapes = "regexp_replace(concat_ws(' ', email, phone, ssn, country), '[0-9]', '9', 'g')"
    assert psql(target, f"SELECT DISTINCT {shapes} FROM users ORDER BY 1").splitlines() == [
        "user_99@example.com +9-999-9999 XXX-XX-9999 de",
        "user_9@example.com +9-999-9999 XXX-XX-9999 de",
    ]
    for table in ("posts", "comments"):
        rows = f"SELECT * FROM {table} ORDER BY id"
        assert psql(target, rows) == psql(source, rows)
    assert psql(target, "SELECT count(*) FROM payments") == "0"


def test_json_is_one_document_without_values(shop, run_here) -> None:
    """For a pipeline that keeps it: no value of any row, and no key."""
    code, out, err = run_here("sync", *COMMAND, "--format", "json", cwd=shop.root)
    report = json.loads(out)
    assert (code, report["exit_code"], err) == (0, 0, "")
    assert {table["table"]: table["rows"] for table in report["tables"]} == {
        "public.users": 50, "public.posts": 200, "public.comments": 400
    }  # fmt: skip
    assert all(check["ok"] for check in report["checks"])
    key = (shop.root / ".confiture" / "anonymization.key").read_text().strip()
    assert not ORIGINAL.search(out)
    assert key not in out


def test_events_for_a_program_are_json_lines(shop, cli) -> None:
    """With --verbose on a pipe, beside the one document on stdout."""
    cli.folder = shop.root
    done = cli("sync", *COMMAND, "--format", "json", "--verbose")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert json.loads(done.stdout)["exit_code"] == done.returncode == 0
    finished = {event["step"] for event in events if event["event"] == "StepFinished"}
    assert {"sync.public.users", "sync.public.posts", "sync.public.comments"} <= finished
    assert not ORIGINAL.search(done.stderr)


def test_a_dry_run_writes_nothing(shop, run_here, target, psql) -> None:
    """Not even records of its own; it says what would be copied, and which rule masks what."""
    before = psql(target, "SELECT count(*) FROM pg_class")
    code, out, _ = run_here("sync", "--from", "production", "--to", "local", "--dry-run", cwd=shop.root)
    assert code == 0
    assert out.startswith("nothing was written; a run would copy 4 tables from production to local, some\n")
    assert "    email: template 'user_{id}@example.com', db/sync_config.yaml:4\n" in out
    assert psql(target, "SELECT count(*) FROM pg_class") == before
    assert psql(target, "SELECT count(*) FROM users") == "0"


def test_without_rules_personal_columns_stop_the_run(shop, run_here, target, psql) -> None:
    """Nothing leaves by omission; the exit code is that of a refusal."""
    (shop.root / "db" / "sync_config.yaml").unlink()
    code, out, err = run_here("sync", "--from", "production", "--to", "local", cwd=shop.root)
    assert (code, out) == (8, "")
    assert "users.email" in err
    assert not ORIGINAL.search(err)
    assert psql(target, "SELECT count(*) FROM users") == "0"


def test_without_a_project_by_connection_strings(source, target, run_here, tmp_path, psql) -> None:
    """Anywhere: the databases' own names are in the report, and no password is."""
    url = to_uri({**target.params, "password": "hidden-word"}, password=True)
    words = ["--from", to_uri(source.params), "--to", url, "--tables", "posts,users", "--keep", "users.ssn=a test"]
    code, out, err = run_here("sync", *words, "--anonymize", "users.email,users.phone", cwd=tmp_path)
    assert (code, "hidden-word" in out + err) == (0, False)
    assert out.startswith(f"copied 2 tables from {source.database} to {target.database}: 250 rows")
    assert "kept: public.users.ssn" in out
    assert psql(target, "SELECT count(*) FROM users WHERE email LIKE '%@example.com'") == "50"


def test_quiet_says_nothing_but_the_result(shop, run_here) -> None:
    """For cron."""
    code, _, err = run_here("sync", *COMMAND, "--quiet", cwd=shop.root)
    assert (code, err) == (0, "")


def test_what_comes_after_the_copy_and_fails_is_code_7(shop, run_here, source, psql) -> None:
    """The rows are there, and the report names what is wrong with them, first."""
    shop.write("db/sync_config.yaml", MISSION + "  posts:\n    title: {sql: \"title || '!'\"}\n")
    psql(source, "UPDATE posts SET title = 'a.unique.title.' || id || '@corp.net'")
    try:
        code, out, _ = run_here("sync", *COMMAND, cwd=shop.root)
    finally:
        psql(source, "UPDATE posts SET title = 'post ' || id")
    assert code == 7
    assert re.match(r"[0-9]+ checks? failed; the rows are in the target\n  FAILED leak ", out)
    assert not ORIGINAL.search(out)


BIG = """
CREATE TABLE big (id bigint PRIMARY KEY, filler text);
CREATE TABLE small (id bigint PRIMARY KEY);
"""


@pytest.fixture(scope="module")
def origin(new_database: Callable[[], Target], psql) -> Target:
    """A table with long values, and a small one."""
    target = new_database()
    psql(
        target,
        f"{BIG} INSERT INTO small SELECT generate_series(1, 10);"
        "INSERT INTO big SELECT i, repeat('0123456789', 20) FROM generate_series(1, 20000) i; ANALYZE;"
        "CREATE FUNCTION masked(bigint, text) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN"
        f" IF $1 > 10000 THEN {PASS} END IF; RETURN md5($2) || $1; END $$",
    )
    return target


@pytest.fixture
def gate(origin: Target, psql) -> Iterator[Gate]:
    """Closed."""
    gate = Gate(origin, psql)
    yield gate
    gate.open()


@pytest.fixture
def long_run(project, origin: Target, database: Target, gate: Gate, psql):
    """A project whose copy comes to the gate in the middle of the large table."""
    psql(database, BIG)
    project.config("[sync]\nchunk_mb = 1\n")
    project.write("db/sync_config.yaml", 'anonymize: {big: {filler: {sql: "masked(id, filler)"}}}')
    project.write(".confiture/anonymization.key", "0" * 64)
    project.environment_for(origin, "production")
    project.environment_for(database, "local")
    return project


def wait_for_rows(gate: Gate, target: Target, psql) -> None:
    """Until rows of the big table are on their way into it, and not only tried."""
    gate.wait()
    copying = "SELECT count(*) FROM pg_stat_progress_copy WHERE relid = 'big'::regclass AND command = 'COPY FROM'"
    deadline = time.monotonic() + 60
    while psql(target, copying) == "0":
        assert time.monotonic() < deadline, "nothing is copied"
        time.sleep(0.02)


def test_ctrl_c_says_how_to_go_on_and_that_works(long_run, gate, cli, database, psql, no_session_left) -> None:
    """The whole command line, to paste."""
    cli.folder = long_run.root
    process = cli.start("sync", "--from", "production", "--to", "local", "--truncate", "--jobs", "2")
    wait_for_rows(gate, database, psql)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert re.search(
        r"^error: interrupted by Ctrl-C\n  hint: (1 table with 10 rows|no table is) complete, [12] begun; ",
        err,
        re.MULTILINE,
    )
    assert "to take it back: confiture sync abandon --to local\n" in err
    (again,) = re.findall(r"to go on: +confiture (.*)\n", err)
    assert again == "sync --from production --to local --jobs 2 --resume"
    no_session_left(database)
    gate.open()
    done = cli(*shlex.split(again))
    assert (done.returncode, done.stdout.partition(":")[0]) == (
        0,
        "copied the rest of 2 tables from production to local",
    )
    assert psql(database, "SELECT count(*), sum(id) FROM big") == "20000|200010000"
    assert psql(database, "SELECT count(*) FROM small") == "10"


def test_an_error_in_the_middle_says_how_to_go_on(long_run, gate, cli, database, psql) -> None:
    """As where it is stopped by hand."""
    cli.folder = long_run.root
    process = cli.start("sync", "--from", "production", "--to", "local", "--jobs", "2")
    wait_for_rows(gate, database, psql)
    psql(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                 "WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
    _, err = process.communicate(timeout=60)
    assert process.returncode == 5
    assert re.search(r"to go on: +confiture sync --from production --to local --jobs 2 --resume\n", err)


def test_a_terminal_shows_bars_that_leave_no_trace(long_run, gate, cli) -> None:
    """Of each table and of their sum; the report stands where they were."""
    words = ["-m", "confiture", "sync", "--from", "production", "--to", "local", "--no-verify"]
    child = pexpect.spawn(sys.executable, words, cwd=str(long_run.root), env={**cli.environment(), "NO_COLOR": "1"},
                          encoding="utf-8", timeout=60, dimensions=(24, 80))  # fmt: skip
    child.expect(r"public\.big .* rows/s  \S+B/s  eta [0-9]+:[0-9]")
    drawn = child.before + child.after
    gate.open()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    before, _, after = child.before.partition("copied 2 tables")
    assert "all tables" in drawn + before
    assert "public.small: 10 rows" not in drawn + before
    assert "\x1b[2K" not in after
