"""Each part has an engine: the map's, else the run's; what an engine cannot do is found before the start."""

from __future__ import annotations

import msgspec
import pytest

from confiture.errors import UnknownProvider
from confiture_copy.engine import CopyEngine
from confiture_schema_to_schema.planning import plan_parts

pytestmark = pytest.mark.anyio

TABLES = "CREATE TABLE a (id int, v text); CREATE TABLE b (id int); CREATE TABLE c (id int, v text)"


@pytest.fixture(autouse=True)
def _tables(source, target, psql) -> None:
    for place in (source, target):
        psql(place, TABLES)


async def test_the_map_goes_before_the_run(ctx, job_of, target):
    """And an engine that cannot be asked for reasons is asked whether."""
    job = job_of({"a": "id, v", "b": "id", "c": "id, v"}, strategy="copy", engines={"b": "plain"})
    plans, findings = await plan_parts(ctx, job, target)
    assert findings == ()
    assert [(plan.part.target, plan.engine) for plan in plans] == [
        ("public.a", "copy"),
        ("public.b", "plain"),
        ("public.c", "copy"),
    ]
    assert plans[0].survey.locks
    assert plans[0].source is job.old.tables["public.a"]


async def test_one_question_for_all_parts_of_an_engine(ctx, job_of, target, monkeypatch):
    """An engine logs in to both servers once, not for each of two hundred tables."""
    asked = []
    survey = CopyEngine.survey

    async def counted(self, ctx, tasks, **values):
        asked.append(len(tasks))
        return await survey(self, ctx, tasks, **values)

    monkeypatch.setattr(CopyEngine, "survey", counted)
    await plan_parts(ctx, job_of({"a": "id, v", "b": "id", "c": "id, v"}, strategy="copy"), target)
    assert asked == [3]


async def test_an_obstacle_is_an_error_with_names(ctx, job_of, target):
    """All of them are told, with the table, the engine and what to do."""
    job = job_of(
        {"a": "id, v", "b": "id", "c": "id, v"},
        strategy="copy",
        queries={"b": "SELECT id::bigint FROM public.b"},
        engines={"c": "plain"},
    )
    plans, findings = await plan_parts(ctx, job, target)
    assert [(each.level, each.check, each.table) for each in findings] == [
        ("error", "engine", "public.b"),
        ("error", "engine", "public.c"),
    ]
    assert "'copy' cannot copy 'public.b': column 'id'" in findings[0].message
    assert "cast it" in findings[0].hint
    assert "'plain' cannot copy 'public.c'" in findings[1].message
    assert "--strategy" in findings[1].hint
    assert len(plans) == 3


async def test_what_is_in_the_way_of_many_is_said_once(ctx, job_of, target):
    """Two hundred tables that lack the same right are one thing to settle."""
    tables = {f"t{number:02}": "id, v" for number in range(12)}
    _, (finding,) = await plan_parts(ctx, job_of(tables, strategy="plain"), target)
    assert finding.table == ""
    assert "cannot copy 'public.t00', 'public.t01'" in finding.message
    assert "'public.t06' and 5 more: " in finding.message


async def test_types_that_differ_go_as_text(ctx, job_of, target):
    """What the map found out of types is told to the engine."""
    job = job_of({"b": "id"}, strategy="copy", queries={"b": "SELECT id::text FROM public.b"})
    table = job.tables[0]
    part = msgspec.structs.replace(table.parts[0], binary=False)
    job = msgspec.structs.replace(job, tables=(msgspec.structs.replace(table, parts=(part,)),))
    _, findings = await plan_parts(ctx, job, target)
    assert findings == ()


async def test_an_engine_that_is_not_installed_is_named(ctx, job_of, target):
    """With those that are."""
    with pytest.raises(UnknownProvider, match="'cpy'") as raised:
        await plan_parts(ctx, job_of({"a": "id, v"}, strategy="cpy"), target)
    assert "copy" in f"{raised.value.message} {raised.value.hint}"
