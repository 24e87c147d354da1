"""The list of statements that cannot run in a transaction, each put to a real server inside of BEGIN."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator

import pytest

import pgserver
from confiture.config.dsn import to_uri
from confiture.model import Target
from confiture.sql import commits_before_use, why_not_transactional
from confiture.sql.grammar import parse, unwrap

SETUP = """
CREATE TABLE a (b int PRIMARY KEY); CREATE INDEX a_b ON a (b);
CREATE TABLE p (b int) PARTITION BY LIST (b); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE c (b int); CREATE INDEX c_b ON c (b); CLUSTER c USING c_b;
CREATE MATERIALIZED VIEW m AS SELECT 1 AS x; CREATE UNIQUE INDEX ON m (x);
CREATE TYPE e AS ENUM ('x');
SET client_min_messages = error;
CREATE SUBSCRIPTION off CONNECTION 'dbname=nowhere host=/nonexistent' PUBLICATION p, q WITH (connect = false, slot_name = 'x');
CREATE SUBSCRIPTION run CONNECTION 'dbname=nowhere host=/nonexistent' PUBLICATION p, r WITH (connect = false, slot_name = 'y');
ALTER SUBSCRIPTION run ENABLE;
"""  # noqa: E501
TEARDOWN = """
ALTER SUBSCRIPTION run DISABLE; ALTER SUBSCRIPTION run SET (slot_name = NONE); DROP SUBSCRIPTION run;
ALTER SUBSCRIPTION off SET (slot_name = NONE); DROP SUBSCRIPTION off;
"""
CONNECTION = "CONNECTION 'dbname=nowhere host=/nonexistent' PUBLICATION p"
NOT_IN_A_TRANSACTION = [
    "CREATE DATABASE x_confiture",
    "DROP DATABASE IF EXISTS x_confiture",
    "ALTER DATABASE THIS SET TABLESPACE pg_default",
    "CREATE TABLESPACE x_confiture LOCATION '/nonexistent'",
    "DROP TABLESPACE IF EXISTS x_confiture",
    "ALTER SYSTEM SET work_mem = '4MB'",
    "ALTER SYSTEM RESET work_mem",
    "CREATE INDEX CONCURRENTLY ON a (b)",
    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_u ON a (b)",
    "DROP INDEX CONCURRENTLY a_b",
    "REINDEX INDEX CONCURRENTLY a_b",
    "REINDEX (CONCURRENTLY) TABLE a",
    "REINDEX (VERBOSE, CONCURRENTLY on) TABLE a",
    "REINDEX SCHEMA public",
    "REINDEX DATABASE THIS",
    "REINDEX SYSTEM THIS",
    "VACUUM",
    "VACUUM a",
    "VACUUM (ANALYZE, VERBOSE false) a",
    "CLUSTER",
    "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY",
    "DISCARD ALL",
    f"CREATE SUBSCRIPTION s {CONNECTION}",
    f"CREATE SUBSCRIPTION s {CONNECTION} WITH (create_slot, enabled = false)",
    "DROP SUBSCRIPTION off",
    "ALTER SUBSCRIPTION run REFRESH PUBLICATION",
    "ALTER SUBSCRIPTION run SET PUBLICATION q",
    "ALTER SUBSCRIPTION run ADD PUBLICATION q WITH (copy_data = false)",
    "ALTER SUBSCRIPTION run DROP PUBLICATION p WITH (refresh)",
    "ALTER SUBSCRIPTION off SET (failover = true)",
    "ALTER SUBSCRIPTION off SET (two_phase = false)",
    "COMMIT PREPARED 'x'",
    "ROLLBACK PREPARED 'x'",
]
IN_A_TRANSACTION = [
    "CREATE INDEX ON a (b)",
    "DROP INDEX a_b",
    "REINDEX INDEX a_b",
    "REINDEX TABLE a",
    "REINDEX (CONCURRENTLY false) TABLE a",
    "REINDEX (CONCURRENTLY off, VERBOSE false) TABLE a",
    "ANALYZE",
    "ANALYZE a",
    "CLUSTER c",
    "CLUSTER c USING c_b",
    "ALTER TABLE p DETACH PARTITION p1",
    "REFRESH MATERIALIZED VIEW m",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
    "ALTER TYPE e ADD VALUE 'y'",
    "ALTER TYPE e RENAME VALUE 'x' TO 'z'",
    "ALTER DATABASE THIS SET work_mem = '4MB'",
    "ALTER DATABASE THIS CONNECTION LIMIT 30",
    "ALTER DATABASE THIS REFRESH COLLATION VERSION",
    "CREATE ROLE x_confiture",
    "CREATE EXTENSION IF NOT EXISTS plpgsql",
    "CREATE PUBLICATION pub FOR ALL TABLES",
    "CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION nothing()",
    "ALTER TABLESPACE pg_default SET (seq_page_cost = 1)",
    "DISCARD PLANS",
    "DISCARD TEMP",
    "CHECKPOINT",
    "TRUNCATE a",
    "ALTER TABLE a SET UNLOGGED",
    "LOCK a",
    f"CREATE SUBSCRIPTION s {CONNECTION} WITH (connect = false)",
    f"CREATE SUBSCRIPTION s {CONNECTION} WITH (connect = off, slot_name = NONE)",
    "ALTER SUBSCRIPTION run SET PUBLICATION q WITH (refresh = false)",
    "ALTER SUBSCRIPTION off SET (slot_name = 'z')",
    "ALTER SUBSCRIPTION off SET (binary)",
    "ALTER SUBSCRIPTION off ENABLE",
    "ALTER SUBSCRIPTION run DISABLE",
    "ALTER SUBSCRIPTION off CONNECTION 'dbname=other'",
]


@pytest.fixture(scope="module")
def place(new_database: Callable[[], Target], psql: Callable[..., str]) -> Iterator[Target]:
    target = new_database()
    psql(target, SETUP + "CREATE TYPE f AS ENUM ('x');")
    psql(target, "CREATE FUNCTION nothing() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
    yield target
    psql(target, TEARDOWN)


def in_a_transaction(target: Target, *statements: str) -> str:
    """What the server answers, SQLSTATE included, to the statements between BEGIN and ROLLBACK."""
    name = target.database
    script = "".join(re.sub(r"\bTHIS\b", f'"{name}"', statement) + ";\n" for statement in statements)
    command = [pgserver.binaries() / "psql", "-Xq", "-v", "VERBOSITY=verbose", "-d", to_uri(target.params), "-f", "-"]
    done = subprocess.run(command, input=f"BEGIN;\n{script}ROLLBACK;\n", capture_output=True, text=True)
    return "\n".join(line for line in done.stderr.splitlines() if "ERROR" in line)


@pytest.mark.parametrize("sql", NOT_IN_A_TRANSACTION)
def test_postgresql_refuses_it_in_a_transaction(sql: str, place: Target) -> None:
    """The list is PostgreSQL's, so PostgreSQL is asked: 25001 is active_sql_transaction."""
    node = unwrap(parse(sql).stmts[0].stmt)
    reason = why_not_transactional(node)
    assert reason
    answer = in_a_transaction(place, sql)
    assert "25001" in answer
    assert "cannot run inside a transaction block" in answer


@pytest.mark.parametrize("sql", IN_A_TRANSACTION)
def test_postgresql_accepts_it_in_a_transaction(sql: str, place: Target) -> None:
    """A statement run outside for no reason could not be taken back."""
    node = unwrap(parse(sql).stmts[0].stmt)
    assert why_not_transactional(node) is None
    assert in_a_transaction(place, sql) == ""


def test_a_new_enum_label_must_be_committed_before_it_is_used(place: Target) -> None:
    """ALTER TYPE runs in a transaction, and what follows there fails with 55P04."""
    add, rename = "ALTER TYPE f ADD VALUE 'new'", "ALTER TYPE f RENAME VALUE 'x' TO 'new'"
    assert [commits_before_use(unwrap(parse(sql).stmts[0].stmt)) for sql in (add, rename)] == [True, False]
    assert "55P04" in in_a_transaction(place, add, "SELECT 'new'::f")
    assert in_a_transaction(place, rename, "SELECT 'new'::f") == ""
