"""A protected environment asks for its database's name, whatever is to be done to it."""

from __future__ import annotations

import sys

import pexpect
import pytest

from confiture.config.dsn import to_uri
from confiture.errors import ConfirmationNeeded

PROTECTED = {"name": "production", "protected": True}


@pytest.mark.anyio
@pytest.mark.parametrize("given", [None, "shop", ""])
async def test_without_its_name_nothing_is_run(migrations, given):
    migrations.tables("a", "b", "c")
    name = migrations.database.database
    with pytest.raises(ConfirmationNeeded) as caught:
        await migrations.up(environment=PROTECTED, confirm=given)
    said = f"the environment 'production' is protected, and 3 migrations would be run on its database {name!r}"
    assert caught.value.message == said + ("" if given is None else f"; {given!r} is not its name")
    assert caught.value.hint == f"--confirm {name}"
    assert migrations.public() == []
    assert migrations.psql("SELECT to_regclass('confiture.confiture_migrations')") == ""


@pytest.mark.anyio
async def test_with_its_name_all_is_done(migrations):
    migrations.tables("a", "b")
    values = {"environment": PROTECTED, "confirm": migrations.database.database}
    await migrations.up(**values)
    assert migrations.public() == ["a", "b"]
    with pytest.raises(ConfirmationNeeded, match="1 migration would be taken back"):
        await migrations.down(environment=PROTECTED)
    await migrations.down(**values)
    with pytest.raises(ConfirmationNeeded, match="1 migration would be recorded as done"):
        await migrations.up(environment=PROTECTED, fake=True)
    assert migrations.public() == ["a"]


@pytest.mark.anyio
async def test_where_nothing_would_be_run_nothing_is_asked(migrations):
    migrations.tables("a")
    await migrations.up()
    report = await migrations.up(environment=PROTECTED)
    assert report.migrations == ()
    migrations.tables("a", "b")
    report = await migrations.up(environment=PROTECTED, dry_run=True)
    assert "CREATE TABLE b" in report.sql


@pytest.fixture
def confiture(migrations):
    """``confiture migrate up`` with a terminal; its environment is protected."""
    url = to_uri(migrations.database.params, password=True)
    migrations.project.environment("production", f"database_url = '{url}'\nprotected = true\n")
    migrations.tables("a", "b")

    def start(*options):
        arguments = ["-m", "confiture", "migrate", "up", "--env", "production", *options]
        return pexpect.spawn(sys.executable, arguments, cwd=str(migrations.project.root), encoding="utf-8", timeout=60)

    return start


@pytest.mark.parametrize(("answer", "made"), [("{name}", ["a", "b"]), ("production", []), ("", [])])
def test_somebody_at_a_terminal_is_asked(confiture, migrations, answer, made):
    child = confiture()
    child.expect("Type the database's name to go on: ")
    child.sendline(answer.format(name=migrations.database.database))
    child.expect(pexpect.EOF)
    child.wait()
    child.close()
    assert migrations.public() == made
    assert child.exitstatus == (0 if made else 8)


@pytest.mark.parametrize(("right", "made"), [(True, ["a", "b"]), (False, [])])
def test_who_gave_a_name_is_not_asked(confiture, migrations, right, made):
    child = confiture("--confirm", migrations.database.database if right else "shop")
    child.expect(pexpect.EOF)
    child.wait()
    printed = child.before
    child.close()
    assert migrations.public() == made
    assert child.exitstatus == (0 if made else 8)
    assert right or "'shop' is not its name" in " ".join(printed.split())
