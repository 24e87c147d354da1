"""Two engines that are really there, and a stranger's that crawls."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from types import ModuleType

import msgspec
import pytest

from confiture.errors import ConfigError, Refused, UnknownProvider
from confiture.hooks import API_VERSION, TRANSFER, Provider, hookimpl
from confiture.model import Mask, Target, TransferSurvey, TransferTask
from confiture.registry import Registry
from confiture.testing import check_transfer_engine, open_context
from confiture.transfer import timed_sample
from confiture_copy.engine import CopyEngine
from confiture_hybrid import sampling
from confiture_hybrid.engine import HybridEngine

pytestmark = pytest.mark.anyio

FIGURES = re.compile(r"sample: \w+ [\d,]+ rows/s, \w+ [\d,]+")
COUNTS = "SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_depend), (SELECT count(*) FROM pg_extension)"
COMPLEX = "SELECT id, upper(v) FROM t"


class Crawling(CopyEngine):
    """Copies, and says that each row took a hundredth of a second: nobody's machine has a say in it."""

    name, row_s = "crawling", 0.01

    async def survey(self, ctx, tasks, *, stands_for=None, sample=True):
        return [TransferSurvey(engine=self.name, because=f"it is {self.name}") for _ in tasks]

    async def transfer(self, ctx, task, masks=()):
        report = await super().transfer(ctx, task, masks)
        return msgspec.structs.replace(report, seconds=report.rows * self.row_s)


class Flying(Crawling):
    """Says that it was a thousand times faster."""

    name, row_s = "flying", 0.00001


class Refusing:
    """Takes nothing, and needs something all the same."""

    made: list[str] = []  # noqa: RUF012

    def accepts(self, task, masks=()):
        return False

    async def transfer(self, ctx, task, masks=()):
        raise Refused("this engine takes nothing")

    async def prepare(self, ctx, tasks):
        self.made.append(f"{len(tasks)} tasks")

    async def remove(self, ctx, target):
        return [f"what {self.made.pop()} needed"]


@pytest.fixture(autouse=True)
def _time_for_samples(monkeypatch):
    """A machine that stalls would have a sample given up, as it should; here they are to be there."""
    monkeypatch.setattr(sampling, "timed_sample", partial(timed_sample, within_s=60))


@pytest.fixture
def source(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="production")


@pytest.fixture
def target(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="staging")


@pytest.fixture
def running(project):
    """``async with running("rows = 10") as ctx``: with that in ``[hybrid]``."""

    def confiture_transfer_engines():
        yield Provider(name="crawling", target=f"{__name__}:Crawling", summary="a stranger's")
        yield Provider(name="flying", target=f"{__name__}:Flying", summary="and a swift one")
        yield Provider(name="refusing", target=f"{__name__}:Refusing", summary="another one's")

    def running(*lines: str):
        module = ModuleType("a_strangers_plugin")
        module.API_VERSION = API_VERSION
        module.confiture_transfer_engines = hookimpl(confiture_transfer_engines)
        registry = Registry()
        registry.register(module, "stranger")
        project.config("\n".join(("[hybrid]", *lines, "")))
        return open_context(project.root, registry=registry)

    return running


@pytest.fixture
def rows(source, target, psql) -> None:
    for place in (source, target):
        psql(place, "CREATE TABLE t (id int PRIMARY KEY, v text)")
    psql(source, "INSERT INTO t SELECT n, repeat('x', 50) FROM generate_series(1, 3000) AS n")


@pytest.fixture
def task(source, target, rows) -> Callable[..., TransferTask]:
    def task(query: str = "SELECT id, v FROM t", **values) -> TransferTask:
        given = {"table": "t", "columns": ("id", "v"), "query": query, "estimated_rows": 3000} | values
        return TransferTask(source=source, target=target, **given)

    return task


async def test_it_keeps_the_rules_of_engines(running, new_database):
    """Whatever it is given, one of the two does it."""
    async with running() as ctx:
        await check_transfer_engine(ctx, HybridEngine(), new_database(), new_database())


async def test_size_and_mapping_choose(running, task):
    """Each task by itself, in their order, and each answer says why."""
    tasks = [task(COMPLEX), task(estimated_rows=20_000_000), task(), task(COMPLEX, estimated_rows=20_000_000)]
    async with running("sample = false") as ctx:
        surveys = await ctx.get(TRANSFER, "hybrid").survey(ctx, tasks)
    assert [survey.engine for survey in surveys] == ["fdw", "copy", "fdw", "copy"]
    assert "complex mapping (calls functions): the rule" in surveys[0].because
    assert "simple mapping: the rule; COPY in binary" in surveys[1].because
    assert "by size" in surveys[2].because
    assert "by size" in surveys[3].because
    assert surveys[1].locks[0].startswith("source: ACCESS SHARE on t")
    assert {survey.rows_per_second for survey in surveys} == {None}


async def test_a_sample_of_the_users_own_rows(running, task, source, target, psql):
    """Both engines are timed; what they moved is taken back, their objects as well."""
    before = psql(target, COUNTS)
    async with running() as ctx:
        (survey,) = await ctx.get(TRANSFER, "hybrid").survey(ctx, [task(estimated_rows=5000)])
        assert FIGURES.search(survey.because), survey.because
        assert survey.rows_per_second > 0
        assert survey.bytes_per_second > survey.rows_per_second
        (unread,) = await ctx.get(TRANSFER, "hybrid").survey(ctx, [task(estimated_rows=5000)], sample=False)
    assert "sample" not in unread.because
    assert unread.rows_per_second is None
    assert psql(target, "SELECT count(*) FROM t") == "0"
    assert psql(target, "SELECT count(*) FROM pg_foreign_server") == "0"
    assert psql(target, COUNTS) == before


async def test_a_sample_overrules_the_rule(running, task):
    """The stranger's engine is the rule's, and crawls."""
    config = 'large = "crawling"', 'small = "flying"', "rows = 10"
    async with running(*config) as ctx:
        (survey,) = await ctx.get(TRANSFER, "hybrid").survey(ctx, [task(estimated_rows=5000)])
        assert survey.engine == "flying"
        assert "the rule says crawling, but flying is" in survey.because
        assert survey.rows_per_second == pytest.approx(100_000, rel=0.01)
    async with running(*config, "margin = 1e9") as ctx:
        (survey,) = await ctx.get(TRANSFER, "hybrid").survey(ctx, [task(estimated_rows=5000)])
        assert survey.engine == "crawling"
        assert survey.because.endswith("; it is crawling")


@pytest.mark.parametrize(
    ("config", "query", "values", "words"),
    [
        ("", None, {"estimated_rows": 4999}, "too few rows for a sample"),
        ("sample_seconds = 0", None, {}, "the time for samples is over"),
        ("", "SELECT id, v FROM t ORDER BY id", {}, "reads all rows before it gives the first"),
        ("", "SELECT id / 0, v FROM t", {}, "copy could not be sampled: "),
        ("", "SELECT id, v FROM t WHERE id < 0", {}, "copy moved no row"),
    ],
)
async def test_why_there_is_no_sample(running, task, config, query, values, words):
    """Then the rule or the size chooses, and no figure is made up."""
    asked = task(query or "SELECT id, v FROM t", **{"estimated_rows": 5000} | values)
    async with running(config) as ctx:
        (survey,) = await ctx.get(TRANSFER, "hybrid").survey(ctx, [asked])
    assert words in survey.because
    assert survey.obstacle is None
    assert survey.rows_per_second is None


async def test_the_largest_are_sampled_first(running, task):
    """There may not be time for all of them."""
    tasks = [task(estimated_rows=5000), task(estimated_rows=6000)]
    async with running("sample_seconds = 0.001") as ctx:
        small, large = await ctx.get(TRANSFER, "hybrid").survey(ctx, tasks)
    assert FIGURES.search(large.because)
    assert "the time for samples is over" in small.because


async def test_an_engine_that_cannot_is_out(running, task):
    """Whatever the rule says; where neither can, both say why."""
    async with running('small = "refusing"') as ctx:
        (survey,) = await ctx.get(TRANSFER, "hybrid").survey(ctx, [task(COMPLEX)])
        assert survey.engine == "copy"
        assert "refusing cannot: it does not take this query; COPY" in survey.because
        (survey,) = await ctx.get(TRANSFER, "hybrid").survey(ctx, [task("SELECT id::bigint, v FROM t")])
    assert "refusing cannot: " in survey.obstacle
    assert "copy cannot: column 'id'" in survey.obstacle
    assert "cast it" in survey.hint


async def test_rows_go_through_the_engine_that_can(running, task, target, psql):
    """A mask in the client is none for fdw."""
    mask = Mask(column="v", function=lambda value: b"masked")
    async with running() as ctx:
        report = await ctx.get(TRANSFER, "hybrid").transfer(ctx, task(COMPLEX), [mask])
    assert report.rows == 3000
    assert psql(target, "SELECT DISTINCT v FROM t") == "masked"


async def test_where_no_engine_takes_the_rows(running, task):
    """Both are named."""
    async with running('small = "refusing"', 'large = "refusing"') as ctx:
        with pytest.raises(Refused, match="'refusing'"):
            await ctx.get(TRANSFER, "hybrid").transfer(ctx, task())


async def test_what_engines_need_is_made_and_removed(running, task, target):
    """Only by those that need something."""
    async with running('small = "refusing"') as ctx:
        engine = ctx.get(TRANSFER, "hybrid")
        await engine.prepare(ctx, [task(), task()])
        assert tuple(await engine.remove(ctx, target)) == ("what 2 tasks needed",)


@pytest.mark.parametrize(
    ("line", "error"), [('small = "hybrid"', ConfigError), ('large = "cpy"', UnknownProvider), ("row = 3", ConfigError)]
)
async def test_slips_in_the_settings(running, task, line, error):
    """Itself, an engine that is not installed, a name that is none."""
    async with running(line) as ctx:
        with pytest.raises(error):
            await ctx.get(TRANSFER, "hybrid").survey(ctx, [task()])
