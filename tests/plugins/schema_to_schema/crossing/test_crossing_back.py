"""Back and over again, with writes on both sides; also where not all of it leads back. Judged by psql."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from confiture.errors import Irreversible, ProofFailed, UsageError
from confiture.model import StepFinished, StepStarted
from confiture_schema_to_schema.crossing import comparing
from conftest import run_psql

if TYPE_CHECKING:
    from confiture.model import Target

pytestmark = pytest.mark.anyio

OLD = """
    CREATE TABLE users (id serial PRIMARY KEY, first text NOT NULL, last text, note text DEFAULT 'none', gone boolean
        NOT NULL DEFAULT false);
    CREATE TABLE persons (id int PRIMARY KEY, name text NOT NULL, zip text NOT NULL, memo text DEFAULT 'm');
    CREATE TABLE cats (id int PRIMARY KEY, name text);
    CREATE TABLE dogs (id int PRIMARY KEY, name text);
    CREATE TABLE sums (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL);
    CREATE TABLE orders (id int PRIMARY KEY, person int REFERENCES users, "of" int NOT NULL REFERENCES sums, v text);
    INSERT INTO users (first, last, note, gone) SELECT 'a b' || n, 'c' || n, 'n' || n, n % 10 = 0
        FROM generate_series(1, 30) AS n;
    INSERT INTO persons SELECT n, 'p' || n, n, 'm' || n FROM generate_series(1, 9) AS n;
    INSERT INTO cats SELECT n, 'cat ' || n FROM generate_series(1, 9) AS n;
    INSERT INTO dogs SELECT n, 'dog ' || n FROM generate_series(5, 12) AS n;
    INSERT INTO sums SELECT n, n, 2 * n FROM generate_series(1, 20) AS n;
    INSERT INTO orders SELECT n, n % 9 + 1, n, 'o' || n FROM generate_series(1, 20) AS n;
    ANALYZE;
"""
NEW = """
    CREATE TABLE accounts (id bigserial PRIMARY KEY, name text NOT NULL, tier text NOT NULL DEFAULT 'free');
    CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL);
    CREATE TABLE addresses (person bigint PRIMARY KEY, zip text NOT NULL);
    CREATE TABLE pets (kind text, id int, name text, PRIMARY KEY (kind, id));
    CREATE TABLE totals (id int PRIMARY KEY, total int NOT NULL);
    CREATE TABLE orders (id bigint PRIMARY KEY, person bigint REFERENCES accounts, "of" int NOT NULL REFERENCES totals,
        v text);
"""
MAP = """
tables:
  users:
    target: accounts
    filter: not gone
    drop: [note, gone]
    columns:
      first: {target: name, transform: "first || ' ' || last", reverse: "split_part(name, ' ', 1)"}
      last: {reverse: "substr(name, strpos(name, ' ') + 1)"}
  persons:
    into:
      - {target: people, drop: [zip, memo]}
      - {target: addresses, columns: {id: person}, drop: [name, memo]}
  cats: {target: pets, defaults: {kind: "'cat'"}}
  dogs: {target: pets, defaults: {kind: "'dog'"}}
  sums: {target: totals, columns: {a: {target: total, transform: a + b}}, drop: [b]}
"""
#: What is in the new database, and what the map gives of the old one.
THERE = {
    "SELECT id, name FROM accounts": "SELECT id, first || ' ' || last FROM users WHERE NOT gone",
    "SELECT id, name, zip FROM people JOIN addresses ON person = id": "SELECT id, name, zip FROM persons",
    "SELECT * FROM pets": "SELECT 'cat', id, name FROM cats UNION ALL SELECT 'dog', id, name FROM dogs",
    "SELECT * FROM totals": "SELECT id, a + b FROM sums",
    "SELECT * FROM orders": "SELECT * FROM orders",
}
#: What nobody but the old database knows: it stays.
OWN = (
    "SELECT id, note FROM users WHERE id < 30 AND id NOT IN (3, 4, 22) ORDER BY 1",
    "SELECT * FROM sums ORDER BY 1",
    "SELECT id, first, last FROM users WHERE id = 5",
    "SELECT id, first, last, note FROM users WHERE gone ORDER BY 1",
)
NEW_WRITES = """
    UPDATE accounts SET name = 'x y z' WHERE id = 3; UPDATE accounts SET id = 600 WHERE id = 22;
    DELETE FROM orders WHERE person = 4; DELETE FROM accounts WHERE id = 4;
    INSERT INTO accounts (id, name) VALUES (500, 'new one'), (501, 'not for long'); DELETE FROM accounts WHERE id = 501;
    UPDATE orders SET id = 900 WHERE id = 7; UPDATE orders SET v = 'w', person = 500 WHERE id = 8;
    TRUNCATE people, addresses; INSERT INTO people VALUES (1, 'one'), (77, 'new'), (78, 'no address yet');
    INSERT INTO addresses VALUES (1, 'z'), (77, 'zz'); UPDATE pets SET kind = 'dog' WHERE (kind, id) = ('cat', 2);
    DELETE FROM pets WHERE id = 6; INSERT INTO pets VALUES ('cat', 30, 'tom'), ('owl', 1, 'tu')
"""
OLD_WRITES = """
    UPDATE users SET last = 'L' WHERE id = 600; UPDATE users SET gone = true WHERE id = 23;
    UPDATE users SET gone = false WHERE id = 20; INSERT INTO users (first, last) VALUES ('late', 'one');
    DELETE FROM cats WHERE id = 1; TRUNCATE dogs; INSERT INTO dogs VALUES (1, 'rex');
    UPDATE persons SET id = 79 WHERE id = 77; INSERT INTO sums VALUES (21, 1, 1);
    INSERT INTO orders VALUES (21, NULL, 21, 'o'); UPDATE orders SET id = -id WHERE id > 15
"""
LOST_WRITES = """
    UPDATE totals SET total = 5 WHERE id = 3; INSERT INTO totals VALUES (100, 1);
    INSERT INTO orders VALUES (300, 1, 100, 'of one that is lost'); UPDATE orders SET v = 'kept' WHERE id = 9;
    DELETE FROM orders WHERE "of" = 20; DELETE FROM totals WHERE id = 20
"""
SPOILED = """
    CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        new.name := 'spoiled'; RETURN new; END $$;
    CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON persons FOR EACH ROW EXECUTE FUNCTION spoil();
    CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON cats FOR EACH ROW EXECUTE FUNCTION spoil()
"""
AGED = (
    "UPDATE confiture.confiture_move_validations SET at = at - interval '27 hours';"
    "UPDATE confiture.confiture_move_crossings SET finished = finished - interval '28 hours'"
)
FENCED = ("users", "persons", "cats")
KEYS = "SELECT conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' ORDER BY 1"
LOGS = (
    "SELECT count(*) FROM pg_class WHERE relname ~ '_log$';"
    "SELECT count(*) FROM pg_trigger WHERE tgname ~ '^zzzz_confiture' AND NOT tgisinternal"
)


def differing(move: Any, *without: str) -> list[str]:
    """Queries of the new database whose rows are not what the map gives, those ``without`` left out."""
    digest = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM ({}) AS t"
    new = run_psql(move.target, "; ".join(digest.format(query) for query in THERE)).splitlines()
    old = run_psql(move.source, "; ".join(digest.format(query) for query in THERE.values())).splitlines()
    found = [query for query, *sums in zip(THERE, new, old, strict=True) if sums[0] != sums[1]]
    return [query for query in found if not any(name in query for name in without)]


def own(move: Any) -> list[str]:
    return [run_psql(move.source, query) for query in OWN]


async def writable(move: Any) -> tuple[bool, bool]:
    return await move.writes("DELETE FROM cats WHERE false", "DELETE FROM pets WHERE false")


def write(place: Target, sql: str, *past: str) -> None:
    """By hand; ``past`` the fences of these tables."""
    off = "".join(f"ALTER TABLE {table} DISABLE TRIGGER confiture_move_fence;" for table in past)
    run_psql(
        place,
        off + sql + "".join(f"; ALTER TABLE {table} ENABLE ALWAYS TRIGGER confiture_move_fence" for table in past),
    )


async def test_with_writes_on_both_sides(moving):
    """Each crossing brings over all that was written. What cannot be is named, and lost where somebody says so."""
    move = await moving(OLD, NEW, MAP)
    before, keys = own(move), [run_psql(place, KEYS) for place in (move.source, move.target)]
    report = await move.start("-cutover")
    assert (report.reversible, [line.partition(":")[0] for line in report.not_reversible]) == (
        True,
        ["rollback loses writes since cutover in public.totals"],
    )
    write(move.target, NEW_WRITES)
    waiting = await move.start("-validate")
    assert (waiting.truth, waiting.exit_code, waiting.not_compared) == ("new", 0, ("public.totals",))
    assert sum(table.pending for table in waiting.tables) > 8
    assert [each.changes for each in (await move.start("-status")).losses] == [0]
    with pytest.raises(
        Irreversible, match=r"""of no table of .*: 1 row of public\.people \(\["78"\]\); 1 row of .*pets"""
    ):
        await move.start("-rollback")
    report = await move.start("-rollback", lose=("people", "public.pets"))
    assert (report.live, await writable(move), differing(move)) == ("old", (True, False), ["SELECT * FROM pets"])
    assert {step.name: step.detail for step in report.steps}["check"] == "5 of 5 tables"
    assert run_psql(move.source, "SELECT first, last, note FROM users WHERE id IN (3, 500) ORDER BY id") == (
        "x|y z|n3\nnew|one|none"
    )
    assert run_psql(move.source, "SELECT string_agg(id || memo, ',' ORDER BY id) FROM persons") == "1m1,77m"
    assert own(move) == before

    write(move.source, OLD_WRITES)
    write(move.target, "UPDATE orders SET v = 'by hand' WHERE id = 5", "orders")

    def write_late(event: object) -> None:
        if isinstance(event, StepFinished) and event.step == "schema-to-schema.cutover.prepare":
            write(move.source, "UPDATE sums SET a = a WHERE id = 3")

    before = own(move)
    report = await move.start("-cutover", observers=[write_late])
    assert (report.live, await writable(move), differing(move)) == ("new", (False, True), [])
    # What was to be lost was copied anew already.
    anew = {step.name: step.detail for step in report.steps}["validate"]
    assert anew == "6 tables are equal, 1 of them brought over anew: public.orders"
    assert run_psql(move.target, "SELECT count(*) FROM people WHERE id = 78") == "0"

    write(move.target, LOST_WRITES)
    await move.start("-follow", until_caught_up=True)
    assert [(each.table, each.changes) for each in (await move.start("-status")).losses] == [("public.totals", 3)]
    with pytest.raises(Irreversible, match=r"3 changes of public\.totals$") as refused:
        await move.start("-rollback")
    assert "--lose public.totals" in str(refused.value.hint)
    for name in ("accounts", "nope"):
        with pytest.raises(UsageError, match="loses nothing of"):
            await move.start("-rollback", lose=(name,))
    with pytest.raises(Irreversible, match=r"1 row of public\.orders without a row of public\.sums \(orders_of_fkey\)"):
        await move.start("-rollback", lose=("totals",))
    assert await writable(move) == (False, True)
    write(move.target, "DELETE FROM orders WHERE id = 300")
    report = await move.start("-rollback", lose=("totals",))
    assert {step.name: step.detail for step in report.steps}["losses"] == "3 changes of public.totals, lost"
    assert (await writable(move), differing(move)) == ((True, False), ["SELECT * FROM totals"])
    assert (own(move), [run_psql(place, KEYS) for place in (move.source, move.target)]) == (before, keys)
    assert run_psql(move.target, LOGS) == "0\n0"

    # The new database has a row of that key yet, and one less.
    write(move.source, "INSERT INTO sums VALUES (100, 7, 7); INSERT INTO orders VALUES (400, 1, 100, 'late')")
    await move.start("-follow", until_caught_up=True)
    assert differing(move) == []

    # Who stays on the new database can clean up, though a row in the old one lacks what it refers to.
    await move.start("-cutover")
    write(move.target, "INSERT INTO totals VALUES (200, 1); INSERT INTO orders VALUES (500, 1, 200, 'of one')")
    await move.start("-follow", until_caught_up=True)
    report = await move.start("-cleanup")
    (left,) = (line for line in report.remaining if "foreign key" in line)
    assert left.endswith("foreign key orders_of_fkey of public.orders, which is not valid: 1 row without a parent")
    assert run_psql(move.source, KEYS) == keys[0].replace("orders_of_fkey|t|", "orders_of_fkey|f|").replace(
        "REFERENCES sums(id)", "REFERENCES sums(id) NOT VALID"
    )
    assert run_psql(move.target, LOGS) == "0\n0"


async def test_the_old_database_is_compared_first(moving, monkeypatch):
    """What was changed by hand is found and named; what the map leaves behind is no difference."""
    move = await moving(OLD, NEW, MAP)
    await move.start("-cutover")
    write(move.source, "UPDATE users SET note = 'x', gone = true WHERE gone; UPDATE persons SET memo = 'y'", *FENCED)
    assert (await move.start("-validate")).exit_code == 0
    write(move.source, "UPDATE cats SET name = 'by hand' WHERE id = 3", *FENCED)
    # It was validated, so that this is found in the pause.
    with pytest.raises(ProofFailed, match=r"read backwards, gives of .*: public\.cats \(1 rows\)$"):
        await move.start("-rollback")
    assert (await writable(move), len((await move.start("-status")).crossings)) == ((False, True), 2)
    # Of a day ago, it says nothing of what was brought over since: all is compared before anything is begun.
    run_psql(move.target, AGED)
    with pytest.raises(ProofFailed, match=r"public\.cats \(1 rows\)$"):
        await move.start("-rollback")
    assert len((await move.start("-status")).crossings) == 2
    write(move.source, "DELETE FROM persons WHERE id = 2", *FENCED)
    report = await move.start("-validate")
    assert (report.truth, report.exit_code) == ("new", 7)
    assert [(table.table, each.key, each.how) for table in report.tables for each in table.mismatches] == [
        ("public.cats", '["3"]', "different"),
        ("public.persons", '["2"]', "missing"),
    ]
    with pytest.raises(ProofFailed, match=r"public\.cats \(1 rows\), public\.persons \(1 rows\)$"):
        await move.start("-rollback")
    write(move.target, "UPDATE pets SET name = name WHERE id = 3; UPDATE people SET name = name WHERE id = 2")
    # Nobody has counted all the time.
    triggers = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'totals'::regclass AND tgname ~ '^zzzz_.*_lost_1$'"
    name = run_psql(move.target, triggers)
    write(move.target, f"ALTER TABLE totals DISABLE TRIGGER {name}")
    with pytest.raises(Irreversible, match=r"an unknown number of changes of public\.totals"):
        await move.start("-rollback")
    # In the last moment, of a table that is too large to be compared then: a part of it, and one that keeps columns.
    monkeypatch.setattr(comparing, "_SMALL_ROWS", 0)

    def spoil_late(event: object) -> None:
        if isinstance(event, StepFinished) and event.step == "schema-to-schema.rollback.prepare":
            write(
                move.target, "UPDATE pets SET name = name || '.' WHERE id = 7; DELETE FROM addresses WHERE person = 9"
            )
            write(move.target, "UPDATE people SET name = 'x' WHERE id = 3; DELETE FROM orders WHERE id = 7")
            write(move.source, SPOILED)

    with pytest.raises(ProofFailed, match=r": public\.cats \(1 rows\), public\.persons \(1 rows\)$"):
        await move.start("-rollback", lose=("public.totals", "public.people"), observers=[spoil_late])
    write(move.source, "DROP FUNCTION spoil() CASCADE")
    write(move.target, "UPDATE pets SET name = name WHERE id = 7; UPDATE people SET name = name WHERE id = 3")
    write(move.target, "DELETE FROM people WHERE id = 9")
    report = await move.start("-rollback", lose=("public.totals",))
    assert (report.live, differing(move), run_psql(move.source, "SELECT count(*) FROM persons")) == ("old", [], "8")
    assert {step.name: step.detail for step in report.steps}["check"].startswith("0 of 5 tables, ")


async def test_nothing_leads_back(moving):
    """Then a rollback loses all that was written, and goes as well; nor does it from tables that nothing fills."""
    move = await moving(
        "CREATE TABLE sums (id int PRIMARY KEY, a int); CREATE TABLE cats (id int PRIMARY KEY, name text);"
        "INSERT INTO sums VALUES (1, 1), (2, 2)",
        "CREATE TABLE totals (id int PRIMARY KEY, a int); CREATE TABLE pets (id int PRIMARY KEY, name text);"
        "CREATE TABLE fresh (v text); CREATE TABLE theirs (v text); CREATE UNLOGGED TABLE quick (v text)",
        "tables:\n  sums: {target: totals, columns: {a: {target: a, transform: a * a}}}\n"
        "  cats: {target: pets, columns: {name: {target: name, transform: upper(name)}}}\n",
    )
    superuser = move.admin.with_database(move.target.database)
    run_psql(superuser, "ALTER TABLE theirs OWNER TO CURRENT_USER; REVOKE ALL ON theirs FROM public")
    run_psql(move.target, "INSERT INTO fresh VALUES ('before')")
    report = await move.start("-cutover")
    assert (report.reversible, len(report.not_reversible)) == (False, 3)
    told = "rollback loses writes since cutover in public.fresh, public.quick, public.theirs: no table of the old"
    assert report.not_reversible[2].startswith(told)
    with pytest.raises(Irreversible, match=r"nothing of .* can be brought back"):
        await move.start("-follow", until_caught_up=True)
    with pytest.raises(Irreversible, match=r": an unknown number of changes of public\.theirs$"):
        await move.start("-rollback")  # which the role cannot even look at
    run_psql(superuser, f'GRANT SELECT ON theirs TO "{move.target.params["user"]}"')
    assert ((await move.start("-rollback")).live, await writable(move)) == ("old", (True, False))
    assert await move.writes("DELETE FROM cats", "DELETE FROM fresh") == (True, False)
    await move.start("-cutover")
    assert (await move.start("-status")).following is None  # the rollback before it followed, this has nothing to

    def write_late(event: object) -> None:
        if isinstance(event, StepStarted) and event.step == "schema-to-schema.rollback.prepare":
            write(move.target, "UPDATE totals SET a = 9; TRUNCATE pets; INSERT INTO fresh VALUES ('new')")

    named = r": 1 change of public\.pets, 2 changes of public\.totals, 1 change of public\.fresh$"
    with pytest.raises(Irreversible, match=named):
        await move.start("-rollback", observers=[write_late])
    assert await writable(move) == (False, True)
    assert [each.changes for each in (await move.start("-status")).losses] == [1, 2, 1, None, None]
    report = await move.start("-rollback", lose=("pets", "totals", "fresh"))
    assert (report.live, run_psql(move.source, "SELECT string_agg(a::text, ',') FROM sums")) == ("old", "1,2")
    await move.start("-follow", until_caught_up=True)
    assert run_psql(move.target, "SELECT string_agg(a::text, ',' ORDER BY id) FROM totals") == "1,4"
