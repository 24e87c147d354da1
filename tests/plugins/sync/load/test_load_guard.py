"""What is refused before anything is touched."""

from __future__ import annotations

import pytest

from confiture.errors import PermissionMissing, Refused, UsageError

pytestmark = pytest.mark.anyio

TWO = """
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (id integer PRIMARY KEY, parent integer REFERENCES parent);
"""


async def test_tables_that_hold_rows_are_all_named_with_how_many(both, target, psql, sync):
    both(TWO)
    await sync.check()
    psql(target, "INSERT INTO parent SELECT generate_series(1, 3); INSERT INTO child VALUES (1, 1)")
    with pytest.raises(Refused, match=r"public.child \(1 row\), public.parent \(3 rows\)") as caught:
        await sync.check()
    assert "--truncate" in caught.value.hint
    await sync.check(truncate=True)
    await sync.check(upsert=True)
    with pytest.raises(UsageError):
        await sync.check(truncate=True, upsert=True)


async def test_rows_of_tables_that_inherit_are_not_the_table_s_own(both, target, psql, sync):
    both("CREATE TABLE base (id integer PRIMARY KEY); CREATE TABLE more (x integer) INHERITS (base)")
    psql(target, "INSERT INTO more VALUES (1, 1)")
    await sync.check(tables=("base",))
    with pytest.raises(Refused, match="more"):
        await sync.check()


async def test_rows_that_a_policy_hides_from_the_owner_count(both, target, psql, owner, sync):
    both(owner("sync_plain", TWO))
    hidden = "ENABLE ROW LEVEL SECURITY; ALTER TABLE parent FORCE ROW LEVEL SECURITY"
    psql(target, f"INSERT INTO parent VALUES (1); ALTER TABLE parent {hidden}")
    with pytest.raises(Refused, match=r"public.parent \(1 row\)"):
        await sync.check(as_role="sync_plain")
    assert psql(target, "SELECT relforcerowsecurity FROM pg_class WHERE oid = 'parent'::regclass") == "t"


async def test_a_table_that_is_not_copied_and_needs_the_rows_is_named(both, source, target, psql, sync):
    both(TWO)
    psql(source, "INSERT INTO parent VALUES (7)")
    psql(target, "INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (1, 1)")
    with pytest.raises(Refused, match=r"'public.child' is not copied, holds rows"):
        await sync.check(truncate=True, tables=("parent",))
    assert psql(target, "SELECT count(*) FROM parent") == "2"
    psql(target, "DELETE FROM child")  # now it is no reason to refuse, and keeps its foreign key
    await sync.load(truncate=True, tables=("parent",))
    assert psql(
        target,
        "SELECT id FROM parent; SELECT conname FROM pg_constraint WHERE conrelid = 'child'::regclass AND contype = 'f'",
    ) == ("7\nchild_parent_fkey")


async def test_tables_of_somebody_else_are_named(both, target, psql, owner, sync):
    both(owner("sync_plain", TWO))
    psql(target, "ALTER TABLE child OWNER TO sync_other")
    with pytest.raises(PermissionMissing, match=r"does not own 'public.child'"):
        await sync.check(as_role="sync_plain")
    with pytest.raises(PermissionMissing, match=r"'public.child'"):  # its key leads to what is copied
        await sync.check(as_role="sync_plain", tables=("parent",))


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        ("CREATE VIEW t AS SELECT 1 AS id", "no(t a)? table"),
        (
            "CREATE TABLE r (id integer) PARTITION BY RANGE (id);CREATE TABLE t PARTITION OF r DEFAULT",
            "'public.t' of the target is a partition",
        ),
        (
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
            "CREATE TABLE t (id integer) PARTITION BY RANGE (id);"
            "CREATE FOREIGN TABLE p PARTITION OF t DEFAULT SERVER s",
            "'public.p' of the target is a foreign table",
        ),
    ],
)
async def test_what_is_no_table_of_its_own_is_refused(source, target, psql, sync, theirs, why):
    psql(source, "CREATE TABLE t (id integer)")
    psql(target, theirs)
    with pytest.raises(Refused, match=why):
        await sync.check()


async def test_rows_without_a_primary_key_cannot_be_replaced(both, sync):
    both("CREATE TABLE t (id integer UNIQUE)")
    with pytest.raises(Refused, match=r"'public.t' has no primary key"):
        await sync.check(upsert=True)
