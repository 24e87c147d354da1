"""`confiture migrate up` as a user meets it where something goes wrong: what is said, and the exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pexpect
import pytest

import pgserver
from confiture.config.dsn import to_uri

FILES = {
    "001_users.up.sql": "CREATE TABLE users (id int PRIMARY KEY);\n",
    "002_orders.up.sql": "CREATE TABLE orders (id int);\n",
}
TEN = [f"CREATE TABLE t{number} (id int);" for number in range(1, 11)]
TEN[6] = "CREATE TABLE t7\n    (id itn);"


@pytest.fixture
def up(cli, database):
    """``up(*args)`` in a project with two good migrations; ``up.write(name, text)`` adds one."""
    folder = cli.folder / "db/migrations"
    folder.mkdir(parents=True)
    (cli.folder / "confiture.toml").write_text("")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    url = to_uri(database.params)

    def run(*args, command="up"):
        return cli("migrate", command, "--database-url", url, *args)

    run.write = lambda name, text: (folder / name).write_text(text)
    run.cli, run.url = cli, url
    return run


def test_what_was_done_is_one_line_each(up):
    done = up()
    assert done.returncode == 0, done.stderr
    first, second, last = done.stdout.splitlines()
    assert first.startswith("↑ 001 users  1 statement, ")
    assert second.startswith("↑ 002 orders  1 statement, ")
    assert last.startswith("2 migrations applied to ")
    assert done.stderr == ""


def test_a_failure_names_the_place_what_stays_and_what_to_do(up):
    """The seventh statement of ten: file, line and column, the line with a caret."""
    up.write("003_ten.up.sql", "\n".join(TEN))
    done = up()
    assert done.returncode == 7
    assert done.stderr.splitlines() == [
        'error: db/migrations/003_ten.up.sql:8:9: type "itn" does not exist',
        "  8 |     (id itn);",
        "              ^",
        "  detail: 001 to 002 are applied, and stay so; nothing of 003 (ten) is left",
        "  hint: mend it, then run `confiture migrate up` again",
    ]
    status = up(command="status").stdout.splitlines()
    assert [line.split()[2] for line in status[1:4]] == ["applied", "applied", "failed"]


def test_a_failure_of_all_in_one_transaction(up):
    up.write("003_ten.up.sql", "\n".join(TEN))
    done = up("--single-transaction")
    assert done.returncode == 7
    assert "  detail: nothing of 001 to 003 is left" in done.stderr.splitlines()
    assert "db/migrations/003_ten.up.sql:8:9" in done.stderr


def test_a_failure_half_way_says_where_it_goes_on(up):
    up.write("003_half.up.sql", "CREATE INDEX CONCURRENTLY i ON orders (id);\nSELECT nope;\n")
    done = up()
    assert (
        "detail: 001 to 002 are applied, and stay so; 1 of 2 statements of 003 (half) are done and stay" in done.stderr
    )
    assert "hint: mend it, then run `confiture migrate up` again: it goes on with statement 2" in done.stderr
    assert "! 003 (half) stopped half-way up: 1 statements are done" in up(command="status").stdout
    up.write("003_half.up.sql", "CREATE INDEX CONCURRENTLY i ON orders (id);\nSELECT 1;\n")
    again = up()
    assert again.returncode == 0, again.stderr
    assert "went on with statement 2" in again.stdout


def test_a_failure_as_json(up):
    up.write("003_ten.up.sql", "\n".join(TEN))
    done = up("--format", "json")
    assert done.returncode == 7
    error = json.loads(done.stdout)["error"]
    assert {key: error[key] for key in ("code", "file", "line", "column", "sqlstate", "detail")} == {
        "code": "statement-failed",
        "file": "db/migrations/003_ten.up.sql",
        "line": 8,
        "column": 9,
        "sqlstate": "42704",
        "detail": "001 to 002 are applied, and stay so; nothing of 003 (ten) is left",
    }


def test_a_hook_that_fails_behind_them(up):
    (up.cli.folder / "confiture.toml").write_text('[incremental]\nafter_up = ["after.sql"]\n')
    (up.cli.folder / "after.sql").write_text("SELECT nope;")
    done = up()
    assert done.returncode == 7
    assert "error: after.sql:1:8" in done.stderr
    assert "  detail: 001 to 002 are applied, and stay so" in done.stderr.splitlines()


def test_a_lock_that_is_not_let_go(up, database, psql):
    """Who has it, what stays, and exit code 9."""
    psql(database, "CREATE TABLE busy ()")
    up.write("003_busy.up.sql", "ALTER TABLE busy ADD COLUMN a int;")
    reader = subprocess.Popen(
        [pgserver.binaries() / "psql", "-XqAt", "-d", to_uri({**database.params, "application_name": "report"})],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        reader.stdin.write("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE; SELECT 'held';\n")
        reader.stdin.flush()
        assert reader.stdout.readline() == "held\n"
        done = up("--lock-timeout", "0.2", "--lock-retry", "0.5")
    finally:
        reader.communicate()
    assert done.returncode == 9
    assert "'report'" in done.stderr
    assert "  detail: 001 to 002 are applied, and stay so; nothing of 003 (busy) is left" in done.stderr.splitlines()


def test_a_down_that_fails(up):
    up.write("002_orders.down.sql", "DROP TABLE orders;\nDROP TABLE nope;\n")
    assert up().returncode == 0
    done = up(command="down")
    assert done.returncode == 7
    assert done.stderr.startswith('error: db/migrations/002_orders.down.sql:2:1: table "nope" does not exist')
    assert "detail: 002 (orders) stays applied" in done.stderr
    assert "run `confiture migrate down` again" in done.stderr


@pytest.mark.parametrize(("args", "code", "said"), [
    (["--target", "9"], 2, "the last one is '002'"), (["--target", "users"], 2, "users"),
    (["--steps", "0"], 2, "--steps"),
    (["--dry-run", "--fake"], 2, "exclude each other"), (["--lock-wait", "-1"], 3, "lock_wait_s must not be negative"),
    (["--dry-rum"], 2, "--dry-run"), (["--steps", "many"], 2, "many"), (["--format", "yaml"], 2, "json"),
])  # fmt: skip
def test_what_is_mistyped_is_named(up, psql, database, args, code, said):
    done = up(*args)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert psql(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"


@pytest.mark.parametrize("name", ["003-dash.up.sql", "abc.up.sql", "003_x.sql", "003_x.py~"])
def test_a_file_with_a_name_that_is_none_does_not_go_unseen(up, name):
    """Else it would be taken for applied."""
    up.write(name, "CREATE TABLE x ();")
    done = up()
    if name.endswith("~"):  # an editor's
        assert done.returncode == 0
    else:
        assert done.returncode != 0
        assert name in done.stderr


def test_a_server_that_is_not_there(up):
    done = up.cli("migrate", "up", "--database-url", "postgresql://nobody@127.0.0.1:1/x")
    assert done.returncode == 5
    assert "127.0.0.1:1" in done.stderr
    assert "hint:" in done.stderr or "refused" in done.stderr.lower()


def test_ctrl_c_says_what_stays(up, psql, database):
    up.write("003_slow.up.sql", "SELECT pg_sleep(60);")
    process = up.cli.start("migrate", "up", "--database-url", up.url)
    sleeps = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    deadline = time.monotonic() + 60
    while psql(database, sleeps) == "0":
        assert time.monotonic() < deadline, "the migration does not run"
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped: 001 to 002 are applied, and stay so; nothing of 003 (slow) is left" in errors
    assert "interrupted by Ctrl-C" in errors


def test_in_a_terminal(up):
    """Bars come and go; what stays on the screen is what a pipe gets."""
    up.write("003_ten.up.sql", "\n".join(TEN))
    command = ["-m", "confiture", "migrate", "up", "--database-url", up.url]
    child = pexpect.spawn(
        sys.executable, command, cwd=str(up.cli.folder), env=up.cli.environment(), encoding="utf-8", timeout=60,
        dimensions=(24, 100),
    )  # fmt: skip
    text = child.read()
    child.wait()
    assert child.exitstatus == 7
    assert "003_ten.up.sql:8:9" in text
    assert "(id itn);" in text
    assert "001 to 002 are applied" in text
