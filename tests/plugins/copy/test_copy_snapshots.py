"""All transfers of one snapshot see the same rows, while others write."""

from __future__ import annotations

import anyio
import msgspec
import pytest

from confiture.errors import ConnectionLost, ExecutionError
from confiture.model import Statement
from confiture.transfer import exported_snapshot, reading, split_by_key, split_by_place

pytestmark = pytest.mark.anyio

#: Moves money between two tables, so that the sum is right in every snapshot, and in no mix of two.
MOVE = """
WITH taken AS (UPDATE a SET v = v - 1 WHERE id = %(id)s RETURNING 1) UPDATE b SET v = v + 1 WHERE id = %(id)s;
INSERT INTO a SELECT max(id) + 1, 0 FROM a; INSERT INTO b SELECT max(id) + 1, 0 FROM b;
"""


@pytest.mark.parametrize("chunks", ["by place", "by key"])
async def test_tables_copied_in_chunks_while_a_writer_runs_are_of_one_moment(
    ctx, transfer, both, psql, source, target, chunks
):
    """Each chunk by a session of its own, with pauses between them; nothing twice, nothing left out."""
    both("CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (id int PRIMARY KEY, v int)")
    psql(source, "INSERT INTO a SELECT n, 1000 FROM generate_series(1, 20000) AS n; INSERT INTO b SELECT id, 0 FROM a")
    writes = 0

    async def write() -> None:
        nonlocal writes
        async with ctx.connect(source) as connection:
            while True:
                await connection.execute(MOVE % {"id": writes % 20000 + 1})
                writes += 1

    async with anyio.create_task_group() as group:
        group.start_soon(write)
        await anyio.sleep(0.2)
        async with exported_snapshot(ctx, source) as snapshot:
            for table in ("a", "b"):
                async with snapshot.session() as connection:
                    rows = await connection.fetchval(f"SELECT count(*) FROM {table}")
                    if chunks == "by place":
                        parts = await split_by_place(connection, table, chunk_bytes=100_000)
                    else:
                        parts = await split_by_key(connection, table, ["id"], chunks=7)
                assert len(parts) > 5
                copied = 0
                for part in parts:
                    enough = writes + 2
                    while writes < enough:
                        await anyio.sleep(0.005)
                    query = f"SELECT * FROM {part.relation} WHERE {part.condition}"
                    values = {"snapshot": snapshot.id, "settings": part.settings, "query": query}
                    copied += (await transfer("id, v", table=table, **values)).rows
                assert copied == rows
        group.cancel_scope.cancel()
    assert psql(target, "SELECT sum(v) FROM (TABLE a UNION ALL TABLE b) AS all_rows") == str(20_000_000)
    assert psql(target, "SELECT (SELECT max(id) FROM a) = (SELECT max(id) FROM b)") == "t"
    assert writes > 20


async def test_a_snapshot_that_is_gone_is_told(transfer, both, ctx, source):
    """Its session has ended, or it never was one."""
    both("CREATE TABLE t (v int)")
    async with exported_snapshot(ctx, source) as snapshot:
        assert (await transfer("v", snapshot=snapshot.id)).rows == 0
    for name in (snapshot.id, "x'; DROP TABLE t; --"):
        with pytest.raises(ExecutionError, match=r"the snapshot .* of 'production' is not there"):
            await transfer("v", snapshot=name)


async def test_the_leading_session_is_kept_alive_and_its_loss_ends_the_block(ctx, both, psql, source):
    """A pooler or a firewall would cut it; when it is lost, nobody can import the snapshot any more."""
    with anyio.fail_after(60), pytest.raises(ConnectionLost, match="holds the snapshot"):
        async with exported_snapshot(ctx, source, keep_alive_s=0.05) as snapshot:
            async with snapshot.session() as connection:
                session = f"FROM pg_stat_activity WHERE pid = {connection.get_server_pid()}"
            # What it said last, and when; it is idle between two statements.
            said = f"SELECT query_start, query {session} AND state = 'idle in transaction'"
            while not (first := psql(source, said)):
                await anyio.sleep(0.02)
            while (second := psql(source, said)) in ("", first):
                await anyio.sleep(0.02)
            assert second.endswith("|SELECT 1")
            psql(source, f"SELECT pg_terminate_backend(pid) {session}")
            await anyio.sleep(60)


async def test_what_the_block_raises_comes_out_as_it_is(ctx, source):
    """Callers catch errors, not groups of them."""
    with pytest.raises(ZeroDivisionError):
        async with exported_snapshot(ctx, source):
            raise ZeroDivisionError


async def test_reading_writes_nothing_and_pins_the_forms(ctx, psql, source):
    """Not even by a function that the query calls."""
    psql(source, "CREATE TABLE t (v int)")
    psql(source, f"ALTER DATABASE \"{source.database}\" SET DateStyle = 'German'")
    async with reading(ctx, source, settings={"my.key": "it's"}) as connection:
        shown = await connection.fetchrow("SELECT date '2020-01-31'::text, current_setting('my.key')")
        assert tuple(shown) == ("2020-01-31", "it's")
        with pytest.raises(Exception, match="read-only"):
            await connection.execute("INSERT INTO t VALUES (1)")
    async with ctx.connect(source) as connection:
        with pytest.raises(ExecutionError, match="'work_mem'") as caught:
            async with reading(ctx, source, settings={"work_mem": "secret"}):
                pass
    assert "secret" not in str(caught.value.as_dict())


async def test_a_transfer_through_a_transaction_mode_pooler(transfer, both, psql, source, target, pooled, ctx):
    """No statement is kept on a server session that another client has a moment later."""
    both("CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (v int, m mood)")
    psql(source, "INSERT INTO t SELECT n, 'ok' FROM generate_series(1, 10) AS n")
    through = [msgspec.structs.replace(pooled, label="p").with_database(place.database) for place in (source, target)]
    before = (Statement(sql="TRUNCATE t"),)
    for _ in range(3):
        report = await transfer("v, m", source=through[0], target=through[1], before=before)
        assert report.rows == 10
    assert psql(target, "SELECT count(*) FROM t") == "10"
