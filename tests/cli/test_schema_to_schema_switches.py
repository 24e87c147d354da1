"""Cutovers with each switch, and between two servers, as a user meets them: judged by clients, psql and pg_dump."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import msgspec
import pexpect
import pytest

import pgserver
from confiture.config.dsn import to_uri
from confiture.model import Target
from conftest import ProjectFolder
from logical import logical_server
from pooler import shop_config, shop_pooler

CONFIG = '[schema-to-schema]\nstrategy = "copy"\ncapture = "triggers"\n'
OLD = """
CREATE TABLE accounts (id int PRIMARY KEY, owner text NOT NULL, balance int NOT NULL);
CREATE TABLE visits (id bigint PRIMARY KEY, account int NOT NULL REFERENCES accounts);
CREATE TABLE fax (id int);
INSERT INTO accounts SELECT n, 'owner ' || n, 100 FROM generate_series(1, 40) AS n;
INSERT INTO visits SELECT -n, n FROM generate_series(1, 40) AS n;
"""
NEW = """
CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint NOT NULL, holder text NOT NULL);
CREATE TABLE visits (id bigint PRIMARY KEY, account bigint NOT NULL REFERENCES accounts);
"""
MAP = "tables:\n  accounts:\n    columns: {owner: holder}\ndrop: [fax]\n"
SECRET = "hush-hush"


class Move:
    """Two databases and a project. Called with words, it runs that phase; ``said`` is all that it ever printed."""

    def __init__(self, project: ProjectFolder, old: Target, new: Target, run_here: Callable[..., Any]) -> None:
        # A password that nobody asks for, to see that nobody tells it.
        self.old, self.new = (msgspec.structs.replace(s, params={**s.params, "password": SECRET}) for s in (old, new))
        self.project, self.said = project, ""
        self._run = run_here
        project.config(CONFIG)
        project.environment_for(self.old, "production")
        project.environment_for(self.new, "production_new")
        project.write("db/migration_map.yaml", MAP)
        project.schema("10.sql", NEW)

    def __call__(self, *words: str) -> tuple[int, Any]:
        """Its exit code and its report; of an error all that is said."""
        code, out, _ = self.text(*words, "--format", "json")
        read = json.loads(out)
        return code, "\n".join(map(str, read["error"].values())) if "error" in read else read

    def cross(self, phase: str, switch: str) -> tuple[int, Any]:
        """Until no client has been open for long, which the tool wants to be waited for: the machine held it up."""
        while True:
            code, told = self(phase, "--switch", switch, "--yes", "--max-seconds", "60")
            if (code, "have been open for long" in told) != (9, True):
                return code, told

    def text(self, *words: str) -> tuple[int, str, str]:
        code, out, err = self._run("migrate", "schema-to-schema", *words, "--project", str(self.project.root))
        self.said += out + err
        return code, out, err

    def program(self, name: str, text: str) -> None:
        self.project.write(name, f"#!/bin/sh\n{text}\n").chmod(0o755)

    def asked(self, *words: str) -> str:
        """What somebody at a terminal is asked, who says no then."""
        child = pexpect.spawn(
            sys.executable,
            ["-m", "confiture", "migrate", "schema-to-schema", *words],
            cwd=str(self.project.root), env={**os.environ, "NO_COLOR": "1"}, encoding="utf-8", timeout=60,
            dimensions=(40, 400),
        )  # fmt: skip
        child.expect("y/N")
        question = " ".join(child.before.split()).removesuffix(" [")
        child.sendline("n")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 8
        return question


@pytest.fixture
def move(project, new_database, run_here, psql) -> Move:
    """Both on one server, the new one with its schema."""
    move = Move(project, new_database(), new_database(), run_here)
    psql(move.old, OLD)
    psql(move.new, NEW)
    return move


class Clients:
    """Some that pay and visit all the time, and connect again after an error. ``errors``: SQLSTATEs and classes."""

    def __init__(self, **where: Any) -> None:
        self._where = where
        self._over = False
        self.visits: list[int] = []
        self.errors: list[str] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()))

    def __enter__(self) -> Clients:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join()

    def go_on(self) -> None:
        """Wait until some more transactions were committed."""
        enough, deadline = len(self.visits) + 20, time.monotonic() + 60
        while len(self.visits) < enough:
            assert time.monotonic() < deadline, self.errors[-3:]
            time.sleep(0.005)

    async def _all(self) -> None:
        await asyncio.gather(*(self._one(number) for number in range(3)))

    async def _one(self, number: int) -> None:
        connection = None
        for count in range(number, 10**9, 3):
            if self._over:
                break
            one, other = sorted(((count * 7) % 40 + 1, (count * 3 + 5) % 40 + 1))
            try:
                if connection is None:
                    connection = await asyncpg.connect(**self._where, statement_cache_size=0)
                async with connection.transaction():
                    await connection.execute("UPDATE accounts SET balance = balance - 1 WHERE id = $1", one)
                    await connection.execute("UPDATE accounts SET balance = balance + 1 WHERE id = $1", other)
                    await connection.execute("INSERT INTO visits VALUES ($1, $2)", count, one)
                self.visits.append(count)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
                self.errors.append(getattr(error, "sqlstate", None) or type(error).__name__)
                if connection is not None:
                    connection.terminate()
                connection = None
                await asyncio.sleep(0.01)
        if connection is not None:
            await connection.close()


def balance(psql: Callable[..., str], place: Target, clients: Clients) -> tuple[str, int]:
    """All money, and how many of the visits that were committed are not there."""
    there = set(psql(place, "SELECT id FROM visits").split())
    return psql(place, "SELECT sum(balance) FROM accounts"), sum(str(each) not in there for each in clients.visits)


def writes(place: Target, table: str = "accounts") -> tuple[str, str]:
    """The SQLSTATE and the hint that psql gets for a write; empty where it may."""
    done = subprocess.run(
        [str(pgserver.binaries() / "psql"), "-XqAt", "-v", "VERBOSITY=verbose", "-d", to_uri(place.params)],
        input=f"DELETE FROM {table} WHERE id = 9999", capture_output=True, text=True,
    )  # fmt: skip
    words = {line.split(":")[0]: line for line in done.stderr.splitlines()}
    return words.get("ERROR", "ERROR: :").split(":")[1].strip(), words.get("HINT", "").removeprefix("HINT:  ")


def test_at_a_pooler_no_transaction_fails(move, psql) -> None:
    """Neither at a cutover nor at a rollback; where the pooler is not as it should be, nothing is begun."""
    with shop_pooler(move.old) as folder:
        right = CONFIG + shop_config(folder)
        assert move("start")[0] == 0
        with Clients(host=str(folder), port=6432, user="app", database="shop") as clients:
            clients.go_on()
            for wrong, right_words, told in (
                ('"nope"', '"shop"', "no line for the database 'nope'"),
                ('admin = "port=1 ', 'admin = "', "cannot reach"),
            ):
                move.project.config(right.replace(right_words, wrong))
                code, said = move("cutover", "--switch", "pgbouncer", "--yes")
                assert (code, told in said) == (8, True), said
            assert move("status")[1]["crossings"] == []
            move.project.config(right)
            for phase, live in (("cutover", "new"), ("rollback", "old")):
                code, report = move.cross(phase, "pgbouncer")
                assert (code, report["live"]) == (0, live), report
                clients.go_on()
                assert writes(move.old if live == "new" else move.new)[0] == "25006"
        assert clients.errors == []
    assert balance(psql, move.old, clients) == ("4000", 0)


def test_a_program_that_fails_or_hangs_is_run_again(move) -> None:
    """It was decided: `resume` runs it, with the same words, until it has succeeded. It is told no password."""
    move("start")
    asked = "make production_new the live database? Applications can write to production no more."
    assert move.asked("cutover", "--command", "./switch.sh") == asked
    asked = move.asked("cleanup", "--drop-database", "shop")
    both = "remove all that the migration made in production and production_new"
    assert asked.startswith(f"{both}, and drop the database 'shop' with all its rows?")
    assert asked.endswith("production is the live database: the migration is given up, and begins anew if at all.")
    told = 'echo "$CONFITURE_STEP $CONFITURE_OLD_URL $CONFITURE_NEW_URL $*" >> said; env >> all'
    move.program("switch.sh", f"{told}; echo no route >&2; exit 3")
    code, said = move("cutover", "--command", "./switch.sh 'a b'", "--yes", "--max-seconds", "20")
    assert (code, "exit code 3" in said, "no route" in said, "schema-to-schema resume" in said) == (7, True, True, True)
    status = move("status")[1]
    assert (status["live"], status["crossings"][0]["outcome"]) == ("new", None)
    assert (writes(move.old)[0], writes(move.new)[0]) == ("25006", "")
    assert move("cleanup", "--yes")[0] == 8
    assert move("resume")[0] == 7
    move.program("switch.sh", told)
    code, settled = move("resume")
    assert (code, settled["live"]) == (0, "new"), settled
    old, new = (f"postgresql:///{side.database}?user=postgres&host=" for side in (move.old, move.new))
    lines = (move.project.root / "said").read_text().splitlines()
    assert (len(lines), len(set(lines)), [old in lines[0], new in lines[0]]) == (3, 1, [True, True])
    assert (lines[0].startswith(f"switch {old}"), lines[0].endswith(" a b")) == (True, True)
    assert move("status")[1]["crossings"][0]["outcome"] == "crossed"

    move.project.config(f'{CONFIG}[command]\nswitch = ["./switch.sh"]\nseconds = 0.3\n')
    move.program("switch.sh", f"{told}; sleep 60")
    code, said = move("rollback", "--switch", "command", "--yes", "--max-seconds", "20")
    assert (code, "did not end within 0.3 s" in said) == (7, True), said
    move.program("switch.sh", told)
    move.project.config(f'{CONFIG}[command]\nswitch = ["./switch.sh"]\n')
    code, settled = move("resume")
    assert (code, settled["live"], writes(move.old)[0], writes(move.new)[0]) == (0, "old", "", "25006")
    assert (move.project.root / "said").read_text().splitlines()[-1].startswith(f"switch {new}")
    assert SECRET not in move.said + (move.project.root / "all").read_text()


#: A session that was ended, in the ways that a client hears of it; a database that is not there for a moment.
ENDED = {"57P01", "08003", "3D000", "55000", "25006", "InterfaceError", "InternalClientError", "ConnectionResetError"}


def test_names_change_and_clients_connect_again(move, psql) -> None:
    """There and back and there again: to the live database, which they know by the old one's name all the time.

    Whatever comes then finds both all the same.
    """
    left = move.old.with_database(f"{move.old.database}_old")
    move("start")
    where = {"host": move.old.params["host"], "user": move.old.params["user"], "database": move.old.database}
    with Clients(**where) as clients:
        for phase, live in (("cutover", "new"), ("rollback", "old"), ("cutover", "new")):
            clients.go_on()
            code, report = move.cross(phase, "rename")
            assert (code, report["live"]) == (0, live), report
        clients.go_on()
        status = move("status")[1]
        assert (status["live"], status["source"]) == ("new", left.database)
    assert set(clients.errors) <= ENDED
    assert balance(psql, move.old, clients) == ("4000", 0)
    # The judge sees one unit of money, and one visit.
    changed = psql(move.old, "UPDATE accounts SET balance = balance - 1 WHERE id = 3 RETURNING id")
    psql(move.old, f"DELETE FROM visits WHERE id = {clients.visits[0]}")
    assert (changed, balance(psql, move.old, clients)) == ("3", ("3999", 1))
    psql(move.old, "UPDATE accounts SET balance = balance + 1 WHERE id = 3")
    psql(move.old, f"INSERT INTO visits VALUES ({clients.visits[0]}, 1)")
    assert psql(move.old, "SELECT holder FROM accounts WHERE id = 7") == "owner 7"
    assert writes(left) == ("25006", f"connect to the database '{move.old.database}'")
    code, said = move("cleanup", "--yes", "--drop-database", move.old.database)
    assert (code, f"the old database is '{left.database}'" in said) == (8, True), said
    code, cleaned = move("cleanup", "--yes", "--drop-database", left.database)
    assert (code, cleaned["dropped"], cleaned["remaining"]) == (0, left.database, []), cleaned
    assert psql(move.old, f"SELECT count(*) FROM pg_database WHERE datname = '{left.database}'") == "0"
    assert balance(psql, move.old, clients) == ("4000", 0)


def dump(place: Target) -> list[str]:
    """By pg_dump, without what differs each time."""
    done = subprocess.run(
        [str(pgserver.binaries() / "pg_dump"), "--schema-only", "-d", to_uri(place.params)],
        capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip
    return [line for line in done.stdout.splitlines() if line and not line.startswith(("--", "\\"))]


@pytest.fixture
def apart(project, new_database, run_here, psql) -> Iterator[Move]:
    """The new one is on a server of its own, and is not there yet."""
    with logical_server() as server:
        move = Move(project, new_database(), server.with_database("shop_new"), run_here)
        psql(move.old, OLD)
        psql(server, "CREATE DATABASE plain")
        psql(server.with_database("plain"), NEW)
        yield move


def test_from_one_server_to_another(apart, psql) -> None:
    """There and back and there again; who writes to the wrong side is told of the right one, and of no password."""
    move, old, new = apart, apart.old, apart.new
    before = dump(old)
    assert move("start")[0] == 0
    psql(old, "UPDATE accounts SET owner = 'moved' WHERE id = 1; INSERT INTO visits VALUES (1, 1)")
    assert move("follow", "--until-caught-up")[1]["entries"] == 2
    code, validated = move("validate")
    assert (code, len(validated["tables"])) == (0, 2)
    for number, phase in enumerate(("cutover", "rollback", "cutover"), 2):
        closed, live = (new, old) if phase == "rollback" else (old, new)
        code, report = move(phase, "--yes", "--max-seconds", "20")
        assert (code, report["switch"]) == (0, "none"), report
        place = live.params
        hint = f"connect to the database '{live.database}' at host '{place['host']}', port {place.get('port', '5432')}"
        assert (writes(closed), writes(live)) == (("25006", hint), ("", ""))
        psql(live, f"INSERT INTO visits VALUES ({number}, 2); UPDATE accounts SET balance = {number} WHERE id = 2")
    # What the map drops is closed, too: nobody would miss what is written there.
    assert writes(old, "fax")[0] == "25006"
    assert psql(new, "SELECT id FROM visits WHERE id > 0 ORDER BY 1").split() == ["1", "2", "3", "4"]
    assert psql(new, "SELECT holder, balance FROM accounts WHERE id < 3 ORDER BY id").split() == [
        "moved|100", "owner", "2|4",
    ]  # fmt: skip
    code, out, _ = move.text("cleanup", "--yes")
    assert code == 0, out
    assert f"'{old.database}' (production), is there still, and takes writes again" in " ".join(out.split())
    assert f'DROP DATABASE "{old.database}"' in out
    assert (writes(old), writes(old, "fax"), writes(new)) == (("", ""),) * 3
    assert dump(old) == before
    assert dump(new) == dump(new.with_database("plain"))
    assert SECRET not in move.said
    code, out, _ = move.text("cleanup", "--yes")
    assert (code, out) == (0, "there was nothing to remove\n")
