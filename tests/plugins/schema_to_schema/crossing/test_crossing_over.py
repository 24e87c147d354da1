"""A cutover, and the way back. Judged by psql."""

from __future__ import annotations

import subprocess
import threading
from contextlib import asynccontextmanager
from types import SimpleNamespace

import anyio
import asyncpg
import pytest

import pgserver
from confiture.config.dsn import to_uri
from confiture.errors import Busy, ProofFailed, Refused
from confiture.model import Note, StepFinished, StepStarted
from confiture_schema_to_schema.crossing import attempting, comparing, gate
from conftest import run_psql

pytestmark = pytest.mark.anyio

#: Two keys, a trigger, and what the tool makes beside them.
DEFINITIONS = (
    "SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY 1;"
    "SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal AND tgname !~ 'confiture' ORDER BY 1"
)
INVOICE = "SELECT nextval('invoices'); SELECT nextval('\"Down.s\"')"
#: As if one had been made to a server that sends rows of a partition.
HERE = "subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
SUBSCRIBED = f"""
    SET client_min_messages = error;
    CREATE SUBSCRIPTION sent CONNECTION 'dbname=nobody' PUBLICATION p WITH (connect = false);
    INSERT INTO pg_subscription_rel SELECT oid, 'logs_a'::regclass, 'r', '0/1' FROM pg_subscription WHERE {HERE};
    UPDATE pg_subscription SET subenabled = true WHERE {HERE}
"""
UNSUBSCRIBED = f"""
    UPDATE pg_subscription SET subenabled = false WHERE {HERE};
    ALTER SUBSCRIPTION sent SET (slot_name = NONE); DROP SUBSCRIPTION sent
"""
#: Something on the new side that nobody has thought of.
SPOILED = """
    CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF new.id = 4 THEN new.balance := 0; END IF; RETURN new; END $$;
    CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON holders FOR EACH ROW EXECUTE FUNCTION spoil()
"""
BEGUN = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'confiture %' AND state = 'idle in transaction'"
    " AND datname = current_database()"
)
REFUSED = (
    "INSERT INTO logs_a VALUES (1, 9999, 'x')",
    "UPDATE logs SET line = ''",
    "TRUNCATE logs_b",
    "COPY notes FROM stdin",
    "DELETE FROM accounts WHERE id = 1",
    "INSERT INTO fax VALUES (1)",
    'SET session_replication_role = replica; DELETE FROM "My ""T.x"" s"',
)


def refusal(place, sql: str) -> str:
    """The SQLSTATE that psql gets."""
    done = subprocess.run(
        [
            str(pgserver.binaries() / "psql"),
            "-XqAt",
            "-v",
            "VERBOSITY=verbose",
            "-d",
            to_uri(place.params, password=True),
            "-c",
            sql,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return done.stderr.split(":")[1].strip() if done.returncode else ""


@asynccontextmanager
async def followed(moved):
    """Somebody follows, until he makes room within the block."""
    begun = anyio.Event()

    async def follow() -> None:
        report = await moved.start("-follow", observers=[lambda _: begun.set()])
        assert report.ended == "taken over by a cutover"

    async with anyio.create_task_group() as group:
        group.start_soon(follow)
        await begun.wait()
        yield


async def test_the_new_database_takes_over(moved):
    """With what was written since the copy; nobody writes to the old one any more, by whatever statement."""
    definitions = run_psql(moved.target, DEFINITIONS)
    run_psql(moved.admin, "CREATE TABLE telex (id int)")  # which the role of the migration does not own
    map_ = moved.project.root / "db/migration_map.yaml"
    map_.write_text(map_.read_text().replace("[fax]", "[fax, telex]"))
    plan = await moved.start("-plan")
    assert plan.locks[0].startswith("source: SHARE ROW EXCLUSIVE on each of ")  # for the triggers
    assert not any(each.check == "lock" for each in plan.findings)
    begun, *others = (each for each in plan.findings if each.level == "error")
    assert ("is a migration into" in begun.message, "empty" in str(begun.hint), others) == (True, False, [])
    left = [each for each in plan.findings if "nothing takes" in each.message]
    assert [each.level for each in left] == ["note", "warning"]
    assert ["'public.fax': a cutover closes them" in left[0].message, "'public.telex', and" in left[1].message] == [
        True, True,
    ]  # fmt: skip
    run_psql(moved.source, "UPDATE accounts SET balance = 7 WHERE id < 9; DELETE FROM notes WHERE id = 3")
    run_psql(moved.source, "INSERT INTO accounts (email, balance) VALUES ('late@x.org', 1)")
    run_psql(moved.source, "SELECT nextval('accounts_id_seq') FROM generate_series(1, 50)")
    run_psql(moved.source, INVOICE)
    part = "CREATE TABLE IF NOT EXISTS logs_{0} PARTITION OF logs FOR VALUES FROM ({0}) TO ({0} + 10)"
    run_psql(moved.source, f"{part.format(200)}; INSERT INTO logs VALUES (200, 1); ALTER TABLE accounts ADD later int")

    def altered(event: object) -> None:  # in the last moment, where nobody may look for long
        if isinstance(event, StepStarted) and event.step == "schema-to-schema.cutover.lock":
            run_psql(moved.source, part.format(300))

    report = await moved.start("-cutover", observers=[altered])
    assert (report.live, report.exit_code, report.attempts) == ("new", 0, 2)
    assert moved.same()
    assert await moved.live() == (False, True)
    assert [refusal(moved.admin, sql) for sql in REFUSED] == ["25006"] * len(REFUSED)
    assert refusal(moved.admin, "INSERT INTO telex VALUES (1)") == ""  # as the plan has said
    assert run_psql(moved.target, DEFINITIONS) == definitions
    ids = run_psql(
        moved.target,
        "INSERT INTO holders (mail, balance) VALUES ('new@x.org', 0) RETURNING id;"
        'INSERT INTO "My ""T.x"" s" (v) VALUES (\'new\') RETURNING "Id"',
    )
    first, second = map(int, ids.splitlines())
    assert (first > 91 + 30, second < -10 - 30) == (True, True)
    # Sequences that programs ask themselves.
    assert run_psql(moved.target, INVOICE).split() == [str(500 + 32 + 1), str(-1 - 33 * 5)]
    locked = {step.name for step in report.steps if step.locked}
    assert {"lock", "drain", "fence", "decide", "open"} <= locked
    assert report.paused_seconds > 0
    with pytest.raises(Refused, match="is the live database already"):
        await moved.start("-cutover")


async def test_a_bank_goes_on(moved, monkeypatch):
    """Money is moved on the old database until it is closed, then on the new one: none of it is lost or made."""
    monkeypatch.setattr(gate, "_LONG_S", 60.0)  # those who pay are as slow as this process
    total = run_psql(moved.source, "SELECT sum(balance) FROM accounts")
    told: list[str] = []

    async def pay(number: int) -> None:
        place, table = moved.source, "accounts"
        connection = await asyncpg.connect(to_uri(place.params, password=True))
        count = 0
        while not over.is_set() or place is moved.source:
            one, two = 1 + (count + number) % 40, 1 + (count * 7 + number + 1) % 40
            count += 1
            first, second = sorted({one, two, 1})[:2]
            try:
                async with connection.transaction():
                    await connection.execute(f"UPDATE {table} SET balance = balance - 1 WHERE id = $1", first)
                    await connection.execute(f"UPDATE {table} SET balance = balance + 1 WHERE id = $1", second)
            except asyncpg.PostgresError as error:
                told.append(error.sqlstate)
                await connection.close()
                place, table = moved.target, "holders"
                connection = await asyncpg.connect(to_uri(place.params, password=True))
        await connection.close()

    over = anyio.Event()
    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(pay, number)
        report = await moved.start("-cutover")
        over.set()
    assert report.live == "new"
    assert set(told) == {"25006"}
    assert run_psql(moved.target, "SELECT sum(balance) FROM holders") == total
    assert run_psql(moved.source, "SELECT sum(balance) FROM accounts") == total


async def test_what_takes_too_long_changes_nothing(moved, monkeypatch):
    """Who holds a table is not waited for beyond the budget: all goes on as before, in both databases.

    Save that nobody follows any more, which is said.
    """
    before = run_psql(moved.target, DEFINITIONS)

    def stall(event: object) -> None:  # until the server itself has ended what was begun
        if isinstance(event, StepStarted) and event.step == "schema-to-schema.cutover.lock":
            while run_psql(moved.admin, BEGUN) != "0":
                pass

    with monkeypatch.context() as patch:  # our own clock is behind the server's
        late = SimpleNamespace(fail_after=lambda seconds: anyio.fail_after(seconds + 60))
        patch.setattr(attempting, "anyio", late)
        report = await moved.start("-cutover", max_seconds=0.3, observers=[stall])
    assert (report.live, report.exit_code) == ("old", 9)
    holder = Holder(moved.source, "SELECT FROM accounts WHERE id = 1 FOR UPDATE")
    other = Holder(moved.admin, "SELECT FROM accounts WHERE id = 2 FOR UPDATE")  # the role does not see since when

    def hold(event: object) -> None:
        if isinstance(event, StepStarted) and event.step == "schema-to-schema.cutover.prepare":
            holder.begin()
            other.begin()

    try:
        async with followed(moved):
            report = await moved.start("-cutover", max_seconds=3.0, observers=[hold])
        assert (report.live, report.exit_code, report.took_over) == ("old", 9, True)
        assert report.attempts > 1
        with pytest.raises(Busy, match=f"process {holder.pid} ") as told:
            await moved.start("-cutover")
        assert f"process {other.pid} (" in told.value.message
    finally:
        holder.end()
        other.end()
    assert await moved.live() == (True, False)
    run_psql(moved.source, "UPDATE accounts SET balance = 3 WHERE id = 2")
    run_psql(moved.admin, SUBSCRIBED)
    try:
        with pytest.raises(Refused, match=r"would go on when it is closed: 'sent' \(public\.logs_a\)$"):
            await moved.start("-cutover")
    finally:
        run_psql(moved.admin, UNSUBSCRIBED)
    holder.begin()
    ending = threading.Timer(1.0, holder.end)

    def end_it(event: object) -> None:
        if isinstance(event, StepStarted) and event.step == "schema-to-schema.cutover.gate":
            ending.start()

    await anyio.sleep(1.1)
    report = await moved.start("-cutover", observers=[end_it])  # it waits for what has been open for long
    ending.join()
    assert (report.live, moved.same(), await moved.live()) == ("new", True, (False, True))
    assert run_psql(moved.target, DEFINITIONS) == before


async def test_a_value_changed_by_hand_stops_it(moved, monkeypatch):
    """On the new database, past the fence: nobody would know later."""
    assert await moved.live() == (True, False)
    run_psql(
        moved.target,
        "ALTER TABLE holders DISABLE TRIGGER confiture_move_fence; UPDATE holders SET balance = 1 WHERE id = 5",
    )
    assert not moved.same()  # psql, who judges all of this, sees it too
    told = []
    async with followed(moved):
        with pytest.raises(ProofFailed, match=r"public\.holders \(1 rows\)"):
            await moved.start("-cutover", observers=[told.append])
    assert "to follow again" in [event.message for event in told if isinstance(event, Note)][-1]
    assert await moved.live() == (True, True)
    await _what_came_last_is_compared(moved, monkeypatch)


async def _what_came_last_is_compared(moved, monkeypatch):
    """Also in tables that are too large to be compared in the pause, which were equal before it."""
    run_psql(moved.target, "UPDATE holders SET balance = 100 WHERE id = 5")
    assert moved.same()
    monkeypatch.setattr(comparing, "_SMALL_ROWS", 0)

    def spoil(event: object) -> None:
        if isinstance(event, StepFinished) and event.step == "schema-to-schema.cutover.prepare":
            run_psql(moved.source, "UPDATE accounts SET balance = balance + 1 WHERE id BETWEEN 3 AND 6")
            run_psql(moved.target, SPOILED)

    with pytest.raises(ProofFailed, match=r"public\.holders \(1 rows\)"):
        await moved.start("-cutover", observers=[spoil])
    assert (await moved.start("-status")).crossings[-1].outcome == "given up"
    run_psql(moved.target, "DROP TRIGGER spoil ON holders; DROP FUNCTION spoil()")
    run_psql(moved.source, "UPDATE accounts SET balance = 7 WHERE id = 4")
    report = await moved.start("-cutover")
    assert [step.detail for step in report.steps if step.name == "check"] == ["0 of 4 tables, 1 key of others"]
    assert moved.same()


async def test_with_other_names(moved):
    """The new database takes the old one's name: both are found again, by whoever is given the names of before."""
    old, new = moved.source, moved.target
    definitions = [run_psql(place, DEFINITIONS) for place in (old, new)]
    left = old.with_database(f"{old.database}_old")
    report = await moved.start("-cutover", switch="rename")
    assert (report.live, report.switch) == ("new", "rename")
    assert (moved.same(left, old), await moved.live(left, old)) == (True, (False, True))
    run_psql(
        old,
        "UPDATE holders SET balance = 9, mail = 'moved@x.org' WHERE id = 3; DELETE FROM notes WHERE id = 9;"
        "INSERT INTO holders (mail, balance) VALUES ('later@x.org', 5); INSERT INTO logs VALUES (41, 700, 'new');"
        "UPDATE notes SET account = 4 WHERE id = 10",
    )
    assert (await moved.start("-status")).live == "new"
    invoices = [int(number) for number in run_psql(old, INVOICE).split()]
    report = await moved.start("-rollback", switch="rename")
    closed = old.with_database(f"{old.database}_new")
    try:
        assert (report.live, moved.same(old, closed), await moved.live(old, closed)) == ("old", True, (True, False))
        assert run_psql(old, "SELECT balance FROM accounts WHERE email = 'moved@x.org'") == "9"
        assert int(run_psql(old, "INSERT INTO accounts (email, balance) VALUES ('x', 1) RETURNING id")) > 41
        up, down = map(int, run_psql(old, INVOICE).split())
        assert (up > invoices[0] > 500, down < invoices[1] < -100) == (True, True)
        assert [run_psql(place, DEFINITIONS) for place in (old, closed)] == definitions
        assert (await moved.start("-status")).live == "old"
    finally:
        names = f'"{closed.database}" RENAME TO "{new.database}"'
        run_psql(old.with_database("postgres"), f"ALTER DATABASE {names}")


class Holder:
    """A session that has locked a row, for as long as it is told to."""

    def __init__(self, place, sql: str) -> None:
        self._place, self._sql = place, sql
        self._process: subprocess.Popen[str] | None = None
        self.pid = 0

    def begin(self) -> None:
        self._process = subprocess.Popen(
            [str(pgserver.binaries() / "psql"), "-XqAt", "-d", to_uri(self._place.params, password=True)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"BEGIN; {self._sql}; SELECT pg_backend_pid();\n")
        self._process.stdin.flush()
        self.pid = int(next(line for line in self._process.stdout if line.strip()))

    def end(self) -> None:
        if self._process is not None:
            self._process.communicate("ROLLBACK;\n")
