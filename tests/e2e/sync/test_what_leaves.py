"""What goes over the wire, what the servers log, and what they show of their sessions: no value, no key."""

from __future__ import annotations

import anyio
import pytest

from confiture.model import Progress
from conftest import run_psql
from e2e.sync.pairs import KEY, Pair, digest
from e2e.sync.tap import Tap

pytestmark = pytest.mark.anyio

SCHEMA = """
CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, name text, phone text, profile jsonb);
CREATE TABLE posts (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, body text)
"""
RULES = """
anonymize:
  users:
    email: "user_{id}@example.com"
    name: {pseudonym: {}}
    phone: "+1-555-{random(4)}"
    profile: {json: {paths: {mail: {email: {}}}}}
"""
ROWS = """
INSERT INTO users SELECT i, 'Zebedee' || i || '@secretcorp.io', 'Zebedee Q' || i, '+49 7777 ' || i,
       jsonb_build_object('mail', 'Zebedee' || i || '@secretcorp.io') FROM generate_series(1, 300) i;
INSERT INTO posts SELECT i, i, 'words' FROM generate_series(1, 300) i
"""


async def test_no_personal_value_leaves_the_source(pair: Pair) -> None:
    pair.schema(SCHEMA)
    pair.on_source(ROWS)
    pair.rules(RULES)
    with Tap(pair.source) as tap:
        pair.project.environment_for(tap.target, "production")
        report = await pair.sync()
    assert report.exit_code == 0
    assert {table.table: table.rows for table in report.tables} == {"public.users": 300, "public.posts": 300}
    assert b"user_17@example.com" in tap.heard  # it does hear what passes
    for original in (b"Zebedee", b"secretcorp", b"49 7777"):
        assert original not in tap.heard
    assert KEY.encode() not in tap.said


async def test_no_key_and_no_value_is_in_sessions_and_reports(pair: Pair) -> None:
    import msgspec

    pair.schema(SCHEMA)
    pair.on_source(ROWS)
    pair.rules(RULES)
    seen: set[str] = set()
    done = anyio.Event()

    def look(event: object = None) -> None:
        # Where rows are told of, the COPY is the last that both of its sessions have said.
        if event is None or isinstance(event, Progress):
            for side in (pair.source, pair.target):
                seen.update(run_psql(side, _ACTIVITY).splitlines())

    async def watch() -> None:
        while not done.is_set():
            await anyio.to_thread.run_sync(look)
            await anyio.sleep(0.02)

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        report = await pair.sync(observers=[look])
        done.set()
    shown = msgspec.json.encode(report).decode() + repr(report)
    for text in (*seen, shown):
        assert KEY not in text
        assert KEY.encode().hex() not in text
        assert "Zebedee" not in text
        assert "secretcorp" not in text
    assert any(text.startswith("COPY (SELECT") and "users" in text for text in seen)
    assert any(text.startswith("COPY public.users") or 'COPY "public"."users"' in text for text in seen)


_ACTIVITY = """SELECT regexp_replace(query, E'\\\\s+', ' ', 'g') FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()"""


async def test_all_tables_are_of_one_moment(pair: Pair) -> None:
    # Money moves from account to account meanwhile, and from one table to the other: the sum is always the same.
    pair.schema("CREATE TABLE a (id int PRIMARY KEY, m bigint); CREATE TABLE b (id int PRIMARY KEY, m bigint)")
    pair.on_source("INSERT INTO a SELECT i, 100 FROM generate_series(1, 20000) i; INSERT INTO b SELECT * FROM a")
    stop = anyio.Event()

    async def move() -> None:
        while not stop.is_set():
            await anyio.to_thread.run_sync(
                run_psql,
                pair.source,
                "BEGIN; UPDATE a SET m = m - 7 WHERE id % 97 = 3; UPDATE b SET m = m + 7 WHERE id % 97 = 3; COMMIT",
            )

    async with anyio.create_task_group() as group:
        group.start_soon(move)
        report = await pair.sync(jobs=2)
        stop.set()
    assert report.exit_code == 0
    assert pair.on_target("SELECT (SELECT sum(m) FROM a) + (SELECT sum(m) FROM b)") == "4000000"


async def test_the_source_is_as_it_was(pair: Pair) -> None:
    pair.schema(SCHEMA)
    pair.on_source(ROWS)
    pair.rules(RULES)
    # Whatever is made there, temporary or not, has a name in one of these.
    names = (
        "SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_namespace)"
    )
    before = digest(pair.source), pair.on_source(names)
    await pair.sync()
    assert (digest(pair.source), pair.on_source(names)) == before
    assert digest(pair.target) != before[0]
