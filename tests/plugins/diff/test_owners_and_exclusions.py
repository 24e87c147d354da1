"""Whose things are, and what is left alone."""

from __future__ import annotations

import pytest

from confiture.model import Grant, ObjectKey, Schema, SchemaObject
from confiture.owners import CURRENT_USER
from confiture_diff.exclusions import exclude
from confiture_diff.owners import without_scratch_role

pytestmark = pytest.mark.anyio


def made(kind: str, identity: str, **fields) -> SchemaObject:
    return SchemaObject(kind=kind, identity=identity, **{"properties": {}, **fields})


def test_between_two_texts_the_scratch_role_is_whoever_runs_it():
    """So that OWNER TO somebody is a difference, and can be taken back."""
    found = without_scratch_role(
        Schema.of(
            [
                made("table", "public.t", owner="me", grants=(Grant("other", "SELECT", grantor="me"),)),
                made("default privileges", "FOR ROLE me ON TABLES", properties={"role": "me"}),
                made("user mapping", "me SERVER far"),
                made("view", "public.v", owner="other"),
            ],
            role="me",
        ),
        other_live=False,
    )
    by_kind = {each.kind: each for each in found.objects}
    assert by_kind["table"].owner == CURRENT_USER
    assert by_kind["table"].grants[0].grantor == CURRENT_USER
    assert by_kind["default privileges"].identity == "FOR ROLE CURRENT_USER ON TABLES"
    assert by_kind["default privileges"].properties["role"] == CURRENT_USER
    assert by_kind["user mapping"].identity == "CURRENT_USER SERVER far"
    assert by_kind["view"].owner == "other"


def test_beside_a_live_database_its_things_are_anybody_s():
    """Who owns the live ones was nobody's decision in the text."""
    schema = Schema.of([made("table", "public.t", owner="me"), made("view", "public.v", owner="other")], role="me")
    found = without_scratch_role(schema, other_live=True)
    assert [each.owner for each in found.objects] == [None, "other"]


def test_patterns_take_the_parts_too():
    """A column of what is left alone is left alone."""
    table, other = made("table", "public.tmp_x"), made("table", "public.x")
    column = made("column", "public.tmp_x.id", parent=table.key)
    default = made("default", "public.tmp_x.id", parent=column.key)
    sequence = made("sequence", "public.ids", properties={"owned_by": column.identity})
    schema = Schema.of([table, other, column, default, sequence])
    assert [each.key for each in exclude(schema, ("public.tmp_?",)).objects] == [other.key]


def test_what_is_confiture_s_own_is_never_compared():
    """A plan that drops the record of what was applied would be the last one."""
    own = [
        made("schema", "confiture", name="confiture"),
        made("table", "confiture.x", schema="confiture"),
        made("table", "public.confiture_migrations", schema="public", name="confiture_migrations"),
        made("column", "public.confiture_migrations.v", parent=ObjectKey("table", "public.confiture_migrations")),
    ]
    assert exclude(Schema.of(own), ()).objects == ()


@pytest.mark.parametrize("schema", ["public", "ops"])
async def test_the_history_is_where_the_project_says(scratch_project, kernel_run, database, psql, schema):
    """Its schema goes with it where nothing else is in it; what else is in it is compared."""
    text = (scratch_project.root / "confiture.toml").read_text()
    scratch_project.config(f'{text}[migrations]\nschema = "{schema}"\ntable = "history"\n')
    scratch_project.environment_for(database)
    file = scratch_project.write("new.sql", "")
    scratch_project.write("db/migrations/001_t.up.sql", "CREATE TABLE t (id int);")
    async with kernel_run(scratch_project) as ctx:
        await ctx.start("up")
        report = await ctx.start("diff", old="env:local", new=str(file), plan=False)
        assert [change.identity for change in report.changes] == ["public.t"]
        psql(database, f"CREATE TABLE {schema}.more (id int)")
        report = await ctx.start("diff", old="env:local", new=str(file), plan=False)
    wanted = {"public.t", f"{schema}.more"} | ({"ops"} if schema == "ops" else set())
    assert {change.identity for change in report.changes} == wanted


async def test_a_live_database_is_equal_to_what_it_was_built_from(compare, scratch_project, kernel_run, database, psql):
    """Though its owner is another role there, and confiture's own tables are in it."""
    ddl = "CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS SELECT id FROM t;"
    psql(database, f"CREATE ROLE {database.database}_owner; SET ROLE {database.database}_owner; RESET ROLE; {ddl}"
         f"ALTER TABLE t OWNER TO {database.database}_owner; CREATE TABLE confiture_migrations (v text);")  # fmt: skip
    scratch_project.environment_for(database, "live")
    file = scratch_project.write("new.sql", ddl)
    try:
        async with kernel_run(scratch_project) as ctx:
            for old, new in (("env:live", str(file)), (str(file), "env:live")):
                assert not (await ctx.start("diff", old=old, new=new)).changed
    finally:
        psql(database, f"DROP OWNED BY {database.database}_owner CASCADE; DROP ROLE {database.database}_owner")


async def test_a_live_database_is_migrated_and_back_in_the_proof(scratch_project, kernel_run, database, psql):
    """Its copy is made on the scratch server: it is itself not touched."""
    psql(database, "CREATE TABLE t (id int PRIMARY KEY, name text); CREATE VIEW v AS SELECT id FROM t;")
    scratch_project.environment_for(database, "live")
    file = scratch_project.write("new.sql", "CREATE TABLE t (id int PRIMARY KEY, name text, x int);")
    async with kernel_run(scratch_project) as ctx:
        report = await ctx.start("diff", old="env:live", new=str(file))
    assert report.proof.proved == ("forward", "backward")
    assert psql(database, "SELECT count(*) FROM pg_class WHERE relname = 'v'") == "1"


async def test_an_extension_in_another_version_is_noted(scratch_project, kernel_run, database, psql):
    """It is no difference, since DDL seldom names a version; yet what it makes may be another."""
    psql(database, "CREATE EXTENSION hstore VERSION '1.4'")
    scratch_project.environment_for(database, "live")
    file = scratch_project.write("new.sql", "CREATE EXTENSION hstore; CREATE TABLE t (id int);")
    newest = psql(database, "SELECT default_version FROM pg_available_extensions WHERE name = 'hstore'")
    async with kernel_run(scratch_project) as ctx:
        report = await ctx.start("diff", old="env:live", new=str(file), prove=False)
    assert [statement.kind or statement.sql.split()[1] for statement in report.plan.statements] == ["TABLE"]
    assert report.notes == (f"extension hstore is 1.4 in env:live, {newest} on the scratch server",)
