"""The source ``migrations``: what the files do, replayed."""

from __future__ import annotations

import pytest

from confiture.errors import Refused, SourceError, SourceUnreadable, StatementFailed, SyntaxInvalid
from confiture.hooks import EXECUTOR, SOURCE
from confiture.migrations.backfill import backfill_statement
from confiture.migrations.writing import write_migration, write_sql_pair
from confiture.model import Execution, SourceFile, Target
from confiture.sql import read_file, read_script

pytestmark = pytest.mark.anyio
NOWHERE = Target(label="nowhere", params={"host": "/nonexistent", "dbname": "none"})


@pytest.fixture
def load(kernel_run, project):
    async def load(what: str = "", **options):
        async with kernel_run(project, database=NOWHERE) as run:
            return await run.get(SOURCE, "migrations").load(run, what, **options)

    return load


@pytest.fixture
def folder(project):
    return project.root / "db/migrations"


def read(sql: str):
    return read_file(SourceFile("given.sql", sql))


async def test_one_file_a_migration_by_version(load, folder):
    for name, version in (("first", "2"), ("second", "10"), ("third", "999"), ("fourth", "20260101000000")):
        write_migration(folder, name, read(f"CREATE TABLE {name} (); SELECT 1"), None, version=version)
    files = await load(order="natural")
    assert [file.path.rpartition("/")[2] for file in files] == [
        "2_first.py",
        "10_second.py",
        "999_third.py",
        "20260101000000_fourth.py",
    ]
    assert files[0].path == "db/migrations/2_first.py"
    assert [one.sql for one in read_script(files).statements][:2] == ["CREATE TABLE first ()", "SELECT 1"]
    assert await load() == files


async def test_some_versions_alone(load, folder):
    """A database may have applied any of them."""
    for name in ("a", "b", "c"):
        write_migration(folder, name, read("SELECT 1"), None)
    assert [file.path[-4:] for file in await load("3,001")] == ["a.py", "c.py"]
    assert [file.path[-4:] for file in await load("002,")] == ["b.py"]
    with pytest.raises(SourceUnreadable, match="no migration of version '004'"):
        await load("001,004")


async def test_up_to_a_version(load, folder):
    for name in ("a", "b", "c"):
        write_migration(folder, name, read("SELECT 1"), None)
    assert [file.path[-4:] for file in await load("002")] == ["a.py", "b.py"]
    assert await load("2") == await load("002")
    for what in ("004", "x", "-1", "²"):
        with pytest.raises(SourceUnreadable, match=f"no migration of version '{what}'") as caught:
            await load(what)
        assert "'003'" in caught.value.hint


async def test_no_migration_yet(load, folder, project):
    """The first diff starts from nothing; a folder that is named must be there."""
    assert await load() == []
    folder.mkdir(parents=True)
    assert await load() == []
    with pytest.raises(SourceUnreadable, match="no migration of version '001'") as caught:
        await load("001")
    assert "no migration yet" in caught.value.hint
    project.config('[migrations]\ndir = "nowhere"')
    with pytest.raises(SourceUnreadable, match="nowhere: does not exist"):
        await load()


async def test_they_run(load, folder, kernel_run, project, database, psql):
    """Data, functions, concurrent indexes and backfills; a server has the last word."""
    write_migration(
        folder,
        "users",
        [
            *read("CREATE TABLE users (id int, name text)"),
            *read("COPY users FROM stdin;\n1\tann\n2\tbob\n\\.\n"),
            *read("CREATE FUNCTION one() RETURNS int LANGUAGE sql AS $$\n  SELECT 1; -- \\\n$$"),
            *read("CREATE INDEX CONCURRENTLY i ON users (id)"),
        ],
        None,
    )
    write_migration(
        folder,
        "emails",
        [
            *read("ALTER TABLE users ADD email text -- at last"),
            backfill_statement("users", "email = name -- so", "email IS NULL", 10),
            *read("ALTER TABLE users ALTER email SET NOT NULL"),
        ],
        None,
    )
    write_sql_pair(folder, "pair", read("SELECT 1 -- end"), None)
    files = await load()
    assert "UPDATE users" in files[1].sql
    assert "DO $" not in files[1].sql
    plan = read_script(files)
    async with kernel_run(project, database=database) as run:
        await run.get(EXECUTOR, "runner").execute(run, plan, await run.target(), Execution(atomic=False))
    assert psql(database, "SELECT string_agg(email, ',' ORDER BY id), one() FROM users") == "ann,bob|1"
    assert psql(database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == "t"


async def test_an_error_names_the_line_of_the_migration(load, folder, kernel_run, project, database):
    """The line of the file, though the server saw a script."""
    write_migration(folder, "a", read("SELECT 1; CREATE TABLE t (\n  a int\n); SELECT 1 /\n  0"), None)
    text = (folder / "001_a.py").read_text().split("\n")
    plan = read_script(await load())
    async with kernel_run(project, database=database) as run:
        with pytest.raises(StatementFailed, match="division by zero") as caught:
            await run.get(EXECUTOR, "runner").execute(run, plan, await run.target(), Execution())
    assert (caught.value.file, text[caught.value.line - 1].strip()) == ("db/migrations/001_a.py", "SELECT 1 /")


async def test_sql_files_are_taken_as_they_are(load, project):
    """Comments too: a hint may be in one."""
    project.write("db/migrations/001_a.up.sql", "-- why\n\nSELECT 1;\n")
    project.write("db/migrations/001_a.down.sql", "not even SQL")
    assert await load() == [SourceFile("db/migrations/001_a.up.sql", "-- why\n\nSELECT 1;\n")]


@pytest.mark.parametrize(
    ("method", "body", "match", "kind"),
    [
        ("def up", "self.execute('SELEC')", "syntax error", SyntaxInvalid),
        ("def up", "self.nothing()", "AttributeError", SourceError),
        ("def up", "self.down()", "cannot be undone", Refused),
    ],
)
async def test_a_migration_that_cannot_be_read_is_named(load, project, method, body, match, kind):
    project.write(
        "db/migrations/001_a.py",
        "from confiture.models.migration import Migration\n\n\nclass A(Migration):\n"
        f'    version = "001"\n    name = "a"\n\n    {method}(self):\n        {body}\n',
    )
    with pytest.raises(kind, match=match) as caught:
        await load()
    assert (caught.value.file, caught.value.line) in {("db/migrations/001_a.py", 8), ("db/migrations/001_a.py", 9)}


async def test_what_reads_is_replayed_on_a_scratch_database(load, project):
    """Without a server of the environment's, too: what it reads is what the migrations before it made."""
    project.write("db/migrations/001_a.up.sql", "CREATE TABLE a AS SELECT 'made' AS name;")
    text = (
        "from confiture.models.migration import Migration\n\n\nclass B(Migration):\n"
        '    version = "002"\n    name = "b"\n\n    async def up(self):\n'
        '        for row in await self.fetch("SELECT name FROM a"):\n'
        '            self.execute(f"CREATE TABLE {row[0]} (id int)")\n'
    )
    project.write("db/migrations/002_b.py", text)
    project.write("db/migrations/003_c.up.sql", "CREATE TABLE c ();")
    first, second, third = await load()
    assert first.sql == "CREATE TABLE a AS SELECT 'made' AS name;"
    assert second.sql.strip() == "CREATE TABLE made (id int);"
    assert third.sql == "CREATE TABLE c ();"
    assert [file.path for file in await load("001")] == ["db/migrations/001_a.up.sql"]
