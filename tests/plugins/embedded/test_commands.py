"""``confiture server ...``, as whole processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from confiture_embedded.binaries import find
from confiture_embedded.psql import chooses_its_own

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def cli(own_project: Path) -> Cli:
    """``cli("server", "start")`` in the project."""

    def call(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "confiture", *arguments]
        done = subprocess.run(command, cwd=own_project, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return call


def test_a_servers_life_on_the_command_line(cli):
    assert "stopped" in cli("server", "status").stdout
    started = cli("server", "start").stdout
    assert "running" in started
    assert "after 30 idle minutes" in started
    status = json.loads(cli("server", "status", "--format", "json").stdout)
    assert (status["state"], status["idle_minutes"]) == ("running", 30.0)
    assert cli("server", "stop").stdout == "stopped\n"
    assert cli("server", "stop").stdout == "it was not running\n"
    assert json.loads(cli("server", "status", "--format", "json").stdout)["pid"] is None


def test_the_url_is_psqls(cli):
    """Any libpq program takes it as it is."""
    url = cli("server", "url", "--scratch").stdout.strip()
    said = subprocess.run([find().program("psql"), "-XAtd", url, "-c", "SHOW fsync"], capture_output=True, text=True)
    assert said.stdout == "off\n"


def test_the_url_as_json_is_a_string(cli):
    assert json.loads(cli("server", "url", "--format", "json").stdout).startswith("postgresql:///shop_local?")


def test_psql_gets_its_arguments_and_its_exit_code_is_ours(cli):
    assert cli("server", "psql", "--scratch", "--", "-XAtc", "SELECT 6 * 7").stdout == "42\n"
    assert "syntax error" in cli("server", "psql", "--scratch", "--", "-Xc", "SELEC", code=1).stderr


def test_psqls_own_d_changes_the_database_only(cli, monkeypatch):
    """As a URI in the arguments the user's -d would replace the server too; their variables must not, either."""
    monkeypatch.setenv("PGHOST", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    query = ("-XAtc", "SELECT current_database(), current_user")
    assert cli("server", "psql", "--", "-d", "template1", *query).stdout == "template1|postgres\n"
    assert cli("server", "psql", "--", *query, "template1").stdout == "template1|postgres\n"


def test_psql_before_the_first_build_says_what_to_do(cli, own_project):
    said = cli("server", "psql", "--", "-Xc", "SELECT 1", code=5).stderr
    assert "'shop_local'" in said
    assert "confiture build" in said
    (own_project / "db" / "schema" / "a.sql").write_text("CREATE TABLE a (id int);\n")
    cli("build")
    assert cli("server", "psql", "--", "-XAtc", "SELECT count(*) FROM a").stdout == "0\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-Xc", "SELECT 1"], False),
        (["-X", "--command", "SELECT 1"], False),
        (["-Xv", "a=b"], False),
        ([], False),
        (["-d", "x"], True),
        (["-Xdx"], True),
        (["--dbname=x"], True),
        (["x"], True),
        (["-Xc", "SELECT 1", "x"], True),
        (["-l"], True),
        (["--host", "x"], True),
        (["--nonsense"], True),
    ],
)
def test_whether_psql_is_told_where_to_connect_is_read_as_psql_reads_it(arguments, expected):
    assert chooses_its_own(arguments) is expected


def test_a_server_of_the_users_is_neither_started_nor_stopped(cli, own_project):
    folder = own_project / "db" / "environments"
    folder.mkdir()
    (folder / "far.toml").write_text("database_url = 'postgresql://u:s3cret@127.0.0.1:1/shop'\n")
    for command in ("start", "stop"):
        assert "not confiture's" in cli("server", command, "--env", "far", code=8).stderr
    said = cli("server", "status", "--env", "far").stdout
    assert "unreachable" in said
    assert "s3cret" not in said
