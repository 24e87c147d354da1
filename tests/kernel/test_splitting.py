"""Chunks hold every row exactly once, whatever the table is; psql counts."""

from __future__ import annotations

import pytest

from confiture.errors import Refused
from confiture.testing import open_context
from confiture.transfer import reading, split_by_key, split_by_place

pytestmark = pytest.mark.anyio


@pytest.fixture
async def connection(project, database):
    """Made when the test has filled its tables."""
    async with open_context(project.root) as ctx:
        yield lambda: reading(ctx, database)


async def rows_of(connection, chunks, columns="*"):
    """All rows of all chunks, as texts, and how many each has."""
    found, counts = [], []
    for chunk in chunks:
        for name, value in chunk.settings.items():
            await connection.execute("SELECT set_config($1, $2, true)", name, value)
        query = f"SELECT r::text FROM (SELECT {columns} FROM {chunk.relation} WHERE {chunk.condition}) AS r"
        rows = [row[0] for row in await connection.fetch(query)]
        found += rows
        counts.append(len(rows))
    return sorted(found), counts


async def check(connection, chunks, relation, *, columns="*"):
    """Every row once; how many there are in each chunk."""
    found, counts = await rows_of(connection, chunks, columns)
    query = f"SELECT r::text FROM (SELECT {columns} FROM {relation}) AS r"
    assert found == sorted(row[0] for row in await connection.fetch(query))
    return counts


@pytest.mark.parametrize("chunk_bytes", [1, 8192, 100_000, 10**9])
async def test_by_place_every_row_is_in_one_chunk(connection, database, psql, chunk_bytes):
    """With holes at the beginning, in the middle and at the end, and rows that moved."""
    psql(database, 'CREATE TABLE "T t" (id int, v text)')
    psql(database, """INSERT INTO "T t" SELECT n, repeat('x', 100) FROM generate_series(1, 5000) AS n""")
    psql(database, 'DELETE FROM "T t" WHERE id < 500 OR id BETWEEN 2000 AND 2500 OR id > 4800')
    psql(database, """UPDATE "T t" SET v = 'moved' WHERE id % 7 = 0; ANALYZE "T t" """)
    async with connection() as session:
        chunks = await split_by_place(session, '"T t"', chunk_bytes=chunk_bytes)
        counts = await check(session, chunks, '"T t"')
        pages = await session.fetchval("""SELECT pg_relation_size('"T t"') / 8192""")
    assert len(counts) == -(-pages // max(chunk_bytes // 8192, 1))
    total = sum(chunk.estimated_rows for chunk in chunks)
    assert chunk_bytes == 1 or abs(total - sum(counts)) <= len(chunks)


async def test_by_place_uses_a_range_scan(connection, database, psql):
    """Reading the whole table for each chunk would be no gain."""
    psql(database, "CREATE TABLE t AS SELECT n, repeat('x', 500) FROM generate_series(1, 20000) AS n; ANALYZE t")
    async with connection() as session:
        chunks = await split_by_place(session, "t", chunk_bytes=1 << 20)
        plan = await session.fetch(f"EXPLAIN SELECT * FROM {chunks[2].relation} WHERE {chunks[2].condition}")
    assert any("Tid Range Scan" in row[0] for row in plan)


async def test_by_place_partitions_and_children_are_tables_of_their_own(connection, database, psql):
    """Of a partitioned table all leaves; of a parent only what is its own, so that no row is copied twice."""
    psql(
        database,
        'CREATE TABLE p (id int, v text) PARTITION BY RANGE (id); CREATE SCHEMA "S s";'
        'CREATE TABLE "S s"."P 1" PARTITION OF p FOR VALUES FROM (1) TO (1000);'
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (1000) TO (3000) PARTITION BY HASH (id);"
        "CREATE TABLE p2a PARTITION OF p2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE p2b PARTITION OF p2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "INSERT INTO p SELECT n, repeat('x', 200) FROM generate_series(1, 2999) AS n;"
        "CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent);"
        "INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3);"
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM p; CREATE VIEW w AS SELECT * FROM p; CREATE TABLE empty (a int)",
    )
    async with connection() as session:
        chunks = await split_by_place(session, "p", chunk_bytes=50_000)
        await check(session, chunks, "p")
        assert {chunk.relation for chunk in chunks} == {"ONLY public.p2a", "ONLY public.p2b", 'ONLY "S s"."P 1"'}
        await check(session, await split_by_place(session, "parent", chunk_bytes=1), "ONLY parent")
        for name in ("m", "w", "empty"):
            await check(session, await split_by_place(session, name, chunk_bytes=50_000), name)
        with pytest.raises(Refused, match="no table 'nowhere'"):
            await split_by_place(session, "nowhere", chunk_bytes=1)


KEYS = {
    "int": "n - 2000",
    "bigint": "n * 1000000000000",
    "text": "md5(n::text)",
    "text with quotes": "E'it''s \\\\ \"' || n",
    "uuid": "md5(n::text)::uuid",
    "timestamptz": "timestamptz '2020-01-01' + n * interval '1.000001 s'",
    "date": "date '1900-01-01' + n % 300",
    "numeric": "n / 7.0",
    "float": "CASE n WHEN 1 THEN 'NaN' WHEN 2 THEN 'Infinity' ELSE sqrt(n) END",
    "enum": "(ARRAY['b', 'a', 'C c'])[n % 3 + 1]::mood",
    "domain": "n::positive",
    "char(5)": "(n % 50)::text::char(5)",
    "bytea": "decode(md5(n::text), 'hex')",
    "one value": "1",
    "half of them NULL": "nullif(n % 2, 0) * n",
    "all NULL": "NULL::int",
}


@pytest.mark.parametrize("key", KEYS)
async def test_by_key_every_row_is_in_one_chunk(connection, database, psql, key):
    """Of any type with an order, with duplicates and NULLs; the chunks are about as big as each other."""
    psql(database, "CREATE TYPE mood AS ENUM ('b', 'a', 'C c'); CREATE DOMAIN positive AS int CHECK (VALUE > 0)")
    psql(database, f'CREATE TABLE t AS SELECT {KEYS[key]} AS "K k", n FROM generate_series(1, 3000) AS n; ANALYZE t')
    async with connection() as session:
        chunks = await split_by_key(session, "t", ["K k"], chunks=8)
        counts = await check(session, chunks, "t")
    if key in ("int", "text", "uuid", "timestamptz", "float", "domain", "bytea"):
        assert (len(counts), max(counts) - min(counts) <= 1) == (8, True)
    assert all("'" not in chunk.condition.replace("'confiture.chunk_", "").replace("')", "") for chunk in chunks)


async def test_by_several_columns_of_which_some_are_null(connection, database, psql):
    """(1, NULL) is below (2, 1) and not below (1, 2): it must be in one chunk all the same."""
    psql(database, "CREATE TABLE t (a int, b text, n int)")
    psql(
        database,
        "INSERT INTO t SELECT nullif(n % 7, 0), nullif(chr(97 + n % 26), 'c'), n FROM generate_series(1, 2000) AS n",
    )
    async with connection() as session:
        for key in (["a", "b"], ["b", "a"], ["a", "b", "n"]):
            chunks = await split_by_key(session, "t", key, chunks=6)
            assert len(chunks) == 6
            await check(session, chunks, "t")


async def test_a_chunk_is_cut_itself(connection, database, psql):
    """What takes its place has its rows, each once: the first one's, a middle one's, the last one's, with NULLs."""
    psql(database, 'CREATE TABLE t (a int, "B b" text)')
    psql(
        database, "INSERT INTO t SELECT nullif(n % 97, 0), nullif(chr(97 + n % 26), 'c') FROM generate_series(1, 900) n"
    )
    async with connection() as session:
        for key, alias in ((["a"], ""), (["a", "B b"], "t")):
            chunks = await split_by_key(session, "t", key, chunks=3, alias=alias)
            for chunk in chunks:
                expected, _ = await rows_of(session, [chunk])
                pieces = await split_by_key(session, "t", key, chunks=4, alias=alias, within=chunk)
                found, counts = await rows_of(session, pieces)
                assert found == expected
                assert (len(counts), min(counts) > 30) == (4, True)
                assert sum(piece.estimated_rows for piece in pieces) <= chunk.estimated_rows


async def test_by_key_within_a_join_every_column_is_the_table_s_own(connection, database, psql):
    """The other side of the join has columns of the same names, with other values."""
    psql(database, 'CREATE TABLE t (a int, "B b" text)')
    psql(
        database, "INSERT INTO t SELECT nullif(n % 7, 0), nullif(chr(97 + n % 26), 'c') FROM generate_series(1, 900) n"
    )
    joined = "(SELECT 1 AS a, 'x'::text AS \"B b\") AS other"
    async with connection() as session:
        expected = [row[0] for row in await session.fetch("SELECT t::text FROM t ORDER BY t::text")]
        for key in (["a"], ["a", "B b"], ["B b", "a"]):
            chunks, found = await split_by_key(session, "t", key, chunks=5, alias='"T t"'), []
            for chunk in chunks:
                for name, value in chunk.settings.items():
                    await session.execute("SELECT set_config($1, $2, true)", name, value)
                query = f'SELECT "T t"::text FROM {chunk.relation} AS "T t" CROSS JOIN {joined} WHERE {chunk.condition}'
                found += [row[0] for row in await session.fetch(query)]
            assert (len(chunks), sorted(found)) == (5, sorted(expected))


async def test_by_key_of_a_big_table_takes_a_sample_and_uses_the_index(connection, database, psql):
    """The bounds come from some pages; each chunk reads its own part of the table."""
    psql(database, "CREATE TABLE t AS SELECT n AS id, repeat('x', 20) AS v FROM generate_series(1, 300000) AS n")
    psql(database, "ALTER TABLE t ADD PRIMARY KEY (id); ANALYZE t")
    async with connection() as session:
        chunks = await split_by_key(session, "t", ["id"], chunks=10)
        counts = await check(session, chunks, "t", columns="id")
        assert len(counts) == 10
        assert max(counts) < 60_000
        for name, value in chunks[4].settings.items():
            await session.execute("SELECT set_config($1, $2, true)", name, value)
        plan = await session.fetch(f"EXPLAIN SELECT * FROM {chunks[4].relation} WHERE {chunks[4].condition}")
    assert any("Index" in row[0] for row in plan)
    assert [chunk.estimated_rows for chunk in chunks] == [30_000] * 10


async def test_by_key_of_partitions_and_of_a_parent_alone(connection, database, psql):
    """A partitioned table is one by its key; ``only`` leaves out what inherits."""
    psql(
        database,
        "CREATE TABLE p (id int) PARTITION BY HASH (id);"
        "CREATE TABLE pa PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE pb PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "INSERT INTO p SELECT generate_series(1, 1000);"
        "CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent);"
        "INSERT INTO parent SELECT generate_series(1, 100); INSERT INTO child SELECT generate_series(1, 100)",
    )
    async with connection() as session:
        assert len(await check(session, await split_by_key(session, "p", ["id"], chunks=4), "p")) == 4
        await check(session, await split_by_key(session, "parent", ["id"], chunks=4, only=True), "ONLY parent")
        await check(session, await split_by_key(session, "parent", ["id"], chunks=4), "parent")
        assert len(await split_by_key(session, "p", ["id"], chunks=1)) == 1
        with pytest.raises(Refused, match="no column 'nope'"):
            await split_by_key(session, "p", ["nope"], chunks=2)


async def test_partitions_that_may_not_be_read_by_themselves_are_read_through_their_table(connection, database, psql):
    """Privileges on a partitioned table are enough to read it, and say nothing of its partitions."""
    psql(database, "CREATE TABLE p (id int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p DEFAULT")
    psql(database, "INSERT INTO p SELECT generate_series(1, 1000); GRANT SELECT ON p TO pg_monitor")
    psql(database, "CREATE TABLE t AS SELECT 1 AS id, 2 AS secret; GRANT SELECT (id) ON t TO pg_monitor")
    async with connection() as session:
        assert len(await split_by_place(session, "p", chunk_bytes=8192)) > 1
        await session.execute("SET LOCAL ROLE pg_monitor")
        chunks = await split_by_place(session, "p", chunk_bytes=8192)
        assert await check(session, chunks, "p") == [1000]
        assert await check(session, await split_by_place(session, "t", chunk_bytes=1), "t", columns="id") == [1]


async def test_by_place_a_chunk_tells_its_relations_file(connection, database, psql):
    """Places hold as long as that is the same: VACUUM FULL moves every row."""
    psql(database, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS id")
    files = set()
    for _ in range(2):
        async with connection() as session:
            (chunk,) = await split_by_place(session, "t", chunk_bytes=10**9)
            assert chunk.filenode == await session.fetchval("SELECT pg_relation_filenode('t')")
            files.add(chunk.filenode)
        psql(database, "VACUUM FULL t")
    assert len(files) == 2


async def test_by_place_long_values_count(connection, database, psql):
    """They are kept apart from their rows, of which a page has many."""
    psql(database, "CREATE TABLE t (id int, v text); ALTER TABLE t ALTER v SET STORAGE EXTERNAL")
    psql(database, "INSERT INTO t SELECT n, repeat('x', 100000) FROM generate_series(1, 400) AS n")
    async with connection() as session:
        chunks = await split_by_place(session, "t", chunk_bytes=20 << 20)
        assert 2 <= len(chunks) <= 3
        await check(session, chunks, "t", columns="id")
