"""Rows that are not the same are found by their key, whatever the key, however the table is cut."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio

#: By kind of key: columns, the key, its values for the row number g, and whether ranges of it are read.
KEYS = {
    "int": ("id int", "id", "g", True),
    "uuid": ("id uuid", "id", "md5(g::text)::uuid", True),
    "composite": ('"A" int, at timestamptz', '"A", at', "g % 7, timestamptz '2024-01-01' + g * interval '1h'", True),
    "text": ("id text", "id", "'k,\"' || g", False),
    "mixed": ('"Odd.""k" text, n bool, i inet', '"Odd.""k", n, i', "g / 2, g % 2 = 0, '10.0.0.1'", False),
}  # fmt: skip
#: A value that is another one, two rows whose values are swapped, one that is gone, and one that is too many.
CHANGES = """
UPDATE "T x" SET v = v || '.' WHERE n_ = 17;
UPDATE "T x" SET v = CASE n_ WHEN 700 THEN 'value 701' ELSE 'value 700' END WHERE n_ IN (700, 701);
DELETE FROM "T x" WHERE n_ = 1203;
"""


def table(columns: str, key: str, values: str, rows: int = 1500) -> str:
    return (
        f'CREATE TABLE "T x" ({columns}, n_ int, v text, PRIMARY KEY ({key}));'
        f'INSERT INTO "T x" SELECT {values}, g, \'value \' || g FROM generate_series(1, {rows}) g; ANALYZE "T x";'
    )


def of_rows(psql, pair, key: str) -> list[tuple[str, ...]]:
    """By psql: key, row and side of what is on one side only."""
    names = ", ".join(f"format(chr(37) || 's', {name})" for name in key.split(", "))
    sql = f'SELECT jsonb_build_array({names}), t FROM "T x" t'
    ours, theirs = (dict(row.split("|") for row in psql(each, sql).splitlines()) for each in pair)
    found = dict.fromkeys(ours.keys() - theirs.keys(), "missing")
    found |= dict.fromkeys(theirs.keys() - ours.keys(), "unexpected")
    found |= {k: "different" for k in ours.keys() & theirs.keys() if ours[k] != theirs[k]}
    return sorted((how, k) for k, how in found.items())


@pytest.mark.parametrize("kind", KEYS)
async def test_changed_swapped_deleted_and_added_rows(validated, pair, psql, write, kind):
    columns, key, values, ranges = KEYS[kind]
    for each in pair:
        psql(each, table(columns, key, values))

    async def look(**options):
        found = await validated(lambda old, new: [write(old, new, "public.T x", plain_key=ranges)], **options)
        return found["public.T x"]

    same = await look(segment_rows=200)
    assert (same.ok, same.source_rows, same.target_rows) == (True, 1500, 1500)
    assert same.segments == (9 if ranges else 1)
    psql(pair[1], CHANGES + f"INSERT INTO \"T x\" SELECT {values.replace('g', '2000')}, 2000, 'more'")
    expected = of_rows(psql, pair, key)
    assert [how for how, _ in expected] == ["different", "different", "different", "missing", "unexpected"]
    # Cut by key, cut by buckets, and in one piece: always the same rows.
    for segment_rows in (200, 1_000_000):
        found = await look(segment_rows=segment_rows)
        assert sorted((each.how, each.key) for each in found.mismatches) == expected
        # As many rows as on the other side say nothing.
        assert (found.ok, found.differing, found.source_rows, found.target_rows) == (False, 5, 1500, 1500)
        assert not found.at_least


async def test_one_side_is_empty(validated, pair, psql):
    """All rows are missing, or unexpected; some of the keys are named."""
    for each in pair:
        psql(each, table("id int", "id", "g"))
    psql(pair[1], 'TRUNCATE "T x"')
    found = (await validated(max_keys=2))["public.T x"]
    assert (found.differing, found.source_rows, found.target_rows) == (1500, 1500, 0)
    assert [(each.how, each.key) for each in found.mismatches] == [("missing", '["1"]'), ("missing", '["2"]')]
    other = (await validated(sides=(pair[1], pair[0]), max_keys=1))["public.T x"]
    assert (other.differing, other.mismatches[0].how) == (1500, "unexpected")


async def test_more_rows_differ_than_are_kept(validated, pair, psql, write, monkeypatch):
    """They are counted all the same; where that takes too long, at least some of them, and it says so."""
    from confiture_schema_to_schema.validating import comparing

    for each in pair:
        psql(each, table("id int", "id", "g"))
    psql(pair[1], 'UPDATE "T x" SET v = \'other\' WHERE n_ > 100; DELETE FROM "T x" WHERE n_ > 1400')
    monkeypatch.setattr(comparing, "MOST_SUSPECTS", 50)
    monkeypatch.setattr(comparing, "_LISTED_ROWS", 300)
    found = (await validated(max_keys=3, segment_rows=400))["public.T x"]
    assert (found.differing, len(found.mismatches), found.at_least, found.ok) == (1400, 3, False, False)
    monkeypatch.setattr(comparing, "_COUNTED_ROWS", 100)
    found = (await validated(max_keys=3))["public.T x"]
    assert 100 <= found.differing < 1400
    assert (found.at_least, found.ok) == (True, False)


async def test_a_table_without_a_key(validated, pair, psql):
    """Rows that are there several times count that often; none can be named."""
    sql = "CREATE TABLE t (a int, b text); INSERT INTO t SELECT g % 3, nullif('x', 'x') FROM generate_series(1, 9) g;"
    for each in pair:
        psql(each, sql)
    assert (await validated())["public.t"].ok
    psql(pair[1], "DELETE FROM t WHERE ctid = '(0,1)'; INSERT INTO t VALUES (5, '')")
    found = (await validated())["public.t"]
    assert (found.differing, found.mismatches, found.source_rows, found.target_rows) == (2, (), 9, 9)
    psql(pair[1], "TRUNCATE t; INSERT INTO t SELECT 1, NULL FROM generate_series(1, 9)")
    assert (await validated())["public.t"].differing == 12


async def test_partitions_and_inheritance(validated, pair, psql, told):
    """A partitioned table is all of its partitions; what inherits from a table is none of its."""
    for each in pair:
        psql(
            each,
            """CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
            CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
            CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (1000);
            INSERT INTO p SELECT g, g FROM generate_series(1, 500) g; ANALYZE p;
            CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b () INHERITS (a);
            INSERT INTO a SELECT generate_series(1, 500); ANALYZE a""",
        )
    psql(pair[1], "UPDATE p SET v = 'x' WHERE id = 250; INSERT INTO b VALUES (1000)")
    found = await validated(segment_rows=100)
    assert (told(found["public.p"]), found["public.p"].target_rows) == ([("different", "250")], 500)
    assert found["public.p"].segments == 6
    assert (found["public.a"].ok, found["public.a"].target_rows) == (True, 500)
    assert told(found["public.b"]) == []
    assert found["public.b"].differing == 1


async def test_a_merge_and_a_split(validated, pair, psql, write, way, told):
    """The rows of all parts are compared with the table; a key that two of them give is one too many."""
    psql(
        pair[0],
        """CREATE TABLE users (id int PRIMARY KEY, name text); CREATE TABLE admins (nr bigint PRIMARY KEY, who text);
        INSERT INTO users SELECT g, 'u' || g FROM generate_series(1, 400) g;
        INSERT INTO admins SELECT g, 'a' || g FROM generate_series(401, 600) g; ANALYZE""",
    )
    psql(
        pair[1],
        """CREATE TABLE people (id bigint PRIMARY KEY, name text, admin bool);
        INSERT INTO people SELECT g, CASE WHEN g > 400 THEN 'a' ELSE 'u' END || g, g > 400
          FROM generate_series(1, 600) g; ANALYZE""",
    )

    def people(old, new):
        ways = [
            way(
                source="public.users",
                query="SELECT CAST(users.id AS bigint), users.name, false FROM public.users AS users",
            ),
            way(
                source="public.admins",
                query="SELECT admins.nr, admins.who, true FROM public.admins AS admins",
                plain={"id": "nr", "name": "who"},
            ),
        ]
        return [write(old, new, "public.people", ways)]

    assert (await validated(people))["public.people"].ok
    psql(pair[0], "INSERT INTO admins VALUES (7, 'a7'), (700, 'a700')")
    psql(pair[1], "INSERT INTO people VALUES (800, '', true)")
    found = (await validated(people, segment_rows=100))["public.people"]
    assert told(found) == [("different", "7"), ("missing", "700"), ("unexpected", "800")]
