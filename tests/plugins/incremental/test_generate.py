"""``migrate generate``: the files that it writes, and what becomes of them unfilled."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from confiture.cli.main import run_command
from confiture.errors import SourceError, UsageError
from confiture.model import Target

pytestmark = pytest.mark.anyio
#: Nothing that is asked of it may need a database.
NOWHERE = Target(label="nowhere", params={"host": "/nonexistent", "dbname": "none"})


@pytest.fixture
def generate(migrations):
    async def generate(name, **values):
        return await migrations.run("generate", database=NOWHERE, name=name, **values)

    return generate


async def test_a_class_of_the_next_number(generate, project):
    report = await generate("add_email_index")
    assert report.paths == ("db/migrations/001_add_email_index.py",)
    assert (project.root / report.paths[0]).read_text() == (
        '"""Migration: add_email_index\n\nVersion: 001\n"""\n\n'
        "from confiture.models.migration import Migration\n\n\n"
        "class AddEmailIndex(Migration):\n"
        '    """Migration: add_email_index."""\n\n'
        '    version = "001"\n'
        '    name = "add_email_index"\n\n'
        "    def up(self) -> None:\n"
        '        """Apply migration."""\n'
        '        # self.execute("ALTER TABLE users ADD COLUMN bio text")\n\n'
        "    def down(self) -> None:\n"
        '        """Rollback migration."""\n'
        "        # Where there is no way back, remove this method.\n"
        '        # self.execute("ALTER TABLE users DROP COLUMN bio")\n'
    )
    assert (await generate("Add user's bio")).paths == ("db/migrations/002_add_users_bio.py",)


async def test_it_is_as_a_formatter_would_have_it(generate, project):
    (path,) = (await generate("add_email_index")).paths
    text = (project.root / path).read_text()
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--line-length", "88", "-"],
        input=text, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert formatted.stdout == text


async def test_a_pair_of_sql_files(generate, project):
    report = await generate("add_email_index", sql=True)
    assert report.paths == ("db/migrations/001_add_email_index.up.sql", "db/migrations/001_add_email_index.down.sql")
    up, down = ((project.root / path).read_text() for path in report.paths)
    assert up.endswith("\n-- ALTER TABLE users ADD COLUMN bio text;\n")
    assert down.endswith("\n-- Where there is no way back, remove this file.\n-- ALTER TABLE users DROP COLUMN bio;\n")


@pytest.mark.parametrize("sql", [False, True])
async def test_up_refuses_one_that_nobody_has_filled_in(generate, migrations, sql):
    """It would be recorded as applied, and what is written into it later would never run."""
    await generate("add_email_index", sql=sql)
    with pytest.raises(SourceError, match="does nothing"):
        await migrations.up()
    assert migrations.psql("SELECT to_regclass('confiture.confiture_migrations') IS NULL") == "t"


async def test_numbered_by_time_where_the_project_says_so(generate, project):
    project.config('[migrations]\nnumbering = "timestamp"\n')
    first = (await generate("first")).version
    second = (await generate("second")).version
    assert re.fullmatch("20[0-9]{12}", first)
    assert int(second) > int(first)


async def test_a_name_that_is_taken_or_none(generate):
    await generate("add_bio")
    with pytest.raises(UsageError, match="is taken by"):
        await generate("AddBio")
    with pytest.raises(UsageError, match="is no name"):
        await generate("!?")


def test_the_command_prints_the_path(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    assert run_command(["migrate", "generate", "add_email_index"]) == 0
    assert capsys.readouterr().out == "db/migrations/001_add_email_index.py\n"
