"""What the plan says, beside what is there and what a start then does; and that it changes nothing."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest

from confiture.registry import Registry
from confiture.testing import open_context
from confiture.transfer import timed_sample
from confiture_hybrid import sampling
from confiture_schema_to_schema.model import PlannedTable, PlanReport, PlanRequest, SchemaToSchemaRequest
from confiture_schema_to_schema.planning import measuring

pytestmark = pytest.mark.anyio

OLD = """
CREATE TABLE users (id int PRIMARY KEY, full_name text NOT NULL, born date, deleted_at timestamptz);
INSERT INTO users SELECT n, repeat('name ', 20) || n, '2000-01-01', CASE WHEN n % 4 = 0 THEN now() END
  FROM generate_series(1, 20000) AS n;
CREATE INDEX ON users (full_name);
CREATE TABLE "Odd t" (id int PRIMARY KEY, owner int);
INSERT INTO "Odd t" VALUES (1, 1), (2, 3);
CREATE TABLE notes (note text);
INSERT INTO notes SELECT repeat('n', 500) FROM generate_series(1, 6000);
ANALYZE
"""
NEW = """
CREATE TABLE users (id int PRIMARY KEY, display_name text NOT NULL, born date);
CREATE INDEX ON users (display_name);
CREATE TABLE "Odd t" (id int PRIMARY KEY, owner int REFERENCES users);
CREATE TABLE notes (note text)
"""
MAP = """
tables:
  users:
    columns: {full_name: display_name}
    drop: [deleted_at]
    filter: deleted_at IS NULL
  'public."Odd t"':
    strategy: copy
"""
COUNTS = (
    "SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_depend), (SELECT count(*) FROM pg_extension),"
    " (SELECT count(*) FROM pg_namespace), (SELECT sum(n) FROM (SELECT count(*) AS n FROM users UNION ALL"
    " SELECT count(*) FROM notes) AS q)"
)


@pytest.fixture
def both(source, target, psql):
    """``both(NEW)``: the old database as it is, and the new one."""

    def both(new: str) -> None:
        psql(source, OLD)
        psql(target, new)

    return both


@pytest.fixture
def planned(ctx, project, source, target, monkeypatch):
    """``await planned(MAP, strategy="fdw")``: between the environments that are used where none is named."""
    for module in (measuring, sampling):  # a machine that is busy has time for a sample, too
        monkeypatch.setattr(module, "timed_sample", partial(timed_sample, within_s=60))

    async def planned(text: str, *, into=None, run=ctx, **values) -> PlanReport:
        project.environment_for(source, "production")
        project.environment_for(into or target, "production_new")
        (project.root / "db" / "migration_map.yaml").write_text(text, encoding="utf-8")
        return await run.start("schema-to-schema-plan", PlanRequest(**values))

    return planned


def by_table(report: PlanReport) -> dict[str, PlannedTable]:
    return {table.table.removeprefix("public."): table for table in report.tables}


async def test_everything_that_a_start_would_do(ctx, planned, both, source, target, psql):
    """Figures are beside what is there, nothing is changed, and the start that follows takes as much disk."""
    both(NEW)
    counts = psql(source, COUNTS), psql(target, COUNTS)
    report = await planned(MAP, strategy="hybrid")
    assert (psql(source, COUNTS), psql(target, COUNTS)) == counts
    assert report.errors == ()
    assert (report.exit_code, report.creates, report.strategy) == (0, False, "hybrid")
    assert (report.source, report.target, report.mapping) == (
        "production",
        "production_new",
        "db/migration_map.yaml",
    )
    tables = by_table(report)
    assert list(tables) == ["Odd t", "notes", "users"]
    odd, notes, users = tables.values()

    assert "SELECT id, full_name, born FROM public.users" in users.query
    assert abs(users.rows - int(psql(source, "SELECT count(*) FROM users WHERE deleted_at IS NULL"))) < 500
    assert users.bytes == int(psql(source, "SELECT pg_relation_size('users')"))
    assert (users.key, users.snapshot, notes.snapshot, notes.key) == (("id",), "per chunk", "one", ())
    assert "sample: " in users.because
    assert f"{users.engine} {users.rows_per_second:,.0f}" in users.because
    assert users.seconds == pytest.approx(users.rows / users.rows_per_second, abs=0.1)
    assert users.irreversible == ()  # what is dropped keeps its values in the old database
    assert (odd.engine, odd.rows, odd.rows_per_second, odd.seconds) == ("copy", 2, None, None)
    assert all(table.locks for table in tables.values())
    assert any("all of public.notes" in lock for lock in report.locks)
    assert any("1 foreign key" in lock for lock in report.locks)
    assert report.seconds > max(users.seconds, notes.seconds)

    await ctx.start("schema-to-schema", SchemaToSchemaRequest(strategy="copy"))
    taken = int(
        psql(target, "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class AS c WHERE relname IN ('users', 'notes')")
    )
    assert taken / 1.5 < report.disk_bytes < taken * 1.5


async def test_no_row_is_read_where_nobody_wants_it(planned, both):
    """Neither by the plan nor by an engine that chooses by samples."""
    both(NEW)
    report = await planned(MAP, strategy="hybrid", sample=False, preflight=False)
    users = by_table(report)["users"]
    assert "sample" not in users.because
    assert (users.rows_per_second, users.bytes_per_second, users.seconds, report.seconds) == (None,) * 4
    assert users.rows > 10_000


async def test_errors_are_findings(planned, both):
    """What is known is told with them: the SQL, the sizes, the disk."""
    both(NEW.replace("note text", "notice text"))
    report = await planned(MAP, strategy="copy")
    assert report.exit_code == 8
    assert {finding.check for finding in report.errors} == {"unmapped"}
    users = by_table(report)["users"]
    assert users.query
    assert (users.engine, users.because) == ("copy", "which was not asked: see the errors")
    assert users.rows > 10_000


async def test_an_engine_that_cannot_is_an_error(planned, both):
    """The table's line says so too."""
    both(NEW)
    report = await planned(MAP.replace("strategy: copy", "strategy: plain"), strategy="copy", sample=False)
    assert report.exit_code == 8
    assert [(finding.check, finding.table) for finding in report.errors] == [("engine", "public.Odd t")]
    odd = by_table(report)["Odd t"]
    assert (odd.engine, odd.because) == ("plain", "which cannot: it does not take this query")


async def test_some_tables_only(planned, both):
    """Those that are named."""
    both(NEW)
    report = await planned(MAP, strategy="copy", tables=("users",), sample=False)
    assert list(by_table(report)) == ["users"]


async def test_a_sample_that_fails_is_a_warning(planned, both):
    """A row that cannot be computed is found before the copy comes to it."""
    both(NEW)
    text = MAP.replace("display_name}", '{target: display_name, transform: "(1 / (id - 7))::text || full_name"}}')
    report = await planned(text, strategy="copy", preflight=False)
    warnings = [finding for finding in report.findings if finding.check == "engine"]
    assert [(finding.level, finding.table) for finding in warnings] == [("warning", "public.users")]
    assert "division" in warnings[0].message
    assert by_table(report)["users"].rows_per_second is None
    assert report.seconds is None


async def test_a_database_that_is_not_there_yet(planned, project, source, target, psql, no_scratch_left):
    """Its schema is read from db/schema/, in a scratch database that is gone afterwards."""
    (project.root / "db" / "schema" / "new.sql").write_text(f"{NEW};", encoding="utf-8")
    psql(source, OLD)
    away = msgspec.structs.replace(target.with_database("plan_of_a_new_one"), label="production_new")
    report = await planned(MAP, strategy="copy", into=away)
    assert report.creates
    assert report.errors == ()
    assert by_table(report)["users"].rows_per_second > 0
    assert psql(target, "SELECT count(*) FROM pg_database WHERE datname = 'plan_of_a_new_one'") == "0"
    no_scratch_left(target)


async def test_a_query_that_cannot_be_cut(planned, both):
    """Its first rows take as long as all of them: no rate is made up of a sample, and one snapshot is held for it."""
    both(NEW.replace("born date);", "born date, times bigint);"))
    query = "INSERT INTO users SELECT min(id), full_name, min(born), count(*) FROM users GROUP BY full_name"
    text = f"tables:\n  users:\n    custom_sql: |\n      {query}\n"
    report = await planned(text, strategy="copy", tables=("users",), preflight=False)
    assert report.errors == ()
    (users,) = report.tables
    assert (users.snapshot, users.key, users.chunks, users.rows_per_second) == ("one", (), 1, None)
    assert report.seconds is None
    assert any("one snapshot for all of public.users" in lock for lock in report.locks)


async def test_a_table_that_is_filled_by_two(planned, both, source, psql):
    """Each way into it has a line of its own, and all of them take the disk together."""
    both(NEW)
    psql(source, "CREATE TABLE guests (id int PRIMARY KEY, full_name text, born date)")
    psql(source, "INSERT INTO guests SELECT id + 100000, full_name, born FROM users; ANALYZE guests")
    asked = {"strategy": "copy", "tables": ("public.users",), "sample": False, "preflight": False}
    alone = await planned(f"{MAP}\ndrop: [guests]", **asked)
    text = f"{MAP}\n  guests:\n    target: users\n    columns: {{full_name: display_name}}\n"
    report = await planned(text, **asked)
    assert report.errors == ()
    ways = [(table.source, table.rows) for table in report.tables if table.table == "public.users"]
    assert {source for source, _ in ways} == {"public.users", "public.guests"}
    assert sum(rows for _, rows in ways) > 30_000
    assert report.disk_bytes > 1.8 * alone.disk_bytes


async def test_a_source_that_the_new_database_cannot_reach(planned, project, both):
    """By fdw it has to: before the start somebody knows."""
    project.config('[schema-to-schema]\ncapture = "none"\n[fdw]\nsource = "host=127.0.0.1 port=1"\n')
    both(NEW)
    async with open_context(project.root, registry=Registry()) as run:
        report = await planned(MAP, run=run, strategy="fdw", tables=("users",), preflight=False)
    assert report.exit_code == 8
    (error,) = report.errors
    assert error.table == "public.users"
    assert "127.0.0.1" in f"{error.message} {error.hint}"
