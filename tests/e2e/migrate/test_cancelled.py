"""``up`` is cancelled while it waits, at one await after the other: no lock, no session, no step unrecorded."""

from __future__ import annotations

import time

import pytest

from cancelling import cancelled_at

pytestmark = pytest.mark.anyio

FILES = {
    "001_a.up.sql": "CREATE TABLE a (id int);\n",
    "002_b.up.sql": "CREATE TABLE b (id int);\nCREATE INDEX CONCURRENTLY i ON b (id);\n"
    "CREATE INDEX CONCURRENTLY j ON b (id);\nDROP INDEX CONCURRENTLY j;\nCREATE TABLE b2 ();\n",
    "003_c.up.sql": "COPY a FROM stdin;\n1\n\\.\nCREATE TABLE c ();\n",
}
#: What the history says is there, and what is there.
TABLES = {"001": {"a"}, "002": {"b", "b2"}, "003": {"c"}}
LEFT = (
    "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (datname = current_database()"
    " OR pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory'"
    "  AND (classid::bigint << 32) | objid::bigint = hashtextextended('confiture:migrate ' || current_database(), 0)))"
)
STANDS = (
    "SELECT version, state FROM (SELECT DISTINCT ON (version) * FROM confiture.confiture_migrations"
    " ORDER BY version, (state = 'applied') DESC, id DESC) h"
)


def _check(psql, target, number):
    # A connection that was cut off is seen by its server process a moment later.
    deadline = time.monotonic() + 60
    while psql(target, LEFT) != "0":
        assert time.monotonic() < deadline, f"a session or a lock is left after await {number}"
        time.sleep(0.02)
    there = set(psql(target, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'").split())
    stands = {}
    if psql(target, "SELECT to_regclass('confiture.confiture_migrations')"):
        stands = dict(line.split("|") for line in psql(target, STANDS).split())
    for version, tables in TABLES.items():
        if stands.get(version) == "applied":
            assert tables <= there, f"{version} is recorded and not there after await {number}"
        elif stands.get(version) == "started" and version == "002":
            assert there & tables == {"b"}, f"{version} is half-way after await {number}"
        else:
            assert not tables & there, f"{version} is there and not recorded after await {number}"


async def test_cancelled_at_one_await_after_the_other(project, kernel_run, database, psql):
    """Every fifth await, each on an empty database, and then ``up`` goes on to the end."""
    for name, text in FILES.items():
        project.write(f"db/migrations/{name}", text)

    async def up():
        async with kernel_run(project) as run:
            await run.start("up")

    number, cancelled = 1, True
    while cancelled:
        cancelled = await cancelled_at(up, number)
        _check(psql, database, number)
        await up()
        assert psql(database, "SELECT count(*) FROM a, pg_index WHERE indexrelid = 'i'::regclass AND indisvalid") == "1"
        psql(database, "DROP SCHEMA IF EXISTS confiture CASCADE; DROP TABLE a, b, b2, c")
        number += 5
    assert number > 60
