"""What the mission shows of medium 2, letter for letter out of its file: commands, migrations, statements."""

from __future__ import annotations

import shlex
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import pgserver
from confiture.config.dsn import to_uri
from confiture.errors import StatementFailed

pytestmark = pytest.mark.anyio

_MISSION = Path(__file__).resolve().parents[3] / "shared" / "mission" / "migration-strategies.md"
_USERS = """
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username text NOT NULL,
    old_field text,
    age integer
);
CREATE INDEX idx_old ON users (age);
INSERT INTO users (username, old_field, age) VALUES ('ada', 'x', 36), ('grace', 'y', 85);
"""


def section(heading: str) -> str:
    """The text below a heading of medium 2, to the next one."""
    if not _MISSION.is_file():
        pytest.skip(f"{_MISSION.name} is not here")
    text = _MISSION.read_text(encoding="utf-8").partition("## Medium 2")[2].partition("\n## Medium 3")[0]
    found = text.partition(f"{heading}\n")[2]
    assert found, heading
    lines, inside = [], False
    for line in found.splitlines():
        inside ^= line.startswith("```")
        if line.startswith("#") and not inside:
            break
        lines.append(line)
    return "\n".join(lines)


def blocks(heading: str, language: str) -> list[str]:
    """The fenced blocks below a heading."""
    parts = section(heading).split("```")
    return [part.removeprefix(f"{language}\n") for part in parts[1::2] if part.startswith(f"{language}\n")]


def commands(heading: str) -> Iterator[list[str]]:
    """The commands of confiture below a heading, without its name."""
    for block in blocks(heading, "bash"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["confiture"]:
                yield words[1:]


def executes(heading: str) -> list[str]:
    """The one-line calls of ``self.execute`` below a heading."""
    lines = "\n".join(blocks(heading, "python")).splitlines()
    return [line.strip() for line in lines if line.strip().startswith("self.execute(") and line.endswith(")")]


def migration(version: str, *lines: str) -> str:
    """A migration whose ``up`` is ``lines``."""
    body = textwrap.indent("\n".join(lines), " " * 8)
    return (
        "from confiture.models.migration import Migration\n\n\n"
        f'class Shown(Migration):\n    version = "{version}"\n    name = "shown"\n\n    def up(self):\n{body}\n'
    )


def dump(target) -> str:
    """What pg_dump makes of the database, without the history."""
    command = [str(pgserver.binaries() / "pg_dump"), "-N", "confiture", "-d", to_uri(target.params)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


@pytest.fixture
def app(project, cli, new_database, psql):
    """A project with ``local.yaml``, ``production.yaml`` and a first migration: the table that the mission changes."""
    targets = {}
    for name in ("local", "production"):
        targets[name] = new_database()
        project.environment(name, f"database_url: '{to_uri(targets[name].params, password=True)}'\n", ".yaml")
    scratch = to_uri(targets["local"].with_database("postgres").params, password=True)
    project.config(f"[scratch]\nurl = '{scratch}'\n")
    cli.folder = project.root

    def confiture(words):
        done = cli(*words)
        assert done.returncode == 0, f"confiture {shlex.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout

    confiture.project, confiture.targets = project, targets
    confiture.columns = lambda name: psql(
        targets[name], "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute "
        "WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped"
    )  # fmt: skip
    return confiture


async def test_the_migration_of_the_example_goes_up_and_down(app) -> None:
    """The class as it stands, on the environments as they are named."""
    (text,) = blocks("### Generated Migration", "python")
    app.project.write("db/migrations/001_create_users.up.sql", "CREATE TABLE users (id int);")
    app.project.write("db/migrations/002_add_user_bio.py", text)
    down_and_up = list(commands("#### 2. Test Rollback"))
    assert down_and_up == [["migrate", "up", "-c", "local.yaml"], ["migrate", "down", "-c", "local.yaml"]]
    app(down_and_up[0])
    assert app.columns("local") == "id bio"
    app(down_and_up[1])
    assert app.columns("local") == "id"
    app(["migrate", "up", "--config", "db/environments/production.yaml"])
    assert app.columns("production") == "id bio"


async def test_the_example_is_followed_from_the_schema_to_production(app) -> None:
    """Its commands, in its order: what is generated does what the migration shown does."""
    app.project.write("db/migrations/001_create_users.up.sql", "CREATE TABLE users (id int);")
    app.project.write("db/migrations/001_create_users.down.sql", "DROP TABLE users;")
    app.project.write("old.sql", "CREATE TABLE users (id int);")
    app.project.write("new.sql", "CREATE TABLE users (id int, bio TEXT);")
    app.project.schema("10_tables/users.sql", "CREATE TABLE users (id int, bio TEXT);")
    words = list(commands("### Example: Add Column"))
    assert [each[1] for each in words] == ["diff", "up"]
    app(words[0])
    text = (app.project.root / "db/migrations/002_add_user_bio.py").read_text()
    (shown,) = blocks("### Generated Migration", "python")
    assert [line for line in shown.splitlines() if "execute" not in line and line not in text.splitlines()] == []
    app(words[1])
    assert app.columns("production") == "id bio"


async def test_the_commands_of_the_best_practices_write_migrations(app) -> None:
    """One change each, of the next number."""
    for words in commands("#### 1. Small, Focused Migrations"):
        app(words)
    assert sorted(file.name for file in (app.project.root / "db/migrations").iterdir()) == [
        "001_add_email_index.py", "002_add_verified_column.py", "003_big_refactor.py"
    ]  # fmt: skip


def operations() -> list[tuple[str, str]]:
    if not _MISSION.is_file():
        return []
    rows = [line.split("|") for line in section("### Supported Operations").splitlines() if line.startswith("| **")]
    return [(cells[1].strip(" *"), cells[2].strip(" `")) for cells in rows]


@pytest.mark.parametrize(("name", "sql"), [pytest.param(*one, id=one[0]) for one in operations()])
async def test_a_supported_operation_runs_on_a_table_with_rows(
    name, sql, project, kernel_run, new_database, psql
) -> None:
    """It does what psql does with it, and no row is lost."""
    by_psql, by_confiture = new_database(), new_database()
    # "name" is what the example renames, "email" what it indexes.
    table = _USERS.replace("username", "name") if "RENAME" in sql else _USERS
    table += "ALTER TABLE users ADD email text; UPDATE users SET email = id || '@example.com';"
    for target in (by_psql, by_confiture):
        psql(target, table)
    psql(by_psql, sql)
    project.write("db/migrations/001_shown.py", migration("001", f'self.execute("{sql}")'))
    async with kernel_run(project, database=by_confiture) as run:
        await run.start("up", allow_data_loss=name == "Drop column")
    assert dump(by_confiture) == dump(by_psql)


async def test_every_supported_operation_is_tried() -> None:
    """Eight, with another table another test would be run."""
    section("### Supported Operations")
    assert len(operations()) == 8


async def test_safe_defaults_are_safe_and_the_unsafe_one_fails_as_a_whole(project, kernel_run, database, psql) -> None:
    """The two good ones, the bad one, and the better one in two migrations."""
    bio, status, bad, nullable, fill, not_null = executes("#### 3. Use Safe Defaults")
    psql(database, _USERS)
    project.write("db/migrations/001_shown.py", migration("001", bio, status))
    project.write("db/migrations/002_shown.py", migration("002", bad))
    async with kernel_run(project, database=database) as run:
        with pytest.raises(StatementFailed, match="contains null values"):
            await run.start("up")
    assert psql(database, "SELECT count(*) FROM users WHERE status = 'active' AND bio IS NULL") == "2"
    project.write("db/migrations/002_shown.py", migration("002", nullable))
    project.write("db/migrations/003_shown.py", migration("003", fill, not_null))
    async with kernel_run(project, database=database) as run:
        await run.start("up")
    assert psql(database, "SELECT email FROM users ORDER BY id") == "ada@example.com\ngrace@example.com"
    assert psql(database, "SELECT attnotnull FROM pg_attribute WHERE attname = 'email'") == "t"


async def test_an_index_is_built_concurrently_where_the_migration_says_so(project, kernel_run, database, psql) -> None:
    """ "Confiture will handle this specially (future feature)": the future is here."""
    locking, concurrent = executes("#### 4. Concurrent Index Creation")
    psql(database, _USERS + "ALTER TABLE users ADD email text;")
    text = migration("001", locking)
    (shown,) = blocks("#### 4. Concurrent Index Creation", "python")
    up = "def up(self):" + shown.partition("def up(self):")[2]
    assert concurrent in up
    head = text.partition("    def up")[0]
    project.write("db/migrations/001_shown.py", head + textwrap.indent(up, "    "))
    async with kernel_run(project, database=database) as run:
        await run.start("up")
    assert psql(database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'idx_users_email'::regclass") == "t"
    states = psql(database, "SELECT state FROM confiture.confiture_migrations ORDER BY id")
    assert states == "started\napplied"


async def test_the_rename_that_is_shown_keeps_the_values(project, kernel_run, database, psql) -> None:
    """The statement goes over several lines, as it is shown."""
    shown = blocks("### Intelligent Diff Detection", "python")[0]
    up = "def up(self):" + shown.partition("def up(self):")[2]
    psql(database, "CREATE TABLE users (full_name text); INSERT INTO users VALUES ('Ada')")
    head = migration("001", "pass").partition("    def up")[0]
    project.write("db/migrations/001_shown.py", head + textwrap.indent(up, "    "))
    async with kernel_run(project, database=database) as run:
        await run.start("up")
    assert psql(database, "SELECT display_name FROM users") == "Ada"
