"""What the target would not take is told before a row is copied, for all tables at once, and never with a value."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from confiture.errors import Refused
from confiture.kernel import Kernel
from confiture.model import Target

pytestmark = pytest.mark.anyio

SECRET = "Zebedee-Quux"


@pytest.fixture
def pair(project, new_database: Callable[[], Target], monkeypatch) -> tuple[Target, Target]:
    monkeypatch.setenv("CONFITURE_ANONYMIZATION_KEY", "0123456789abcdef0123456789abcdef")
    pair = new_database(), new_database()
    for name, side in zip(("production", "local"), pair, strict=True):
        project.environment_for(side, name)
    return pair


@pytest.fixture
def tried(project, pair, psql):
    """``await tried(source_sql, target_sql, rules)``: a dry run's report; what is on the target has not changed."""
    objects = "SELECT count(*), sum(n_live_tup) FROM pg_class LEFT JOIN pg_stat_user_tables ON relid = oid"

    async def run(source: str, target: str, rules: str = "", **values):
        psql(pair[0], source)
        psql(pair[1], target)
        if rules:
            project.write("db/sync_config.yaml", rules)
        before = psql(pair[1], objects)
        try:
            async with Kernel(project.root).run(env="local") as run:
                return await run.start("sync", source="production", target="local", dry_run=True, **values)
        finally:
            assert psql(pair[1], objects) == before

    return run


async def refused(trial) -> Refused:
    with pytest.raises(Refused) as caught:
        await trial
    assert SECRET not in repr(caught.value.as_dict())
    return caught.value


PARTS = {
    "CHECK": (
        "CREATE TABLE t (id int, a text)",
        "CREATE TABLE t (id int, a text CONSTRAINT \"no dash\" CHECK (a !~ '-'))",
        ["constraint 'no dash'", "CHECK ((a !~ '-'::text))", "sync_config.yaml:1"],
    ),
    "a domain": (
        "CREATE TABLE t (id int, a text)",
        "CREATE DOMAIN d AS text CONSTRAINT short CHECK (length(VALUE) < 5); CREATE TABLE t (id int, a d)",
        ["constraint 'short'", "column 'a'", "sync_config.yaml:1"],
    ),
    "an enumeration": (
        "CREATE TYPE e AS ENUM ('Zebedee-Quux'); CREATE TABLE t (id int, a e)",
        "CREATE TYPE e AS ENUM ('other'); CREATE TABLE t (id int, a e)",
        ["column 'a'", "sync_config.yaml:1"],
    ),
    "a length": (
        "CREATE TABLE t (id int, a varchar(80))",
        "CREATE TABLE t (id int, a varchar(5))",
        ["too long for type character varying(5)", "column 'a'", "sync_config.yaml:1"],
    ),
    "NOT NULL": (
        "CREATE TABLE t (id int, a text)",
        "CREATE TABLE t (id int NOT NULL, a text)",
        ["column 'id'", "not-null"],
    ),
    "a unique index": (
        "CREATE TABLE t (id int, a text)",
        "CREATE TABLE t (id int, a text); CREATE UNIQUE INDEX odd_name ON t (a)",
        ["UNIQUE (a)", "sync_config.yaml:1"],
    ),
    "a deferred constraint": (
        "CREATE TABLE t (id int, a text)",
        "CREATE TABLE t (id int, a text, UNIQUE (a) DEFERRABLE INITIALLY DEFERRED)",
        ["UNIQUE (a)", "sync_config.yaml:1"],
    ),
    "another type": (
        "CREATE TABLE t (id bigint, a text)",
        "CREATE TABLE t (id int, a text)",
        ["column 'id' of '\"public\".\"t\"' is 'integer', and the query gives 'bigint'"],
    ),
}


@pytest.mark.parametrize("part", PARTS)
async def test_what_does_not_fit_is_named_with_its_rule(tried, part):
    source, target, words = PARTS[part]
    rows = f"; INSERT INTO t VALUES (1, '{SECRET}'), (NULL, '{SECRET}')"
    # A mask that does nothing: the value is what fails.
    rules = 'anonymize: {t: {a: {sql: "a", unique: allow_loss}}}'
    error = await refused(tried(source + rows, target, rules))
    assert "public.t" in error.message
    for word in words:
        assert word in str(error)


async def test_all_tables_are_told_of_at_once(tried):
    source = """
        CREATE TABLE a (id int); CREATE TABLE b (x text, y text); CREATE TABLE c (id int); CREATE TABLE d (id int);
        INSERT INTO a VALUES (1); INSERT INTO b VALUES ('Zebedee-Quux', 'y'); INSERT INTO c VALUES (NULL);
        INSERT INTO d VALUES (1)
    """
    target = """
        CREATE TABLE a (id bigint); CREATE TABLE b (x varchar(5), y text); CREATE TABLE c (id int NOT NULL);
        CREATE TABLE d (id int)
    """
    error = await refused(tried(source, target))
    assert error.message.startswith("the target would not take the rows of 3 tables:\n")
    assert [line.partition(":")[0] for line in error.message.splitlines()[1:]] == ["public.a", "public.b", "public.c"]


async def test_what_fits_passes(tried):
    both = """
        CREATE SCHEMA "Mixed.Case";
        CREATE TABLE "Mixed.Case"."My ""Table" ("Id" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "E Mail" text UNIQUE,
            twice int GENERATED ALWAYS AS ("Id" * 2) STORED);
        CREATE TABLE parts (id int, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')
    """
    rows = """
        ; INSERT INTO "Mixed.Case"."My ""Table" ("E Mail") SELECT 'Zebedee-Quux' || i FROM generate_series(1, 1500) i;
        INSERT INTO parts SELECT i, '2024-05-05' FROM generate_series(1, 20) i
    """
    rules = """anonymize: {'"Mixed.Case"."My ""Table"': {'"E Mail"': 'u{"Id"}@example.com'}}"""
    report = await tried(both + rows, both, rules)
    assert len(report.tables) == 2


async def test_only_the_first_thousand_rows_are_tried(tried):
    """What is found there is the usual; the copy itself finds the rest, and takes it back."""
    source = "CREATE TABLE t (a text); INSERT INTO t SELECT repeat('xx', i / 1001) FROM generate_series(1, 1500) i"
    await tried(source, "CREATE TABLE t (a varchar(1))")


async def test_rows_that_are_not_chosen_are_not_tried(tried):
    source = "CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'Zebedee-Quux'), (2, 'ok')"
    target = "CREATE TABLE t (id int PRIMARY KEY, a varchar(5))"
    await tried(source, target, where={"t": "id = 2"})
