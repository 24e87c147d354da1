"""DDL as people write it, on a scratch database: what runs, what is left out, what is an error."""

from __future__ import annotations

import pytest

from confiture.errors import FeatureMissing, StatementFailed, SyntaxInvalid, UnsupportedScript
from confiture.model import Note, SourceFile
from confiture_diff.scripts import read_ddl

pytestmark = pytest.mark.anyio


def cleaned(sql: str) -> list[str]:
    return [statement.sql for statement in read_ddl([SourceFile("a.sql", sql)]).plan.statements]


def test_transactions_are_honoured_without_being_run():
    """Scripts of other tools are full of them; what was rolled back was never there."""
    assert cleaned("BEGIN; CREATE TABLE a (); COMMIT; BEGIN; CREATE TABLE b (); ROLLBACK; CREATE TABLE c ();") == [
        "CREATE TABLE a ()",
        "CREATE TABLE c ()",
    ]


def test_what_a_transaction_set_for_itself_is_set_back():
    """Else the next table would land in another schema."""
    found = cleaned(
        "SET work_mem = '8MB'; BEGIN; SET LOCAL work_mem = '4MB'; SET LOCAL search_path = x; COMMIT; SELECT 1;"
    )
    assert found == ["SET work_mem = '8MB'", 'SET work_mem TO "4MB"', "SET search_path TO x", "SET work_mem = '8MB'",
                     "RESET search_path", "SELECT 1"]  # fmt: skip


def test_what_belongs_to_the_server_is_left_out():
    """A scratch server is shared: nothing of it is changed for a diff."""
    sql = """
        ALTER SYSTEM SET work_mem = '1MB'; CREATE DATABASE x; ALTER ROLE postgres SUPERUSER; DROP ROLE nobody;
        GRANT CONNECT ON DATABASE x TO PUBLIC; COMMENT ON DATABASE x IS 'x'; ALTER DATABASE x OWNER TO y;
        ALTER DATABASE x SET search_path = y; GRANT SELECT ON t TO PUBLIC; COMMENT ON TABLE t IS 'kept';
    """
    assert cleaned(sql) == ["GRANT SELECT ON t TO PUBLIC", "COMMENT ON TABLE t IS 'kept'"]


def test_taking_back_a_part_of_a_transaction_is_refused():
    """It cannot be honoured without running it, and passing over it would give another schema."""
    with pytest.raises(UnsupportedScript) as caught:
        cleaned("BEGIN;\nSAVEPOINT s; CREATE TABLE a ();\nROLLBACK TO s; COMMIT;")
    assert caught.value.line == 3


async def test_files_in_any_order_are_read(statements):
    """People sort files by name, not by need."""
    old = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a); CREATE VIEW v AS SELECT * FROM b;"
    new = "CREATE VIEW v AS SELECT * FROM b; CREATE TABLE b (a int REFERENCES a); CREATE TABLE a (id int PRIMARY KEY);"
    assert await statements(old, new) == []


async def test_bodies_may_refer_to_what_comes_later(statements):
    """pg_dump writes functions before tables."""
    function = "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM later'; "
    table = "CREATE TABLE later (); "
    assert await statements(function + table, table + function) == []


async def test_roles_are_made_without_login_and_may_be_made_twice(statements, server, psql):
    """Two sides make the same roles, at the same time, and the next run again; none gets a password there."""
    roles = "CREATE ROLE diff_tests_a LOGIN PASSWORD 'x'; CREATE TABLE a (); ALTER TABLE a OWNER TO diff_tests_b; "
    for _ in range(2):
        assert await statements(f"{roles}-- one\n", f"SELECT 1; {roles}") == []
    found = psql(server, "SELECT rolname, rolcanlogin FROM pg_authid WHERE rolname LIKE 'diff_tests_%' ORDER BY 1")
    assert found == "diff_tests_a|f\ndiff_tests_b|f"


async def test_values_of_enums_are_used_after_they_are_added(statements):
    """In one transaction it would fail with 55P04."""
    old = "CREATE TYPE m AS ENUM ('a'); ALTER TYPE m ADD VALUE 'b'; CREATE TABLE t (m m DEFAULT 'b');"
    new = "CREATE TYPE m AS ENUM ('a', 'b'); CREATE TABLE t (m m DEFAULT 'b');"
    assert await statements(old, new) == []


async def test_what_was_left_out_is_told(compare, events):
    """Silence would let somebody believe that it was compared."""
    await compare("ALTER SYSTEM SET work_mem = '1MB'; CREATE TABLE a ();", "CREATE TABLE a ();", prove=False)
    assert any(isinstance(event, Note) and "ALTER SYSTEM" in event.message for event in events)


async def test_an_error_names_the_place(compare):
    """Of the user's own file, not of what was made of it."""
    with pytest.raises(StatementFailed) as caught:
        await compare(
            "CREATE TABLE a ();", "BEGIN;\nCREATE TABLE a ();\nCREATE VIEW v AS\n  SELECT nope FROM a;\nCOMMIT;"
        )
    assert (caught.value.file, caught.value.line, caught.value.column) == ("new.sql", 4, 10)
    with pytest.raises(SyntaxInvalid):
        await compare("CREATE TABLE a ();", "CREATE TABEL a ();")


async def test_an_extension_that_the_scratch_server_lacks_is_an_error_with_ways_out(compare):
    """Leaving it out would make every object of it a difference."""
    with pytest.raises((FeatureMissing, StatementFailed)) as caught:
        await compare("CREATE TABLE a ();", "\nCREATE EXTENSION no_such_extension; CREATE TABLE a ();")
    assert caught.value.line == 2
    assert isinstance(caught.value, FeatureMissing)
