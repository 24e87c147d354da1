"""PostgreSQL 15 on both sides: what is asked of catalogs there, and what comes back there."""

from __future__ import annotations

import pytest

from confiture_schema_to_schema.creating import Staging, new_schema
from plugins.catalog.test_old_server import old_server

__all__ = ["old_server"]

pytestmark = pytest.mark.anyio

TABLES = """
CREATE TABLE users (id serial PRIMARY KEY, mail text{unique}, age int CHECK (age > 0));
CREATE TABLE posts (id int, kind text, author int REFERENCES users, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE posts_a PARTITION OF posts DEFAULT;
"""


async def test_rows_are_found_and_indexes_come_back_on_15(old_server, ctx, psql, check):
    psql(old_server, "CREATE DATABASE production; CREATE DATABASE new")
    source, target = old_server.with_database("production"), old_server.with_database("new")
    psql(source, TABLES.format(unique=""))
    psql(source, "INSERT INTO users (mail) VALUES ('a'), ('a'), (NULL)")
    psql(target, TABLES.format(unique=" NOT NULL UNIQUE"))
    found = await check(source=source, compiled_from=source, target=target, schema=target)
    assert [each for each in found.findings if each.level == "error"] == list(found.findings)
    assert found.of("unique") == [("error", 2, ('["1"]', '["2"]'))]
    assert found.of("not-null") == [("error", 1, ('["3"]',))]
    async with new_schema(ctx, found.job.sides) as (place, exists):
        assert (place, exists) == (target, True)
    keys = "SELECT string_agg(conname || convalidated, ',' ORDER BY conname) FROM pg_constraint WHERE contype = 'f'"
    before = psql(target, keys)
    stage = Staging(ctx, found.job, 1)
    await stage.take_off()
    assert psql(target, keys) == ""
    psql(target, "INSERT INTO users VALUES (1, 'a', 1); INSERT INTO posts VALUES (1, 'a', 1)")
    await stage.finish()
    assert psql(target, keys) == before
    assert psql(target, "INSERT INTO users (mail) VALUES ('b') RETURNING id") == "4"
