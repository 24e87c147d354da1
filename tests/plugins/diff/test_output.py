"""What a person is told of a plan."""

from __future__ import annotations

import pytest

from confiture.estimating import RATES
from confiture_diff.render import as_sql, as_text

pytestmark = pytest.mark.anyio

OLD = "CREATE TABLE t (id int, name text);"


async def test_a_lock_that_is_gone_at_once_is_no_hazard_for_people(compare):
    """A list of warnings about nothing hides the one that matters; policies still see it."""
    report = await compare(OLD, "CREATE TABLE t (id int, name text, bio text);", prove=False)
    [statement] = report.plan.statements
    assert [hazard.kind for hazard in statement.hazards] == ["access-exclusive-lock"]
    assert report.hazards == ()
    assert "    locks public.t (ACCESS EXCLUSIVE), for a moment" in list(as_text(report))
    assert "access-exclusive-lock" not in as_sql(report.plan) + "\n".join(as_text(report))


async def test_a_lock_for_as_long_as_a_rewrite_is_told(compare):
    """Nobody can use the table meanwhile: that is what a person must know."""
    report = await compare(OLD, "CREATE TABLE t (id bigint, name text);", prove=False)
    assert [hazard.kind for hazard in report.hazards] == ["table-rewrite", "access-exclusive-lock"]
    text = "\n".join(as_text(report))
    assert "for a moment" not in text
    assert "access-exclusive-lock" in text
    assert "-- access-exclusive-lock" in as_sql(report.plan)


async def test_nothing_is_said_twice(compare):
    """The hazard already says that no transaction runs it."""
    report = await compare(OLD, OLD + "CREATE INDEX i ON t (id);", prove=False)
    about = [line for line in as_text(report) if line.startswith("    ")]
    assert sum("transaction" in line for line in about) == 1


@pytest.fixture
def live(scratch_project, kernel_run, database, psql):
    """``await live(old, new, **request)``: the report where OLD is a database that ran ``old``."""

    async def run(old: str, new: str, **request):
        psql(database, old)
        scratch_project.environment_for(database, "live")
        file = scratch_project.write("new.sql", new)
        async with kernel_run(scratch_project) as ctx:
            return await ctx.start("diff", old="env:live", new=str(file), **request)

    return run


async def test_what_reads_or_writes_a_live_table_has_a_rough_time(live, database, psql):
    """Whoever plans the deployment asks for it first; the sizes are the server's own."""
    rows = "INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 2000) i;"
    report = await live(
        "CREATE TABLE t (id int, name text);" + rows,
        "CREATE TABLE t (id bigint, name text, bio text); CREATE INDEX i ON t (name);",
        prove=False,
    )
    size = int(psql(database, "SELECT pg_table_size('t')"))
    found = {
        statement.sql.split(" (")[0]: seconds
        for statement, seconds in zip(report.plan.statements, report.estimated_s, strict=True)
    }
    assert found == {
        "ALTER TABLE public.t ALTER COLUMN id TYPE bigint": pytest.approx(size / RATES["rewrite"]),
        "ALTER TABLE public.t ADD COLUMN bio text": None,
        "CREATE INDEX CONCURRENTLY i ON public.t USING btree": pytest.approx(size / RATES["build"]),
    }
    assert "3 statements, less than 1 s on this database:" in list(as_text(report))


async def test_a_renamed_table_keeps_its_size(live, database, psql):
    """Later statements call it by its new name."""
    report = await live(
        "CREATE TABLE old_name (id int, name text); INSERT INTO old_name VALUES (1, 'x');",
        "CREATE TABLE new_name (id bigint, name text);",
        renames=(("old_name", "new_name"),),
        prove=False,
    )
    size = int(psql(database, "SELECT pg_table_size('old_name')"))
    assert report.estimated_s == (None, pytest.approx(size / RATES["rewrite"]))


async def test_of_ddl_no_time_is_known(compare):
    """A text has no size."""
    report = await compare(OLD, "CREATE TABLE t (id bigint, name text);", prove=False)
    assert report.estimated_s == ()
    assert "1 statement:" in list(as_text(report))


async def test_what_changes_reads_as_a_sentence(compare):
    """The internal names of properties mean nothing to a person."""
    strict = "CREATE TABLE t (id int, name text NOT NULL);"
    for old, new, said in ((OLD, strict, "not null"), (strict, OLD, "no longer not null")):
        report = await compare(old, new, prove=False)
        assert f"  ~ column name: {said}" in list(as_text(report))
    report = await compare(OLD, "CREATE TABLE t (id bigint, name text);", prove=False)
    assert "  ~ column id: type integer -> bigint" in list(as_text(report))
