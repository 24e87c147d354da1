"""What is told of changes, by whomever and however they are made. The tables' owner captures; he is no superuser."""

from __future__ import annotations

import anyio
import msgspec
import pytest

from confiture.errors import Busy, CaptureBroken, Refused
from confiture.hooks import CAPTURE
from confiture.model import CapturedTable
from confiture.quoting import quote_ident
from confiture.registry import Registry
from confiture.testing import open_context
from confiture.transfer import reading
from confiture_triggers import plugin, polling
from confiture_triggers.capture import TriggerCapture

pytestmark = pytest.mark.anyio

ODD = CapturedTable(label='s.My "T"', sql='s."My ""T"', columns=("The Key", "at", "b", "link"), key=2)
PARTS = CapturedTable(label="s.p", sql="s.p", columns=("id",))
PLAIN = CapturedTable(label="s.t", sql="s.t", columns=("id", "link"))
SCHEMA = """
CREATE SCHEMA s;
CREATE TABLE s."My ""T" ("The Key" text, at timestamptz, b bytea, link float8, note text, PRIMARY KEY ("The Key", at));
CREATE TABLE s.p (id int NOT NULL, v text) PARTITION BY RANGE (id);
CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES FROM (0) TO (10);
CREATE TABLE s.p2 (v text, id int NOT NULL);
ALTER TABLE s.p ATTACH PARTITION s.p2 FOR VALUES FROM (10) TO (20);
CREATE TABLE s.p3 PARTITION OF s.p FOR VALUES FROM (20) TO (40) PARTITION BY LIST (id);
CREATE TABLE s.p31 PARTITION OF s.p3 DEFAULT;
CREATE TABLE s.t (id int PRIMARY KEY, link text);
"""
OWNED = "SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, current_setting('x.role')) FROM pg_class c \
WHERE relnamespace = 's'::regnamespace AND relkind IN ('r', 'p') \\gexec"


class Old:
    """The old database, as its owner and as a writer."""

    def __init__(self, ctx, target, psql, role):
        self.ctx, self.psql, self.superuser, self.role = ctx, psql, target, role
        self.target = msgspec.structs.replace(target, params={**target.params, "user": role})
        self.capture = ctx.get(CAPTURE, "triggers")

    def write(self, sql, role="writer"):
        return self.psql(self.superuser, f"SET SESSION AUTHORIZATION {role};" + sql)

    async def install(self, *tables):
        await self.capture.install(self.ctx, self.target, "c", tables)

    async def verify(self, *tables):
        await self.capture.verify(self.ctx, self.target, "c", tables)

    async def poll(self, limit=None):
        async with reading(self.ctx, self.target) as connection:
            return await self.capture.poll(connection, "c", limit=limit)

    async def take(self):
        changes = await self.poll()
        await self.capture.ack(self.ctx, self.target, "c", changes)
        return changes

    async def backlog(self):
        async with self.ctx.connect(self.target) as connection:
            return await self.capture.backlog(connection, "c")

    async def uninstall(self):
        return await self.capture.uninstall(self.ctx, self.target, "c")


@pytest.fixture
async def old(project, database, psql):
    role = f"owner_{database.database}"
    project.config("[triggers]\nlock_timeout_s = 0.05\nwait_s = 0.1\n")
    psql(database, f"CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {quote_ident(database.database)} TO {role}")
    psql(database, "DO $$ BEGIN CREATE ROLE writer; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;")
    psql(
        database,
        f"{SCHEMA} SET x.role = '{role}'; {OWNED}\n GRANT ALL ON SCHEMA s TO {role}; GRANT USAGE ON SCHEMA s TO writer",
    )
    psql(database, "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA s TO writer")
    async with open_context(project.root, registry=Registry()) as ctx:
        yield Old(ctx, database, psql, role)
    psql(database, f"DROP OWNED BY {role}, writer CASCADE; DROP ROLE {role}")


def test_it_is_registered():
    (provider,) = plugin.confiture_captures()
    assert provider.name == "triggers"


async def test_writers_without_a_right_to_the_log_are_told_of_with_values_of_one_form(old):
    await old.install(ODD, PLAIN)
    await old.verify(ODD, PLAIN)
    usable = "SELECT has_function_privilege('writer', 'confiture_capture.c_1()', 'EXECUTE')"
    assert old.psql(old.superuser, usable) == "f"
    old.write(
        "SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'; SET bytea_output = 'escape';"
        "SET extra_float_digits = -10; SET search_path = pg_temp; CREATE TYPE pg_temp.text AS ENUM ('x');"
        """INSERT INTO s."My ""T" VALUES ('a', '2026-02-01 12:00+00', '\\x00ff', 0.1::float8 + 0.2, 'n');"""
    )
    one = ("a", "2026-02-01 12:00:00+00", "\\x00ff", "0.30000000000000004")
    changes = await old.take()
    assert changes.rows == {ODD.label: (one,)}
    assert changes.entries == 1
    assert "0.3" not in repr(changes)
    # A change of another column only, one of the key, one of a replica's session, and one that is rolled back.
    old.write(f"UPDATE {ODD.sql} SET note = 'm'")
    assert (await old.take()).rows == {ODD.label: (one,)}
    old.write(
        f"""SET session_replication_role = replica; UPDATE {ODD.sql} SET "The Key" = 'b', link = NULL""", "postgres"
    )
    two = ("b", *one[1:3], None)
    assert set((await old.take()).rows[ODD.label]) == {one, two}
    old.write(f"BEGIN; DELETE FROM {ODD.sql}; ROLLBACK")
    assert (await old.take()).entries == 0
    old.write(f"DELETE FROM {ODD.sql}; INSERT INTO s.t VALUES (1, NULL) ON CONFLICT (id) DO UPDATE SET link = 'x'")
    old.write("INSERT INTO s.t VALUES (1, NULL) ON CONFLICT (id) DO UPDATE SET link = 'x'")
    changes = await old.take()
    assert changes.rows.keys() == {ODD.label, PLAIN.label}
    assert changes.rows[ODD.label] == (two,)
    assert set(changes.rows[PLAIN.label]) == {("1", None), ("1", "x")}


async def test_partitions_of_any_depth_are_told_of_and_new_ones_too(old):
    await old.install(PARTS)
    old.write(
        "INSERT INTO s.p1 VALUES (1); INSERT INTO s.p VALUES (2), (11), (21); UPDATE s.p SET id = 12 WHERE id = 2;"
    )
    assert set((await old.take()).rows["s.p"]) == {("1",), ("2",), ("11",), ("12",), ("21",)}
    for table in ("p", "p1", "p2", "p3", "p31"):
        old.write(f"TRUNCATE s.{table}")
        assert (await old.take()).truncated == {"s.p"}, table
    await old.verify(PARTS)
    old.write(
        "CREATE TABLE s.p4 PARTITION OF s.p FOR VALUES FROM (50) TO (60); INSERT INTO s.p4 VALUES (50)", "postgres"
    )
    old.psql(old.superuser, f"ALTER TABLE s.p4 OWNER TO {old.role}")
    old.write("SET session_replication_role = replica; UPDATE s.p4 SET id = 51", "postgres")
    assert set((await old.poll()).rows["s.p"]) == {("50",), ("51",)}
    # What an attached table had before is told when it is found; what a detached one takes along nobody knows by then.
    back = "UPDATE s.p2 SET id = 14; ALTER TABLE s.p ATTACH PARTITION s.p2 FOR VALUES FROM (10) TO (20)"
    old.write("INSERT INTO s.p VALUES (13)")
    for sql, words, told in (
        ("SELECT", "the new partition 's.p4'", {("13",), ("50",), ("51",)}),
        ("CREATE TABLE s.p5 (LIKE s.p); INSERT INTO s.p5 VALUES (70);", "the new partition 's.p5'", {("70",)}),
        (f"ALTER TABLE s.p DETACH PARTITION s.p2; {back}", "of 's.p2' was away, and is another one", None),
        ("ALTER TABLE s.p DETACH PARTITION s.p2", "a partition of it is gone", None),
    ):
        old.psql(old.superuser, sql)
        if "p5" in words:
            old.psql(old.superuser, f"ALTER TABLE s.p5 OWNER TO {old.role}")
            old.psql(old.superuser, "ALTER TABLE s.p ATTACH PARTITION s.p5 FOR VALUES FROM (70) TO (80)")
        with pytest.raises(CaptureBroken, match=f"'s.p' .*{words}"):
            await old.verify(PARTS)
        await old.install(PARTS)
        await old.verify(PARTS)
        changes = await old.take()
        if told is None:
            assert changes.truncated == {"s.p"}
        else:
            assert (set(changes.rows["s.p"]), changes.truncated) == (told, set())
    # One that is made in advance has nothing that could have gone unseen.
    old.psql(old.superuser, f"SET SESSION AUTHORIZATION {old.role}; CREATE TABLE s.p6 (LIKE s.p);")
    old.write("ALTER TABLE s.p ATTACH PARTITION s.p6 FOR VALUES FROM (80) TO (90)", old.role)
    with pytest.raises(CaptureBroken, match=r"the new partition 's\.p6'"):
        await old.verify(PARTS)
    await old.install(PARTS)
    await old.verify(PARTS)
    assert (await old.take()).entries == 0
    # One that had rows, and was emptied since.
    old.write("CREATE TABLE s.p7 PARTITION OF s.p FOR VALUES FROM (90) TO (91); INSERT INTO s.p7 VALUES (90)", old.role)
    old.write("TRUNCATE s.p7", old.role)
    await old.install(PARTS)
    assert (await old.take()).truncated == {"s.p"}
    # A new one does not excuse what is wrong with an old one.
    old.write("CREATE TABLE s.p8 PARTITION OF s.p FOR VALUES FROM (91) TO (92);", old.role)
    old.write("ALTER TABLE s.p31 DISABLE TRIGGER zzzz_confiture_c_1", old.role)
    await old.install(PARTS)
    assert (await old.take()).truncated == {"s.p"}
    old.write("TRUNCATE s.p6", old.role)
    assert (await old.take()).truncated == {"s.p"}
    old.write("TRUNCATE s.p2; INSERT INTO s.p2 VALUES ('x', 1)")
    assert (await old.take()).entries == 0
    old.write("TRUNCATE s.p5", "postgres")
    assert (await old.take()).truncated == {"s.p"}


SABOTAGE = {
    "'s.t' lacks the trigger 'zzzz_confiture_c_1'": "DROP TRIGGER zzzz_confiture_c_1 ON s.t",
    "'s.t' lacks the trigger 'zzzz_confiture_c_1_t'": "DROP TRIGGER zzzz_confiture_c_1_t ON s.t",
    "'zzzz_confiture_c_1' of 's.t' does not": "ALTER TABLE s.t DISABLE TRIGGER zzzz_confiture_c_1",
    "'zzzz_confiture_c_1_t' of 's.t' does not": "ALTER TABLE s.t ENABLE TRIGGER zzzz_confiture_c_1_t",
    "'zzzz_confiture_c_2' of 's.p31' does not": "ALTER TABLE s.p31 DISABLE TRIGGER zzzz_confiture_c_2",
    "'s.p1' lacks the trigger 'zzzz_confiture_c_2_t'": "DROP TRIGGER zzzz_confiture_c_2_t ON s.p1",
    'c_1" is another': "CREATE OR REPLACE FUNCTION confiture_capture.c_1() RETURNS trigger LANGUAGE plpgsql "
    "SECURITY DEFINER AS 'BEGIN RETURN NULL; END'",
    "lacks the trigger": "DROP TRIGGER zzzz_confiture_c_1 ON s.t; CREATE TRIGGER zzzz_confiture_c_1 AFTER INSERT OR "
    "UPDATE OR DELETE ON s.t FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION confiture_capture.c_1()",
    "another table": "ALTER TABLE s.t RENAME TO was_t; CREATE TABLE s.t (LIKE s.was_t)",
    "its column 'link' is gone": "ALTER TABLE s.t RENAME link TO link2; ALTER TABLE s.t ADD link text",
    "is of type 'bigint' and was of type 'integer'": "ALTER TABLE s.t ALTER id TYPE bigint",
}


async def test_whatever_is_no_longer_as_it_was_is_noticed_and_repaired(old):
    await old.install(PLAIN, PARTS)
    for words, sql in SABOTAGE.items():
        if words == "its column 'link' is gone":
            old.write("ALTER TABLE s.t RENAME link TO link2", old.role)
            with pytest.raises(CaptureBroken, match=words):
                await old.verify(PLAIN, PARTS)
            sql = "ALTER TABLE s.t ADD link text"
            old.write(sql, old.role)
            old.write("ALTER TABLE s.t DROP link2", old.role)
            await old.verify(PLAIN, PARTS)
            continue
        old.psql(old.superuser, sql)
        old.psql(old.superuser, f"SET x.role = '{old.role}'; {OWNED}")
        with pytest.raises(CaptureBroken, match=words):
            await old.verify(PLAIN, PARTS)
        await old.install(PLAIN, PARTS)
        await old.verify(PLAIN, PARTS)
        assert (await old.take()).truncated == {"s.p" if "c_2" in words else "s.t"}, words
    old.psql(old.superuser, "GRANT ALL ON s.t TO writer")
    old.write("INSERT INTO s.t VALUES (7, 'l')")
    assert (await old.take()).rows == {"s.t": (("7", "l"),)}
    # Other columns, and a table less: what the log has of other columns is not told.
    old.write("INSERT INTO s.t VALUES (8, 'l')")
    await old.install(turned := msgspec.structs.replace(PLAIN, columns=("link", "id")))
    changes = await old.take()
    assert (changes.rows, changes.truncated) == ({}, {"s.t"})
    with pytest.raises(CaptureBroken, match=r"'s\.p' .*not captured"):
        await old.verify(turned, PARTS)
    assert old.psql(old.superuser, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zzzz%2%'") == "0"


async def test_a_changed_column_makes_no_write_fail(old):
    await old.install(PLAIN)
    async with old.ctx.connect(old.superuser) as writer:
        await writer.execute("INSERT INTO s.t VALUES (1, 'a')")
        await writer.execute("UPDATE s.t SET id = id + 1")
        for sql in ("ALTER TABLE s.t ALTER id TYPE bigint", "ALTER TABLE s.t RENAME link TO other"):
            await writer.execute(sql)
            await old.take()
            await writer.execute("UPDATE s.t SET id = id + 1")
            assert (await old.take()).truncated == {"s.t"}, sql


async def test_a_table_that_is_held_is_named_with_its_holder_and_nothing_is_left(old, project):
    dump = " UNION ALL ".join(f"SELECT count(*) FROM pg_{what}" for what in ("trigger", "namespace", "class", "proc"))
    before = old.psql(old.superuser, dump)
    params = {**old.superuser.params, "application_name": "nightly job"}
    async with old.ctx.connect(msgspec.structs.replace(old.superuser, params=params)) as writer:
        async with old.ctx.transaction(writer):
            await writer.execute("INSERT INTO s.p31 VALUES (25)")
            pid = await writer.fetchval("SELECT pg_backend_pid()")
            with pytest.raises(Busy, match=rf"'s\.p' is held by '\w.*' \(server process {pid}, role"):
                await old.install(PLAIN, PARTS)
            assert old.psql(old.superuser, dump) == before
        project.config("[triggers]\nlock_timeout_s = 60\nwait_s = 60\n")  # it waits until it is seen to do so
        waiting = (
            "SELECT count(*) FROM pg_locks WHERE NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        async with (
            open_context(project.root, registry=Registry()) as patient,
            old.ctx.transaction(writer),
            anyio.create_task_group() as group,
        ):
            await writer.execute("INSERT INTO s.p31 VALUES (26)")
            with anyio.CancelScope() as scope:
                group.start_soon(old.capture.install, patient, old.target, "c", (PLAIN, PARTS))
                while old.psql(old.superuser, waiting) == "0":
                    await anyio.sleep(0.01)
                group.cancel_scope.cancel()
            assert not scope.cancelled_caught
        assert old.psql(old.superuser, dump) == before
        # An installed one stays as it was, though a further table is held.
        await old.install(PLAIN)
        async with old.ctx.transaction(writer):
            await writer.execute("INSERT INTO s.p31 VALUES (27)")
            with pytest.raises(Busy):
                await old.install(PLAIN, PARTS)
        await old.verify(PLAIN)


async def test_what_was_read_is_acknowledged_and_nothing_else(old, monkeypatch):
    # Somebody else's log of the same name is not looked at.
    comment = "COMMENT ON TABLE other.c_log IS 'changes that confiture''s triggers captured for c'"
    old.psql(old.superuser, f"CREATE SCHEMA other; CREATE TABLE other.c_log (); {comment}")
    await old.install(PLAIN)
    old.write("INSERT INTO s.t SELECT i FROM generate_series(1, 10) i")
    some = await old.poll(limit=4)
    assert (some.complete, some.entries, len(some.rows["s.t"])) == (False, 4, 4)
    await old.capture.ack(old.ctx, old.target, "c", some)
    assert (await old.backlog()).entries == 6
    rest = await old.poll(limit=7)
    assert rest.complete
    assert {*some.rows["s.t"], *rest.rows["s.t"]} == {(str(i), None) for i in range(1, 11)}
    # Places are used anew after a vacuum, and numbers in another log.
    await old.capture.ack(old.ctx, old.target, "c", rest)
    old.psql(old.superuser, "VACUUM confiture_capture.c_log")
    old.write("UPDATE s.t SET link = 'x'")
    for changes in (some, rest):
        await old.capture.ack(old.ctx, old.target, "c", changes)
    assert (await old.backlog()).entries == 10
    await old.uninstall()
    await old.install(PLAIN)
    old.write("UPDATE s.t SET link = 'y'")
    await old.capture.ack(old.ctx, old.target, "c", some)
    assert (await old.poll()).entries == 10
    with monkeypatch.context() as patch:
        patch.setattr(polling, "_MOST_ROWS", 19)
        many = await old.poll()
    assert (many.rows, many.truncated, many.entries, many.complete) == ({}, {"s.t"}, 10, True)
    old.write("INSERT INTO s.t SELECT i FROM generate_series(11, 20000) i")
    exact = await old.backlog()
    assert exact.entries == 20000
    assert exact.age_s > 0
    monkeypatch.setattr(polling, "_MEASURED_BYTES", 400_000)
    estimate = await old.backlog()
    assert estimate.entries != 20000
    assert 0.3 < estimate.entries / 20000 < 3
    assert 0.3 < estimate.bytes / exact.bytes < 3
    async with old.ctx.connect(old.target) as connection:
        assert not await old.capture.drained(connection, "c")
        await old.take()
        assert await old.capture.drained(connection, "c")
        assert (await old.backlog()) == await old.capture.backlog(connection, "c")


async def test_what_is_in_the_way_is_said_beforehand(old):
    old.psql(
        old.superuser,
        "CREATE UNLOGGED TABLE s.u (id int); CREATE VIEW s.v AS SELECT 1 AS id; CREATE TABLE s.theirs (id int);"
        "CREATE TABLE s.gen (id int, g int GENERATED ALWAYS AS (id + 1) VIRTUAL); CREATE TABLE s.parent (id int);"
        "CREATE TABLE s.child () INHERITS (s.parent); CREATE FOREIGN DATA WRAPPER w; CREATE SERVER w FOREIGN DATA "
        "WRAPPER w; CREATE FOREIGN TABLE s.pf PARTITION OF s.p FOR VALUES FROM (90) TO (99) SERVER w;"
        f"SET x.role = '{old.role}'; {OWNED}\n"
        "ALTER TABLE s.theirs OWNER TO postgres; ALTER TABLE s.p1 OWNER TO postgres",
    )

    async def found(*columns):
        tables = [
            CapturedTable(label=f"s.{name}", sql=f"s.{name}", columns=(*columns, "id"))
            for name in ("u", "v", "theirs", "gen", "parent", "p", "gone", "t")
        ]
        *all_, last = await old.capture.preflight(old.ctx, old.target, tables)
        assert (last.level, last.message[:36]) == ("lock", "SHARE ROW EXCLUSIVE on each of 8 tab")
        one = (await old.capture.preflight(old.ctx, old.target, tables[-1:]))[-1]
        assert one.message.startswith("SHARE ROW EXCLUSIVE on the table for")
        return [f"{finding.level} {finding.table}: {finding.message}" for finding in all_]

    assert await found() == [
        "error s.u: it is unlogged: it is emptied by a crash, without a trigger",
        "error s.v: it is a view",
        "error s.theirs: it is owned by 'postgres', whose rights this role has not",
        "warning s.parent: rows of tables that inherit from it are not captured with it",
        "error s.p: its partition 's.p1' is owned by 'postgres', whose rights this role has not",
        "error s.p: its partition 's.pf' is a foreign table: it changes elsewhere",
        "error s.gone: it is not there",
    ]
    assert "error s.gen: its column 'g' is virtual: triggers do not see what it is" in await found("g")
    assert "error s.t: it has no column 'g'" in await found("g")
    await old.install(PLAIN)
    assert any(line.startswith("warning s.t: it has the trigger 'zzzz_confiture_c_1'") for line in await found())
    await old.uninstall()
    old.psql(old.superuser, f"REVOKE CREATE ON DATABASE {quote_ident(old.target.database)} FROM {old.role}")
    assert "may not make the log in the schema 'confiture_capture'" in (await found())[0]
    with pytest.raises(Refused, match="cannot be called"):
        await TriggerCapture().install(old.ctx, old.target, "a-b", [PLAIN])
    # A schema that was made for it will do, and stays.
    old.psql(old.superuser, f"CREATE SCHEMA confiture_capture AUTHORIZATION {old.role}")
    assert "schema" not in (await found())[0]
    await old.install(PLAIN)
    removed = await old.uninstall()
    assert [what.split()[0] for what in removed] == ["trigger", "trigger", "function", "table", "table"]
    assert old.psql(old.superuser, "SELECT count(*) FROM pg_namespace WHERE nspname = 'confiture_capture'") == "1"
