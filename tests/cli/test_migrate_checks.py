"""`confiture migrate verify`, `migrate preflight` and `drift` as CI and a person meet them."""

from __future__ import annotations

import json
import sys

import pexpect
import pytest

from confiture.config.dsn import to_uri


@pytest.fixture
def shop(cli, server, database, psql, tmp_path):
    """A project of two migrations, the first of them applied to ``staging``, which is protected."""
    cli.env["CONFITURE_CACHE_DIR"] = str(tmp_path / "cache")
    files = {
        "confiture.toml": f"[scratch]\nurl = '{to_uri(server.with_database('postgres').params)}'\n",
        "db/environments/staging.toml": f"database_url = '{to_uri(database.params)}'\nprotected = true\n",
        "db/environments/local.toml": "database_url = 'postgresql://nobody@127.0.0.1:1/nothing'\n",
        "db/schema/all.sql": "CREATE TABLE a (id int, code text);",
        "db/migrations/001_a.up.sql": "CREATE TABLE a (id int);",
        "db/migrations/001_a.down.sql": "DROP TABLE a;",
    }
    for name, text in files.items():
        (cli.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (cli.folder / name).write_text(text)
    done = cli("migrate", "up", "--env", "staging", "--confirm", database.database)
    assert done.returncode == 0, done.stderr
    (cli.folder / "db/migrations/002_code.up.sql").write_text("ALTER TABLE a ADD COLUMN code text;")
    (cli.folder / "db/migrations/002_code.down.sql").write_text("ALTER TABLE a DROP COLUMN code;")
    return cli


def test_verify_without_any_database(shop):
    """CI has the files and no environment: the exit code tells."""
    done = shop("migrate", "verify")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "↕ 001 a: up and down again",
        "↕ 002 code: up and down again",
        "2 migrations lead to what db/schema/ says",
    ]
    (shop.folder / "db/schema/all.sql").write_text("CREATE TABLE a (id int, code varchar(9));")
    (shop.folder / "db/migrations/002_code.down.sql").write_text("SELECT 1;")
    done = shop("migrate", "verify")
    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        "↕ 001 a: up and down again",
        "! 002 code: down does not lead back: 1 difference",
        "    + column public.a.code: after down, not before up",
        "~ column public.a.code",
        "    type: text in what the migrations give, character varying(9) in db/schema/",
        "2 migrations lead elsewhere than db/schema/: 1 difference",
    ]


def test_verify_tries_what_is_pending_in_the_environment(shop):
    report = json.loads(shop("migrate", "verify", "--env", "staging", "--format", "json").stdout)
    assert [(way["version"], way["state"]) for way in report["ways"]] == [("002", "ok")]


def test_preflight_against_another_environment(shop, database, psql):
    done = shop("migrate", "preflight", "--against", "staging")
    assert done.returncode == 0, done.stderr
    assert "✓ 002 code  1 statement" in done.stdout
    assert f"hint: --confirm {database.database}" in done.stdout
    psql(database, "ALTER TABLE a ADD COLUMN code int")
    report = shop("migrate", "preflight", "--against", "staging", "--ignore-drift", "--format", "json")
    assert report.returncode == 7
    (one,) = json.loads(report.stdout)["migrations"]
    assert (one["state"], one["failure"]["code"]) == ("failed", "statement-failed")
    assert one["failure"]["where"].startswith("db/migrations/002_code.up.sql:1")


def test_against_and_env_exclude_each_other(shop):
    done = shop("migrate", "preflight", "--against", "staging", "--env", "local")
    assert (done.returncode, done.stdout) == (2, "")


def test_for_real_shows_times_and_locks(shop, database, psql):
    name = database.database
    done = shop("migrate", "preflight", "--against", "staging", "--for-real", "--confirm", name)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("002  ")]
    assert "ALTER TABLE a ADD COLUMN code text" in line
    assert "AccessExclusiveLock public.a" in line
    assert done.stdout.splitlines()[-1] == f"1 migration for {name}: tried and rolled back"
    assert (
        psql(database, "SELECT count(*) FROM pg_attribute WHERE attrelid = 'a'::regclass AND attname = 'code'") == "0"
    )
    assert shop("migrate", "preflight", "--against", "staging", "--for-real").returncode == 8


@pytest.mark.parametrize(("wrong", "code"), [(False, 0), (True, 8)])
def test_for_real_asks_a_person_for_the_name(shop, database, wrong, code):
    command = ["-m", "confiture", "migrate", "preflight", "--against", "staging", "--for-real"]
    child = pexpect.spawn(sys.executable, command, cwd=str(shop.folder), env=shop.environment(), timeout=60)
    child.expect("Type the database's name to go on: ")
    child.sendline("something" if wrong else database.database)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code


def test_drift_tells_ci_and_fix_mends_it(shop, database, psql):
    staging = ("--env", "staging")
    confirmed = (*staging, "--confirm", database.database)
    assert shop("migrate", "up", *confirmed).returncode == 0
    done = shop("drift", *staging)
    assert (done.returncode, done.stdout) == (0, f"{database.database} is as db/schema/ says\n")
    psql(database, "ALTER TABLE a ALTER code TYPE varchar(9); CREATE INDEX by_hand ON a (id)")
    done = shop("drift", *staging)
    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        "~ column public.a.code",
        f"    type: character varying(9) in {database.database}, text in db/schema/",
        f"+ index public.by_hand: in {database.database}, not in db/schema/",
        f"{database.database} has drifted: 2 differences",
    ]
    report = json.loads(shop("drift", *staging, "--against", "migrations", "--format", "json").stdout)
    assert [each["state"] for each in report["differences"]] == ["differs", "extra"]
    done = shop("drift", *staging, "--fix", "--name", "tidy up")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("wrote db/migrations/003_tidy_up.py: ")
    refused = shop("migrate", "up", *confirmed)
    assert (refused.returncode, "--ignore-drift" in refused.stderr) == (8, True)
    done = shop("migrate", "up", *confirmed, "--ignore-drift")
    assert done.returncode == 0, done.stderr
    assert shop("drift", *staging).returncode == 0


def test_what_goes_with_fix_alone_is_nothing_without(shop):
    assert shop("drift", "--env", "staging", "--name", "x").returncode == 2
