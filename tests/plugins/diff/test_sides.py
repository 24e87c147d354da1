"""What a user may write for a side."""

from __future__ import annotations

import re

import pytest

from confiture.config.dsn import to_uri
from confiture.errors import UsageError
from confiture_diff.sides import load_side

pytestmark = pytest.mark.anyio


@pytest.fixture
async def load(scratch_project, kernel_run, monkeypatch):
    """``await load(written)`` in the project's folder."""
    monkeypatch.chdir(scratch_project.root)

    async def run(written: str):
        async with kernel_run(scratch_project) as ctx:
            return await load_side(ctx, written, "old")

    return run


async def test_a_path_that_exists_is_a_path_whatever_it_looks_like(load, scratch_project):
    """Else nobody could compare a file that is named like a source."""
    scratch_project.write("git:HEAD", "").parent.joinpath("git:HEAD").unlink()
    scratch_project.write("env:prod/a.sql", "SELECT 1")
    side = await load("env:prod")
    assert [file.sql for file in side.files] == ["SELECT 1"]
    assert not side.live


async def test_a_file_and_a_folder_are_read_in_order(load, scratch_project):
    """As a build reads them."""
    scratch_project.write("x/2.sql", "SELECT 2")
    scratch_project.write("x/1.sql", "SELECT 1")
    assert [file.sql for file in (await load("x")).files] == ["SELECT 1", "SELECT 2"]
    assert [file.sql for file in (await load("x/2.sql")).files] == ["SELECT 2"]


async def test_the_project_s_schema_is_nothing_written(load, scratch_project):
    """The default of the new side."""
    scratch_project.schema("a.sql", "SELECT 3")
    assert [file.sql for file in (await load("")).files] == ["SELECT 3"]


async def test_environments_and_connection_strings_are_live(load, scratch_project, database):
    """They are read in place, and messages show no connection string."""
    scratch_project.environment_for(database, "staging")
    for written in (
        "env:staging",
        to_uri(database.params),
        f"dbname={database.database} host={database.params['host']}",
    ):
        side = await load(written)
        assert side.live
        assert side.target.database == database.database
        assert "postgres" not in side.shown.replace("postgresql", "")[:0] + side.target.label


@pytest.mark.parametrize("written", ["nope.sql", "nope:x", "no such"])
async def test_anything_else_names_the_forms(load, written: str):
    """A typo in a file's name is the likeliest mistake."""
    with pytest.raises(UsageError) as caught:
        await load(written)
    assert "git:HEAD~1" in caught.value.hint


async def test_only_what_differs_is_told_without_a_plan(compare):
    """A check asks for no decision: what may be a rename is something missing and something new."""
    report = await compare(
        "CREATE TABLE t (id int, first_name text, last_name text);",
        "CREATE TABLE t (id bigint, given_name text, family_name text);",
        plan=False,
    )
    assert report.changed
    assert not report.plan.statements
    assert {(each.action, each.identity) for each in report.changes} == {
        ("alter", "public.t.id"), ("drop", "public.t.first_name"), ("drop", "public.t.last_name"),
        ("create", "public.t.given_name"), ("create", "public.t.family_name"),
    }  # fmt: skip


async def test_without_a_plan_equal_sides_are_equal(compare):
    report = await compare("CREATE TABLE t (id int);", "CREATE TABLE t (\n  id integer\n);", plan=False)
    assert not report.changed
    assert report.changes == ()


async def test_env_alone_is_the_environment_of_the_run(scratch_project, kernel_run, database, psql):
    """It may come from a file elsewhere, so that its name leads nowhere."""
    psql(database, "CREATE TABLE here (id int);")
    scratch_project.write("new.sql", "CREATE TABLE here (id int);")
    async with kernel_run(scratch_project, name="elsewhere") as run:
        report = await run.start("diff", old="env:", new=str(scratch_project.root / "new.sql"))
    assert (report.changed, report.old) == (False, "env:elsewhere")


async def test_without_migrations_the_beginning_is_empty_or_a_live_database(
    scratch_project, kernel_run, database, psql
):
    """The first migration makes everything; or what that database lacks."""
    psql(database, "CREATE TABLE t (id int)")
    scratch_project.environment_for(database, "live")
    scratch_project.schema("t.sql", "CREATE TABLE t (id int, name text);\n")
    async with kernel_run(scratch_project) as ctx:
        everything = await ctx.start("diff")
        lacking = await ctx.start("diff", baseline="live", generate="begin")
        assert everything.plan.statements[0].sql.startswith("CREATE TABLE")
        assert [one.sql for one in lacking.plan.statements] == ["ALTER TABLE public.t ADD COLUMN name text"]
        assert lacking.path == "db/migrations/001_begin.py"
        with pytest.raises(UsageError, match="for a project without migrations"):
            await ctx.start("diff", baseline="live")


async def test_a_generated_migration_is_numbered_as_the_project_says(scratch_project, kernel_run):
    text = (scratch_project.root / "confiture.toml").read_text()
    scratch_project.config(f'{text}[migrations]\nnumbering = "timestamp"\n')
    scratch_project.schema("t.sql", "CREATE TABLE t (id int);\n")
    async with kernel_run(scratch_project) as ctx:
        report = await ctx.start("diff", generate="begin")
    assert re.fullmatch(r"db/migrations/20\d{12}_begin\.py", report.path)
