"""What is in use: rows that differed are looked at again, and what the comparison costs whoever uses the source."""

from __future__ import annotations

import pytest

from confiture.kernel import Kernel
from confiture.transfer import reading
from confiture.transfer.splitting import LOW, UPPER
from confiture_schema_to_schema.cataloguing import read_catalog
from confiture_schema_to_schema.validating.hashing import Hashing, choose_hashing
from confiture_schema_to_schema.validating.relations import Compared
from confiture_schema_to_schema.validating.segments import plan_segments

pytestmark = pytest.mark.anyio

ROWS = (
    "CREATE TABLE t (id int PRIMARY KEY, v text);"
    "INSERT INTO t SELECT g, 'secret ' || g FROM generate_series(1, 300) g; ANALYZE t;"
)


async def test_rows_that_are_equal_by_then_are_no_mismatch(validated, pair, psql, told):
    """A source in use is read a moment before the target, or after it."""
    for each in pair:
        psql(each, ROWS)
    psql(pair[1], "UPDATE t SET v = 'old' WHERE id IN (3, 4); DELETE FROM t WHERE id = 7; INSERT INTO t VALUES (900)")

    def pauses():
        yield 0.0
        psql(pair[1], "UPDATE t SET v = 'secret 3' WHERE id = 3; DELETE FROM t WHERE id = 900")
        yield 0.0

    found = (await validated(pauses_s=pauses()))["public.t"]
    assert (told(found), found.differing, found.transient, found.ok) == (
        [("different", "4"), ("missing", "7")], 2, 2, False
    )  # fmt: skip

    def healed():
        psql(pair[1], "UPDATE t SET v = 'secret 4' WHERE id = 4; INSERT INTO t VALUES (7, 'secret 7')")
        yield 0.0

    found = (await validated(pauses_s=healed()))["public.t"]
    # Rows were counted before: 299 of them, and it is not the count that decides.
    assert (found.differing, found.transient, found.target_rows, found.ok) == (0, 2, 299, True)


@pytest.mark.parametrize("ranges", [True, False])
async def test_rows_that_are_changed_all_the_time(validated, pair, psql, write, told, ranges):
    """A row whose change has still to be brought over is pending where somebody knows of it, and else a mismatch."""
    for each in pair:
        psql(each, ROWS)
    psql(pair[0], "UPDATE t SET v = 'new' WHERE id < 4")
    asked = []

    async def newer(table, keys):
        asked.append((table, sorted(keys)))
        return {'["1"]', '["2"]'}

    found = await validated(
        lambda old, new: [write(old, new, "public.t", plain_key=ranges)], newer=newer, segment_rows=100
    )
    assert asked == [("public.t", ['["1"]', '["2"]', '["3"]'])]
    assert (told(found["public.t"]), found["public.t"].pending) == ([("different", "3")], 2)
    psql(pair[1], "UPDATE t SET v = 'new' WHERE id = 3")
    found = await validated(newer=newer)
    assert (found["public.t"].ok, found["public.t"].pending, found["public.t"].differing) == (True, 2, 0)


async def test_a_key_that_is_null_is_missing(validated, pair, psql, write, way, told):
    """It is in no range of keys, and not found by looking for it: it is found all the same."""
    for each in pair:
        psql(each, ROWS)

    def table(old, new):
        query = "SELECT t.id, t.v FROM public.t AS t UNION ALL SELECT NULL, 'x'"
        return [write(old, new, "public.t", [way(source="public.t", query=query, plain={"id": "id", "v": "v"})])]

    found = (await validated(table, segment_rows=100))["public.t"]
    assert (found.differing, found.mismatches[0].key, found.mismatches[0].how) == (1, "[null]", "missing")


async def test_an_index_serves_on_both_sides(project, pair, psql, write, way):
    """Ranges, and keys that are looked at again, are read by the index, within a mapped query too."""
    for each in pair:
        psql(each, ROWS.replace("300", "20000"))
        psql(each, "CREATE TABLE l (id int PRIMARY KEY, n text); INSERT INTO l VALUES (1, 'x'); ANALYZE l")
    async with (
        Kernel(project.root).run(env=None) as ctx,
        reading(ctx, pair[0], settings={LOW: '["100"]', UPPER: '["200"]'}) as one,
        reading(ctx, pair[1]) as other,
    ):
        old, new = await read_catalog(one, own_schema="public"), await read_catalog(other, own_schema="public")
        query = (
            "SELECT confiture_rows.a, CAST(confiture_rows.b AS text) FROM (SELECT t.id, upper(t.v) FROM public.t AS t"
            " LEFT JOIN public.l AS l ON l.id = t.id WHERE t.id > 0) AS confiture_rows(a, b)"
        )
        table = write(old, new, "public.t", [way(source="public.t", query=query, plain={"id": "id"})])
        compared = Compared(table=table, hashing=Hashing(), columns=("id", "v"), key=("id",))
        condition = (await plan_segments(other, compared, old, segment_rows=1000))[1].condition
        for sql in (compared.sums("source", condition), compared.bucket_sums("source", 8, condition)):
            plan = "\n".join(row[0] for row in await one.fetch("EXPLAIN " + sql))
            assert ("Index Scan" in plan, "Seq Scan on t" in plan) == (True, False), plan
        for side, connection in (("source", one), ("target", other)):
            sql = "EXPLAIN " + compared.looked_up(side).replace("$1", """'{"[\\"7\\"]"}'""")
            plan = "\n".join(row[0] for row in await connection.fetch(sql))
            assert ("Index Scan" in plan, "Seq Scan on t" in plan) == (True, False), plan


async def test_servers_of_other_encodings_and_the_other_hash(validated, pair, psql, project, new_database, told):
    """The bytes of a text are not the same in both; and where the servers' own hash is not, SHA-256 serves."""
    latin = new_database()
    psql(
        latin.with_database("postgres"),
        f'DROP DATABASE "{latin.database}"; CREATE DATABASE "{latin.database}" ENCODING LATIN1 LOCALE "C"'
        " TEMPLATE template0",
    )
    for each in (latin, pair[1]):
        psql(each, ROWS + "UPDATE t SET v = 'é' WHERE id < 3")
    async with Kernel(project.root).run(env=None) as ctx, reading(ctx, latin) as one, reading(ctx, pair[1]) as other:
        assert await choose_hashing(one, other) == Hashing(recode=True)
        assert await choose_hashing(other, other) == Hashing()
    assert (await validated(sides=(latin, pair[1])))["public.t"].ok
    psql(pair[1], "UPDATE t SET v = 'è' WHERE id = 2")
    assert told((await validated(sides=(latin, pair[1])))["public.t"]) == [("different", "2")]
    for recode in (True, False):
        hashing = Hashing(name="sha256", recode=recode)
        found = (await validated(sides=(latin, pair[1]), hashing=hashing))["public.t"]
        # Without being told that the encodings differ the other é is another value.
        expected = [("different", "2")] if recode else [("different", "1"), ("different", "2")]
        assert (told(found), found.hash) == (expected, "sha256")


async def test_what_cannot_be_compared_does_not_pass(validated, pair, psql, write, way):
    """Columns of another value each time are left out and named; a table of other rows each time is not ok."""
    for each in pair:
        psql(each, ROWS)

    def tables(query, volatile, **more):
        def make(old, new):
            plain = {"id": "id"}
            part = way(source="public.t", query=query, plain=plain, volatile=volatile, **more)
            return [write(old, new, "public.t", [part])]

        return make

    left_out = {
        "SELECT t.id, now()::text FROM public.t AS t": "now()",
        "SELECT t.id, 'x' || current_date FROM public.t AS t": "current_date",
        "SELECT t.id, 'today'::date::text FROM public.t AS t": "'today'",
        "SELECT q.a, CAST(q.b AS text) FROM (SELECT t.id, random() FROM public.t AS t) AS q(a, b)": "random()",
    }
    for query, name in left_out.items():
        found = (await validated(tables(query, (name,))))["public.t"]
        assert (found.left_out, found.ok, found.not_comparable) == (("v",), True, None)
    refused = {
        "SELECT t.id, t.v FROM public.t AS t WHERE random() < 2": "random()",
        "SELECT q.a, 'x' FROM (SELECT t.id, random() FROM public.t AS t) AS q(a, b) WHERE q.b < 2": "random()",
        "SELECT DISTINCT t.id, random()::text FROM public.t AS t": "random()",
        "WITH w AS (SELECT now() AS n) SELECT t.id, w.n::text FROM public.t AS t, w": "now()",
        "SELECT t.id, mine(t.v) FROM public.t AS t": "other()",
    }
    for query, name in refused.items():
        found = (await validated(tables(query, (name,))))["public.t"]
        assert (found.ok, found.differing) == (False, 0)
        assert name in (found.not_comparable or "")
    # Nobody said that it is volatile: it is found out.
    found = (await validated(tables("SELECT t.id, random()::text FROM public.t AS t", ())))["public.t"]
    assert not found.ok
    once = (
        "SELECT t.id, CASE WHEN t.id = 1 AND coalesce(current_setting('my.seen', true), '') = ''"
        " AND set_config('my.seen', 'x', true) = 'x' THEN '' ELSE t.v END FROM public.t AS t"
    )
    found = (await validated(tables(once, ())))["public.t"]
    assert (found.ok, found.not_comparable) == (False, "its query gives other rows each time")


async def test_an_error_of_the_query_holds_no_value(validated, pair, psql, write, way):
    """The table is not ok, the others are compared."""
    for each in pair:
        psql(each, ROWS + "CREATE TABLE u (id int PRIMARY KEY); INSERT INTO u VALUES (1)")
    query = "SELECT t.id, t.v::int::text FROM public.t AS t"

    def tables(old, new):
        return [write(old, new, "public.t", [way(source="public.t", query=query)]), write(old, new, "public.u")]

    found = await validated(tables, jobs=1)
    assert found["public.t"].not_comparable == "it could not be read: InvalidTextRepresentationError (22P02)"
    assert (found["public.t"].ok, found["public.u"].ok) == (False, True)
