"""What to beware of is told, as it is on this database; reviewers have a say."""

from __future__ import annotations

import types

import pytest

from confiture.errors import PluginBroken, Refused
from confiture.hooks import hookimpl
from confiture.model import Hazard
from confiture.registry import Registry
from confiture_catalog.inspector import CatalogInspector

pytestmark = pytest.mark.anyio


def kinds(report):
    return {told.version: [hazard.kind for hazard in told.hazards] for told in report.hazards}


async def test_what_is_told_depends_on_what_is_there(migrations):
    """From 10 to 20 characters is nothing, back is a rewrite: only the database knows which it is."""
    migrations.psql("CREATE TABLE a (n varchar(10)); CREATE TABLE b (n varchar(30))")
    migrations.sql("001_a", "ALTER TABLE a ALTER n TYPE varchar(20);")
    migrations.sql("002_b", "ALTER TABLE b ALTER n TYPE varchar(20);")
    assert kinds(await migrations.up()) == {"002": ["fails-on-data", "table-rewrite", "access-exclusive-lock"]}


async def test_what_the_run_itself_has_made_is_nobodys_trouble(migrations):
    migrations.sql("001_a", "CREATE TABLE a (n text, m int);")
    migrations.sql("002_b", "ALTER TABLE a ALTER n TYPE varchar(20); CREATE INDEX ON a (n); ALTER TABLE a DROP m;")
    assert kinds(await migrations.up()) == {}


async def test_a_lock_that_is_gone_at_once_is_not_told(migrations):
    migrations.psql("CREATE TABLE a (n int)")
    migrations.sql("001_a", "ALTER TABLE a ADD COLUMN m int; ALTER TABLE a RENAME n TO o;")
    assert kinds(await migrations.up()) == {"001": ["breaks-clients"]}


@pytest.mark.parametrize(("before", "statement", "reads"), [
    ("CREATE TABLE other (id int PRIMARY KEY)", "CREATE TABLE a (id int REFERENCES other)", 0),
    ("CREATE TABLE other (id int)", "INSERT INTO other VALUES (1)", 0),
    ("CREATE SCHEMA s; CREATE TABLE s.a (id int)", "CREATE TABLE a (id int); DROP TABLE a", 0),
    ("CREATE TABLE a (id int)", "CREATE TABLE IF NOT EXISTS a (id int)", 1),
    ("CREATE TABLE a (id int)", "SET search_path = public; ALTER TABLE a ADD x int; ALTER TABLE a ADD y int", 1),
    ("CREATE SCHEMA s; CREATE TABLE s.a (id int)", "SET search_path = s; ALTER TABLE a ADD x int", 1),
    ("CREATE TYPE e AS ENUM ('a')", "ALTER TYPE e ADD VALUE 'b'", 1),
    ("CREATE SCHEMA s", "DROP SCHEMA s", 1),
])  # fmt: skip
async def test_the_schema_is_read_once_and_only_where_something_is_altered(
    migrations, monkeypatch, before, statement, reads
):
    """It takes longer than a hundred small migrations."""
    count = []
    inspect = CatalogInspector.inspect

    async def counted(self, ctx, target):
        count.append(target)
        return await inspect(self, ctx, target)

    monkeypatch.setattr(CatalogInspector, "inspect", counted)
    migrations.psql(before)
    migrations.sql("001_a", statement)
    await migrations.up()
    assert len(count) == reads


@pytest.fixture
def reviewed(migrations, kernel_run):
    """``await reviewed(review, "up")``: with ``review`` as the hook of a plugin beside the real ones."""

    async def run(review, medium="up", **values):
        registry = Registry()
        registry.register(types.SimpleNamespace(confiture_review=hookimpl(review), API_VERSION=1), "policy")
        async with kernel_run(migrations.project, database=migrations.database, registry=registry) as found:
            return await found.start(medium, **values)

    return run


async def test_a_reviewer_adds_hazards_and_sees_effects(migrations, reviewed):
    migrations.psql("CREATE TABLE a (n varchar(30))")
    migrations.tables("x", "b")
    migrations.sql("001_x", "ALTER TABLE a ALTER n TYPE varchar(20);")

    def confiture_review(plan):
        return [Hazard("slow", ", ".join(one.effects.tables)) for one in plan.statements if one.effects.rewrites]

    for values in ({"dry_run": True}, {}):
        report = await reviewed(confiture_review, **values)
        (told,) = report.hazards
        assert (told.version, told.name) == ("001", "x")
        assert told.hazards[-1] == Hazard("slow", "public.a")


@pytest.mark.parametrize("medium", ["up", "down"])
async def test_a_reviewer_that_refuses_stops_all_of_it(migrations, reviewed, medium):
    migrations.tables("a", "b")
    if medium == "down":
        await migrations.up()
    before = migrations.public()

    def confiture_review(plan):
        if any(" b" in statement.sql for statement in plan.statements):
            raise Refused("no b here", hint="c")

    with pytest.raises(Refused, match="no b here"):
        await reviewed(confiture_review, medium)
    with pytest.raises(Refused, match="no b here"):
        await reviewed(confiture_review, medium, dry_run=True)
    assert migrations.public() == before


async def test_a_reviewer_that_breaks_lets_nothing_pass(migrations, reviewed):
    migrations.tables("a")

    def confiture_review(plan):
        raise ValueError("oops")

    with pytest.raises(PluginBroken, match="'policy' could not review the plan: ValueError: oops"):
        await reviewed(confiture_review)
    assert migrations.public() == []


async def test_a_migration_that_reads_is_reviewed_when_its_turn_comes(migrations, reviewed):
    migrations.tables("a")
    migrations.python("002_b", """\
        async def up(self):
            await self.fetch("SELECT 1")
            self.execute("CREATE TABLE b ()")
    """)  # fmt: skip

    def confiture_review(plan):
        return [Hazard("seen", statement.sql) for statement in plan.statements]

    report = await reviewed(confiture_review)
    assert [told.hazards[0].message for told in report.hazards] == ["CREATE TABLE a (id int)", "CREATE TABLE b ()"]
