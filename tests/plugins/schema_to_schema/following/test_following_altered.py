"""Somebody alters the old database while it is followed: what harms nobody passes, all else stops with its name."""

from __future__ import annotations

import anyio
import pytest
from anyio import to_thread

from confiture.errors import CaptureBroken, ConfitureError, StatementFailed
from confiture.model import Note, StepStarted
from conftest import run_psql

pytestmark = pytest.mark.anyio

LOG = '"Log ""T"".x"'
SPLIT = f"""
    DROP TABLE {LOG};
    CREATE TABLE {LOG} (at int, "K" text, line text, PRIMARY KEY (at, "K")) PARTITION BY RANGE (at);
    CREATE TABLE log_0 PARTITION OF {LOG} FOR VALUES FROM (0) TO (200);
"""


async def test_partitions_come_and_go(following):
    """Every night, in advance or with rows: they are taken in; no row is lost, and none stays that is gone."""
    following.write("CREATE TABLE log_c PARTITION OF " + LOG + " FOR VALUES FROM (95) TO (100)")
    run_psql(following.target, SPLIT)

    def narrow(event):
        if isinstance(event, StepStarted) and event.step == "schema-to-schema.rows":
            run_psql(following.target, "ALTER TABLE pets ADD CONSTRAINT narrow CHECK (id < 55) NOT VALID")

    with pytest.raises(ConfitureError, match="narrow"):
        await following.start(jobs=1, observers=[narrow])
    run_psql(following.target, "ALTER TABLE pets DROP CONSTRAINT narrow")
    following.write(f"ALTER TABLE {LOG} DETACH PARTITION log_b; DROP TABLE log_b")
    told = []
    await following.start(resume=True, observers=[told.append])
    assert following.differing() == {}
    assert any(isinstance(event, Note) and "is taken in" in event.message for event in told)

    async def altered(sql):
        told.clear()
        following.write(sql)
        report = await following.follow(observers=[told.append])
        assert following.differing() == {}
        assert any(isinstance(event, Note) and "is taken in" in event.message for event in told)
        return report.keys

    following.write(f"INSERT INTO {LOG} VALUES (1, 'd', 'told')")
    made = "CREATE TABLE {} PARTITION OF {} FOR VALUES FROM (200) TO ({})"
    following.write(f"{made.format('log_d', LOG, 300)}; INSERT INTO {LOG} VALUES (200, 'd', 'told')")
    with pytest.raises(StatementFailed) as failed:
        await following.follow()
    assert "no partition there takes a row" in str(failed.value.hint)
    run_psql(following.target, made.format("log_1", LOG, 500))
    assert (await following.follow()).keys == 2
    # Rows that no trigger has seen: those of one table that comes, and then of one that goes.
    assert (
        await altered(
            f"CREATE TABLE log_e (LIKE {LOG} INCLUDING ALL); INSERT INTO log_e VALUES (300, 'e', 'x'), (301, 'e', 'y');"
            f" ALTER TABLE {LOG} ATTACH PARTITION log_e FOR VALUES FROM (300) TO (400)"
        )
        == 2
    )
    await altered(f"ALTER TABLE {LOG} DETACH PARTITION log_a; DROP TABLE log_d")
    await altered(
        f"UPDATE log_a SET line = 'while it was away'; ALTER TABLE {LOG} ATTACH PARTITION log_a"
        f" FOR VALUES FROM (0) TO (50); ALTER TABLE {LOG} DETACH PARTITION log_e;"
        f" DELETE FROM log_e; ALTER TABLE {LOG} ATTACH PARTITION log_e FOR VALUES FROM (300) TO (400);"
        f" INSERT INTO log_c VALUES (95, 'c', 'last'); UPDATE {LOG} SET line = 'l' WHERE at = 2"
    )


async def test_what_else_is_altered_stops_it(following):
    """With the table's name, in whichever words; once it is taken back, or where it is a new column, it goes on."""
    await following.start()
    for sql, back in (
        ("ALTER TABLE cats RENAME TO felines", "ALTER TABLE felines RENAME TO cats"),
        ("ALTER TABLE cats ALTER id TYPE bigint", "ALTER TABLE cats ALTER id TYPE int"),
        ("ALTER TABLE cats ALTER name TYPE varchar(80)", "ALTER TABLE cats ALTER name TYPE text"),
        ("ALTER TABLE cats RENAME name TO called", "ALTER TABLE cats RENAME called TO name"),
        ("ALTER TABLE cats DROP CONSTRAINT cats_pkey", "ALTER TABLE cats ADD PRIMARY KEY (id)"),
    ):
        following.write(sql)
        for medium in ("schema-to-schema-follow", "schema-to-schema-cutover"):
            with pytest.raises(ConfitureError, match=r"public\.cats") as stopped:
                await following.start(medium)
            assert stopped.value.exit_code in (7, 8), sql
        following.write(back)
    following.write("ALTER TABLE cats ADD born date; ALTER TABLE users ADD age int DEFAULT 7")
    following.write("UPDATE cats SET born = '2020-02-02', name = 'older' WHERE id = 5")
    await following.follow()
    assert following.differing() == {}
    await _altered_while_it_is_at_work(following)
    following.write("ALTER TABLE users DROP boss")
    with pytest.raises(CaptureBroken, match=r"have changed since the migration began: public\.users"):
        await following.follow()
    with pytest.raises(CaptureBroken, match=r"public\.users"):
        await following.start("schema-to-schema-cutover")


async def _altered_while_it_is_at_work(following):
    """Between two looks at the definitions: a batch meets it. Who asks in the morning is told why it ended."""

    async def follow():
        with pytest.raises(CaptureBroken, match=r"have changed since the migration began: public\.cats"):
            await following.follow(until_caught_up=False)

    following.write("UPDATE cats SET name = 'before' WHERE id = 6")
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(follow)
            while await to_thread.run_sync(following.differing):
                await anyio.sleep(0.02)
            # Who follows is in this very process, and may read the table yet.
            altered = "ALTER TABLE cats RENAME name TO called; UPDATE cats SET called = 'after' WHERE id = 6"
            await to_thread.run_sync(following.write, altered)
    status = await following.start("schema-to-schema-status")
    assert "public.cats" in status.following.last_error
    following.write("ALTER TABLE cats RENAME called TO name")
    await following.follow()
    assert following.differing() == {}
    assert (await following.start("schema-to-schema-status")).following.last_error is None
