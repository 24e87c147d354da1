"""`confiture migrate diff` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

import pgserver
from confiture.config.dsn import to_uri
from confiture.model import Target

OLD = "CREATE TABLE users (id int PRIMARY KEY, full_name text);\n"
NEW = """
CREATE TABLE users (id int PRIMARY KEY, full_name text, bio text);
CREATE VIEW names AS SELECT full_name FROM users;
"""
#: Either of two may be either of two.
UNSURE = (
    "CREATE TABLE t (id int, first_name text, last_name text);",
    "CREATE TABLE t (id int, given_name text, family_name text);",
)


@pytest.fixture
def diff(cli, server: Target, tmp_path: Path):
    """``diff(*args)`` in a project whose scratch databases are on the test server, with old.sql and new.sql."""
    cli.env["CONFITURE_CACHE_DIR"] = str(tmp_path / "cache")
    (cli.folder / "confiture.toml").write_text(
        f"[scratch]\nurl = '{to_uri(server.with_database('postgres').params)}'\n"
    )
    (cli.folder / "old.sql").write_text(OLD)
    (cli.folder / "new.sql").write_text(NEW)

    def run(*args: str):
        return cli("migrate", "diff", *args)

    run.cli = cli
    return run


def test_sql_is_alone_on_stdout_and_psql_runs_it(diff, database: Target, psql):
    """What is piped to psql must be nothing else, and must lead there."""
    done = diff("old.sql", "new.sql", "--format", "sql")
    assert done.returncode == 0, done.stderr
    psql(database, OLD + done.stdout)
    assert (
        psql(database, "SELECT column_name FROM information_schema.columns WHERE table_name = 'names'") == "full_name"
    )
    again = diff("new.sql", "new.sql", "--format", "sql")
    assert (again.returncode, again.stdout) == (0, "")


def test_a_hazard_stands_before_its_statement(diff):
    """Whoever reads the script sees it before the statement runs."""
    lines = diff("new.sql", "old.sql", "--format", "sql").stdout.splitlines()
    drop = next(number for number, line in enumerate(lines) if "DROP COLUMN bio" in line)
    assert lines[drop - 1].startswith("-- ")
    assert any("deletes-data" in line for line in lines)


def test_exit_code_tells_ci_of_changes(diff):
    """Only where it was asked for: without the option a change is no failure."""
    codes = [
        diff(*sides, "--no-prove", *options).returncode
        for sides in (("old.sql", "new.sql"), ("old.sql", "old.sql"))
        for options in ((), ("--exit-code",))
    ]
    assert codes == [0, 2, 0, 0]


def test_json_has_the_plan_the_way_back_and_the_proof(diff):
    """A program needs all of it."""
    report = json.loads(diff("old.sql", "new.sql", "--format", "json").stdout)
    assert report["changed"] is True
    assert [change["action"] for change in report["changes"]] == ["create", "create"]
    assert report["proof"]["proved"] == ["forward", "backward"]
    assert len(report["plan"]["statements"]) == len(report["backward"]["statements"]) == 2


def test_text_tells_what_changes_and_what_was_proved(diff):
    """A person decides by it."""
    lines = diff("old.sql", "new.sql").stdout.splitlines()
    assert lines[:3] == ["+ view public.names", "public.users", "  + column bio"]
    assert lines[-1].startswith("proved: forward, backward, over ")
    assert diff("old.sql", "old.sql").stdout == "no change\n"
    assert diff("old.sql", "new.sql", "--no-prove").stdout.splitlines()[-1] == "not proved"


def test_generate_writes_the_migration_and_then_nothing_is_left(diff):
    """The migrations then give what the schema says: the defaults of both sides."""
    folder = diff.cli.folder
    (folder / "db" / "schema").mkdir(parents=True)
    (folder / "db" / "schema" / "all.sql").write_text(OLD)
    (folder / "db" / "migrations").mkdir()
    assert diff("--generate", "--name", "first").stdout.splitlines()[-1] == "wrote db/migrations/001_first.py"
    (folder / "db" / "schema" / "all.sql").write_text(NEW)
    done = diff("--generate", "--name", "Add user bio")
    assert done.returncode == 0, done.stderr
    text = (folder / "db" / "migrations" / "002_add_user_bio.py").read_text()
    assert "class AddUserBio(Migration):" in text
    assert "ADD COLUMN bio text" in text.partition("def down")[0]
    assert "DROP COLUMN bio" in text.partition("def down")[2]
    left = diff("--exit-code")
    assert (left.returncode, left.stdout) == (0, "no change\n")


def test_what_is_unsure_stops_with_both_ways_to_decide(diff):
    """A guess may lose data; so may a drop that nobody meant."""
    (diff.cli.folder / "a.sql").write_text(UNSURE[0])
    (diff.cli.folder / "b.sql").write_text(UNSURE[1])
    done = diff("a.sql", "b.sql")
    assert done.returncode == 8
    assert "--rename t.first_name=given_name" in done.stderr
    assert "-- confiture: renamed from first_name" in done.stderr
    assert "--drop t.last_name" in done.stderr
    decided = diff("a.sql", "b.sql", "--format", "sql", "--rename", "t.first_name=given_name", "--drop", "t.last_name")
    assert decided.returncode == 0, decided.stderr
    assert "RENAME COLUMN first_name TO given_name" in decided.stdout
    assert "DROP COLUMN last_name" in decided.stdout


def test_on_a_terminal_the_unsure_is_asked(diff):
    """Somebody is there who knows."""
    (diff.cli.folder / "a.sql").write_text(UNSURE[0])
    (diff.cli.folder / "b.sql").write_text(UNSURE[1])
    child = pexpect.spawn(
        sys.executable, ["-m", "confiture", "migrate", "diff", "a.sql", "b.sql", "--no-prove"],
        cwd=diff.cli.folder, env=diff.cli.environment(), encoding="utf-8", timeout=60, dimensions=(60, 200),
    )  # fmt: skip
    child.expect("public.t.first_name is gone. What became of it")
    child.expect("> ")
    child.sendline("d")
    child.expect("public.t.last_name is gone. What became of it")
    child.expect("> ")
    child.sendline("d")
    child.expect("DROP COLUMN first_name")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


@pytest.mark.parametrize(
    "args", [("--name", "x"), ("--generate",), ("old.sql", "new.sql", "--sql"), ("old.sql", "new.sql", "--rename", "a")]
)
def test_options_that_mean_nothing_are_refused(diff, args: tuple[str, ...]):
    """Whoever gave them meant something."""
    done = diff(*args)
    assert done.returncode == 2
    assert "hint" in done.stderr


def test_it_works_anywhere_without_a_project(cli, tmp_path: Path, server: Target):
    """A schema need not be a project to be compared; without one, the defaults are the error that they always are."""
    cli.env["CONFITURE_CACHE_DIR"] = str(tmp_path / "cache")
    (cli.folder / "old.sql").write_text(OLD)
    (cli.folder / "new.sql").write_text(NEW)
    assert not (cli.folder / "confiture.toml").exists()
    try:
        done = cli("migrate", "diff", "old.sql", "new.sql", "--format", "sql", "--no-prove")
        assert done.returncode == 0, done.stderr
        assert "ADD COLUMN bio" in done.stdout
        assert cli("migrate", "diff", "old.sql").returncode == 3
    finally:
        for pid_file in (tmp_path / "cache").rglob("postmaster.pid"):
            data = pid_file.parent
            subprocess.run(
                [str(pgserver.binaries() / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"], check=False
            )
