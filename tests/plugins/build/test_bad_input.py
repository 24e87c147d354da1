"""What goes wrong in other people's projects, said so that they can mend it."""

from __future__ import annotations

import pytest

from confiture.cli.main import run_command
from confiture.errors import (
    AuthenticationFailed,
    ConfigError,
    DiskFull,
    FeatureMissing,
    ServerUnreachable,
    SourceError,
    StatementFailed,
    SyntaxInvalid,
    UnsupportedScript,
)
from confiture.hooks import SERVER
from confiture.kernel import Kernel

pytestmark = pytest.mark.anyio


async def test_syntax_error_in_file_37_of_80(shop, kernel_run, absent, databases) -> None:
    """File, line, column and the line itself, before anything runs."""
    for number in range(80):
        bad = "CREATE TABLE t37 (\n    id int,,\n    name text\n);\n"
        shop.schema(f"40/{number:02d}.sql", bad if number == 37 else f"CREATE TABLE t{number:02d} (id int);\n")
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(SyntaxInvalid) as caught:
            await run.start("build")
    error = caught.value
    assert (error.where, error.source_line) == ("db/schema/40/37.sql:2:12", "    id int,,")
    assert databases(absent.database) == []


@pytest.mark.parametrize("sql", ["SELECT 'open;\n", "SELECT $$open;\n", 'SELECT "open;\n', "/* open\nSELECT 1;\n"])
async def test_open_quote_does_not_swallow_the_next_file(shop, kernel_run, absent, sql) -> None:
    """The error stands where it opens."""
    shop.schema("40.sql", "-- fine\n" + sql)
    shop.schema("41.sql", "SELECT 'closed'; -- $$ \" */\n")
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(SyntaxInvalid) as caught:
            await run.start("build")
    assert (caught.value.file, caught.value.line) == ("db/schema/40.sql", 2)


@pytest.mark.parametrize(("sql", "line"), [("BEGIN;\n", 2), ("SELECT 1;\nCOMMIT;\n", 3), ("\\connect other\n", 2)])
async def test_what_a_schema_cannot_hold_is_refused(shop, kernel_run, absent, sql, line) -> None:
    """The build is one unit, of one database."""
    shop.schema("40.sql", "-- fine\n" + sql)
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(UnsupportedScript) as caught:
            await run.start("build")
    assert (caught.value.file, caught.value.line) == ("db/schema/40.sql", line)


async def test_failing_statement_shows_the_servers_words(shop, kernel_run, absent) -> None:
    """Message, detail and hint of PostgreSQL, and the place."""
    shop.schema("40.sql", "CREATE TABLE t (a int PRIMARY KEY);\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (1);\n")
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(StatementFailed) as caught:
            await run.start("build")
    error = caught.value
    assert (error.file, error.line, error.sqlstate) == ("db/schema/40.sql", 3, "23505")
    assert "duplicate key" in error.message
    assert "Key (a)=(1) already exists" in (error.detail or "")


async def test_full_disk_is_named(shop, kernel_run, absent) -> None:
    """As the server reports it; a real disk is not filled for a test."""
    shop.schema("40.sql", "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;\n")
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(DiskFull, match="could not extend file"):
            await run.start("build")


async def test_empty_project_is_an_error(shop, kernel_run, absent) -> None:
    """An empty database that looks like a success would be worse."""
    for path in list((shop.root / "db/schema").rglob("*.sql")):
        path.unlink()
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(SourceError, match="no SQL file"):
            await run.start("build")


async def test_unreachable_server_is_named_by_its_environment(shop, kernel_run) -> None:
    """Host and port, never the role or its password."""
    url = "postgresql://someone:secret@127.0.0.1:1/db"
    async with kernel_run(shop, database_url=url) as run:
        with pytest.raises(ServerUnreachable) as caught:
            await run.start("build")
    assert "'local' at 127.0.0.1:1" in caught.value.message
    assert "secret" not in f"{caught.value} {caught.value.hint} {caught.value.detail}"


async def test_wrong_role_is_an_authentication_error(shop, kernel_run, database) -> None:
    """A role that is not there."""
    from confiture.config.dsn import to_uri

    url = to_uri({**database.params, "user": "not_there_at_all"})
    async with kernel_run(shop, database_url=url) as run:
        with pytest.raises(AuthenticationFailed):
            await run.start("build")


async def test_unknown_setting_has_a_near_name(shop, kernel_run, absent) -> None:
    """In [build] as everywhere."""
    shop.config("[build]\nordre = 'auto'\n")
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(ConfigError, match=r"build\.ordre") as caught:
            await run.start("build")
    assert "'order'" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("CREATE VIEW v AS SELECT * FROM custmers;", 'did you mean relation "public.customers", made in db/schema/10_'),
        ("CREATE TABLE t (place geography_of_nowhere);", "nothing in the schema makes it"),
        ("CREATE TABLE customers (id int);", 'relation "public.customers" is made before, in db/schema/10_tables/cust'),
    ],
)
async def test_names_that_are_wrong_lead_on(shop, kernel_run, absent, sql, hint) -> None:
    """A near name, none at all, or one that is taken."""
    shop.schema("40.sql", sql)
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(StatementFailed) as caught:
            await run.start("build")
    assert hint in (caught.value.hint or "")


async def test_xml_without_libxml_is_named_with_the_way_out(shop) -> None:
    """What the server was not built with shows only when it runs; the embedded one has no libxml."""
    shop.schema("40.sql", "CREATE TABLE t (\n    x xml DEFAULT '<a/>'\n);")
    async with Kernel(shop.root).run() as run:
        try:
            with pytest.raises(FeatureMissing, match="no 'xml'") as caught:
                await run.start("build")
        finally:
            await run.get(SERVER, "embedded").stop(run, run.environment)
    assert caught.value.file == "db/schema/40.sql"
    assert "bin_dir" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "options", [["--explain", "--recreate"], ["--no-execute", "--databases", "2"], ["--explain", "--output", "x.sql"]]
)
def test_options_that_would_be_ignored_are_refused(shop, monkeypatch, capsys, options) -> None:
    """Whoever gave them meant something."""
    monkeypatch.chdir(shop.root)
    assert run_command(["build", *options]) == 2
    assert "has no meaning with it" in capsys.readouterr().err
