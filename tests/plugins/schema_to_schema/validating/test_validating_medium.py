"""The medium: the map of the request, or of the last migration; and an exit code that a program can rely on."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from confiture.errors import DatabaseNotFound, Refused
from confiture.testing import open_context
from confiture_schema_to_schema.commands.rendering.validated import validated_lines
from confiture_schema_to_schema.copying.records import RunRecord
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.model import ValidateRequest
from confiture_schema_to_schema.validating import medium
from confiture_schema_to_schema.validating.medium import ValidateMedium
from confiture_schema_to_schema.validating.tables import validate_tables

pytestmark = pytest.mark.anyio

MAP = """
tables:
  users:
    columns:
      full_name: display_name
      created_at: {target: created_timestamp, transform: "created_at AT TIME ZONE 'UTC'"}
    filter: "deleted_at IS NULL"
    drop: [deleted_at]
    defaults: {score: "7", seen: "now()"}
  orders:
    columns: {total: amount}
"""
OLD = """
CREATE TABLE users (id int PRIMARY KEY, full_name text, created_at timestamptz, deleted_at timestamptz);
INSERT INTO users SELECT g, 'n' || g, '2024-01-01', CASE WHEN g % 2 = 0 THEN now() END FROM generate_series(1, 50) g;
CREATE TABLE orders (nr text PRIMARY KEY, total float8); INSERT INTO orders VALUES ('a', 1.005), ('b', 2);
"""
NEW = """
CREATE TABLE users (id bigint PRIMARY KEY, display_name varchar(20), created_timestamp timestamp, score int,
                    seen timestamptz, noted text DEFAULT 'x');
INSERT INTO users SELECT g, 'n' || g, '2024-01-01', 7, now() FROM generate_series(1, 50, 2) g;
CREATE TABLE orders (nr text PRIMARY KEY, amount numeric(9,2)); INSERT INTO orders VALUES ('a', 1.01), ('b', 2);
"""


@pytest.fixture
async def ctx(project, pair, psql, monkeypatch):
    monkeypatch.setattr(medium, "validate_tables", partial(validate_tables, pauses_s=(0.0,)))
    psql(pair[0], OLD)
    psql(pair[1], "SET timezone = 'Asia/Tokyo';" + NEW)
    project.environment_for(pair[0], "production")
    project.environment_for(pair[1], "production_new")
    project.write("db/migration_map.yaml", MAP)
    async with open_context(project.root) as run:
        yield run


async def validate(ctx, **request):
    return await ValidateMedium().run(ctx, ValidateRequest(**request))


async def test_the_mapped_rows_are_compared(ctx, pair, psql):
    """Not table with table: rows that the map leaves out are not missing."""
    report = await validate(ctx)
    assert report.exit_code == 0
    assert (report.source, report.target) == ("production", "production_new")
    tables = {table.table: table for table in report.tables}
    users = tables["public.users"]
    assert (users.source_rows, users.target_rows, users.left_out, users.ok) == (25, 25, ("seen",), True)
    psql(pair[1], "UPDATE users SET score = 8 WHERE id = 5; UPDATE orders SET amount = 1.00 WHERE nr = 'a'")
    report = await validate(ctx, jobs=1, max_keys=1)
    assert report.exit_code == 7
    found = [(each.table, row.how, row.key) for each in report.tables for row in each.mismatches]
    assert found == [("public.orders", "different", '["a"]'), ("public.users", "different", '["5"]')]
    shown = "\n".join(validated_lines(report))
    assert "not compared, since the map gives another value each time: seen" in shown
    assert "FAILED: 2 tables of 2" in shown
    assert (await validate(ctx, tables=("orders",))).tables[0].differing == 1


async def test_nothing_is_written(ctx, pair, psql):
    """Not a row, not even where one differs: servers that take none are no obstacle."""
    psql(pair[1], "UPDATE users SET score = 8 WHERE id = 5; INSERT INTO users (id) VALUES (987654321)")
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )

    async def written() -> list[str]:
        """When all sessions have ended: they tell what they have written then."""
        for each in pair:
            while psql(each, others) != "0":
                await anyio.sleep(0.01)
        sums = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
        return [psql(each, sums) for each in pair]

    before = await written()
    for each in pair:
        psql(each, f"ALTER DATABASE {each.database} SET default_transaction_read_only = on")
    report = await validate(ctx)
    assert sum(table.differing for table in report.tables) == 2
    assert await written() == before


async def test_the_last_migration_says_which_map_and_tables(ctx, project, pair, psql):
    """As with resume, nobody has to say it twice; what the request says comes first."""
    state = state_of(ctx)
    async with ctx.connect(pair[1]) as connection:
        await state.create(connection)
        run = RunRecord(run_id="r", source="x", strategy="copy", tables=("orders",), mapping="other.yaml")
        await state.begin(connection, run, ())
    project.write("other.yaml", MAP.replace("{total: amount}", '{total: {target: amount, transform: "total + 1"}}'))
    report = await validate(ctx)
    assert [(table.table, table.differing) for table in report.tables] == [("public.orders", 2)]
    report = await validate(ctx, mapping="db/migration_map.yaml", tables=("users",))
    assert [(table.table, table.ok) for table in report.tables] == [("public.users", True)]


async def test_nothing_to_compare_is_no_success(project, pair):
    """Two empty databases, or one that no migration has made yet."""
    project.environment_for(pair[0], "production")
    project.environment_for(pair[1], "production_new")
    async with open_context(project.root) as run:
        with pytest.raises(Refused, match="there is no table to compare"):
            await validate(run)
    project.environment_for(pair[1].with_database("nowhere"), "production_new")
    async with open_context(project.root) as run:
        with pytest.raises(DatabaseNotFound) as missing:
            await validate(run)
    assert "start" in (missing.value.hint or "")
