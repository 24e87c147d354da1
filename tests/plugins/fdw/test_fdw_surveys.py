"""What is said beforehand, and what is made before many transfers and removed after them."""

from __future__ import annotations

import pytest

from confiture.protocols import PreparingEngine, SurveyingEngine
from confiture.registry import Registry
from confiture.testing import open_context
from confiture_fdw.engine import FdwEngine

pytestmark = pytest.mark.anyio


async def test_a_survey_says_what_is_in_the_way_of_each_task(ctx, task_of, psql, left, source, target):
    """One that fails is nothing to the next one; nothing is changed, not even for a moment that others see."""
    psql(source, "CREATE TYPE old AS ENUM ('x'); CREATE TABLE t (a int, b old); CREATE TABLE p (a int)")
    psql(source, "CREATE TABLE c () INHERITS (p); INSERT INTO t VALUES (1, 'x')")
    psql(source, "CREATE EXTENSION citext; CREATE TABLE k (a int, b old, PRIMARY KEY (a, b))")
    psql(source, "CREATE DOMAIN own AS int; CREATE TABLE l (a own, b citext, PRIMARY KEY (a, b))")
    psql(target, "CREATE EXTENSION citext")
    psql(target, "CREATE TABLE t (a int, b text)")
    engine = FdwEngine()
    assert isinstance(engine, SurveyingEngine)
    tasks = {
        "good": task_of("a, b"),
        "type": task_of("a, b", query="SELECT a, 'x'::old FROM t"),
        "only": task_of("a", query="SELECT a FROM ONLY p"),
        "fit": task_of("b", query="SELECT a FROM t"),
        "table": task_of("a", table="nowhere", query="SELECT a FROM t"),
        "relation": task_of("a", query="SELECT a FROM nothing"),
        "key": task_of("a", query="SELECT a FROM k"),
        "good key": task_of("a", query="SELECT a FROM l"),
        "snapshot": task_of("a", snapshot="00000003-00000002-1"),
        "good again": task_of("a", query="SELECT count(*)::int FROM t"),
    }
    found = dict(zip(tasks, await engine.survey(ctx, list(tasks.values())), strict=True))
    assert {name for name, survey in found.items() if survey.obstacle is None} == {"good", "good again", "good key"}
    assert '"old" does not exist' in found["type"].obstacle
    assert "ONLY 'p'" in found["only"].obstacle
    assert "'b' of 't' is 'text'" in found["fit"].obstacle
    assert "'nowhere'" in found["table"].obstacle
    assert '"nothing" does not exist' in found["relation"].obstacle
    assert "'public.k' has the column 'b' of a user's own type" in found["key"].obstacle
    assert "snapshot" in found["snapshot"].obstacle
    assert found["good"].engine == "fdw"
    assert [lock.partition(":")[0] for lock in found["good"].locks] == ["source", "target"]
    assert left(target) == 0
    assert psql(target, "SELECT count(*) FROM t") == "0"


async def test_a_survey_of_a_database_that_is_not_there_yet(ctx, project, task_of, psql, source, target, server):
    """The scratch database says whether the query runs, the other server whether it gets a connection."""
    psql(source, "CREATE TABLE t (a int)")
    psql(target, "CREATE TABLE t (a int)")
    stands_for = server.with_database("not_there_yet")
    (survey,) = await FdwEngine().survey(ctx, [task_of("a")], stands_for=stands_for)
    assert survey.obstacle is None
    project.config('[fdw]\nsource = "host=/nowhere/at/all"\n')
    async with open_context(project.root, registry=Registry()) as run:
        (survey,) = await FdwEngine().survey(run, [task_of("a")], stands_for=stands_for)
        assert "cannot connect to 'production'" in (survey.obstacle or "")
    unknown = psql(server, "SELECT count(*) FROM pg_extension WHERE extname = 'postgres_fdw'")
    assert unknown == "0"


async def test_the_extension_is_removed_where_it_was_made(ctx, task_of, transfer, both, psql, left, target):
    """Not where it was there before, and not while somebody's own server needs it."""
    both("CREATE TABLE t (a int)")
    engine = FdwEngine()
    assert isinstance(engine, PreparingEngine)
    for _ in range(2):  # a run that goes on prepares again
        await engine.prepare(ctx, [task_of("a"), task_of("a")])
        assert left(target) == 1
    await transfer("a")
    assert left(target) == 1
    psql(target, "CREATE SERVER mine FOREIGN DATA WRAPPER postgres_fdw")
    assert list(await engine.remove(ctx, target)) == []
    psql(target, "DROP SERVER mine")
    assert list(await engine.remove(ctx, target)) == ["the extension postgres_fdw"]
    assert left(target) == 0
    assert list(await engine.remove(ctx, target)) == []
    psql(target, "CREATE EXTENSION postgres_fdw")
    await engine.prepare(ctx, [task_of("a")])
    assert list(await engine.remove(ctx, target)) == []
    assert left(target) == 1
