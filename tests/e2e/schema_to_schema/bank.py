"""A bank in an old database, writers that go where they may write, and what plain SQL says of the books."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import asyncpg

from confiture.config.dsn import to_uri
from confiture.model import Target
from conftest import run_psql

OLD = """
CREATE TABLE accounts (id int PRIMARY KEY, owner text NOT NULL UNIQUE, balance int NOT NULL);
CREATE TABLE transfers (writer int, n int, source int REFERENCES accounts, sink int REFERENCES accounts, amount int,
    PRIMARY KEY (writer, n)) PARTITION BY LIST (writer);
CREATE TABLE transfers_0 PARTITION OF transfers FOR VALUES IN (0);
CREATE TABLE transfers_x PARTITION OF transfers DEFAULT;
CREATE TABLE "Odd ""T"".x" (id serial PRIMARY KEY, code text UNIQUE, v text);
INSERT INTO accounts SELECT n, 'owner ' || n, 100 FROM generate_series(1, 30) n;
INSERT INTO "Odd ""T"".x" (code, v) SELECT 'c' || n, 'v' FROM generate_series(1, 40) n;
ANALYZE;
"""
NEW = """
CREATE TABLE holders (id bigint PRIMARY KEY, name text NOT NULL UNIQUE, amount bigint NOT NULL);
CREATE TABLE transfers (writer int, n int, source bigint REFERENCES holders, sink bigint REFERENCES holders, amount int,
    PRIMARY KEY (writer, n));
CREATE TABLE "Odd ""T"".x" (v text, id bigserial PRIMARY KEY, code text UNIQUE);
"""
MAP = "tables:\n  accounts:\n    target: holders\n    columns: {owner: name, balance: amount}\n"
#: What each new table is to have, over the old database, and by which columns.
MIRROR = {
    "holders": ("SELECT id, owner, balance FROM accounts", "id, name, amount"),
    "transfers": ("SELECT writer, n, source, sink, amount FROM transfers", "writer, n, source, sink, amount"),
    '"Odd ""T"".x"': ('SELECT id, code, v FROM "Odd ""T"".x"', "id, code, v"),
}
_TOTAL = 3000


class Side:
    """A database, and what its accounts are called there."""

    def __init__(self, place: Target, table: str, column: str) -> None:
        self.place, self.table, self.column = place, table, column

    def sql(self, sql: str) -> str:
        """What psql says."""
        return run_psql(self.place, sql)

    def wrong_books(self, log: dict[int, int]) -> int:
        """Accounts that are not what their transfers make them, money made or lost, and transfers not as in ``log``.

        ``log``: how many transfers each writer was told are committed; it numbers them.
        """
        told = ", ".join(f"({writer}, {count})" for writer, count in log.items())
        return int(
            self.sql(f"""
            WITH told AS (SELECT w, n FROM (VALUES {told}) AS l(w, m), generate_series(1, m) AS n),
            moved AS (SELECT a, sum(m) AS m FROM (SELECT source AS a, -amount AS m FROM transfers
                      UNION ALL SELECT sink, amount FROM transfers) AS t GROUP BY a)
            SELECT (SELECT count(*) FROM (TABLE told EXCEPT SELECT writer, n FROM transfers) AS x)
                 + (SELECT count(*) FROM (SELECT writer, n FROM transfers EXCEPT TABLE told) AS x)
                 + (SELECT count(*) FROM {self.table} h LEFT JOIN moved ON a = id
                     WHERE h.{self.column} <> 100 + coalesce(m, 0))
                 + (SELECT abs(sum({self.column}) - {_TOTAL}) FROM {self.table})
            """)
        )


class Writers:
    """Threads' worth of transfers until the end; who is told SQLSTATE 25006 goes on at the other side."""

    def __init__(self, sides: tuple[Side, Side], number: int = 3, log: dict[int, int] | None = None) -> None:
        self.sides = sides
        self.log = log or dict.fromkeys(range(number), 0)
        self.at = dict.fromkeys(range(number), 0)
        self.told: set[str] = set()
        self._failed: list[BaseException] = []
        self._over = False
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Writers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join()
        if self._failed:
            raise self._failed[0]

    def until_at(self, side: int) -> None:
        """Wait until all of them have committed there."""
        self._wait(lambda: set(self.at.values()) == {side})
        self.until_more()

    def until_more(self, commits: int = 5) -> None:
        """Wait until each has committed so many more."""
        before = dict(self.log)
        self._wait(lambda: all(self.log[writer] >= before[writer] + commits for writer in before))

    def _wait(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not true():
            assert not self._failed, self._failed[0]
            assert time.monotonic() < deadline, "the writers did not get there"
            time.sleep(0.02)

    def _run(self) -> None:
        async def all_of_them() -> None:
            await asyncio.gather(*map(self._write, self.log))

        try:
            asyncio.run(all_of_them())
        except BaseException as error:  # told to the test's own thread
            self._failed.append(error)

    async def _write(self, writer: int) -> None:
        dice = random.Random(writer)
        connection: Any = None
        while not self._over:
            side = self.sides[self.at[writer]]
            try:
                if connection is None:
                    connection = await asyncpg.connect(to_uri(side.place.params), statement_cache_size=0)
                async with connection.transaction():
                    await self._transfer(connection, side, writer, dice)
                self.log[writer] += 1
                async with connection.transaction():
                    await self._shuffle(connection, writer, dice)
            except asyncpg.ReadOnlySQLTransactionError as error:
                self.told.add(str(error.sqlstate))
                self.at[writer] = 1 - self.at[writer]
                await connection.close()
                connection = None
            await asyncio.sleep(0.05)
        if connection is not None:
            await connection.close()

    async def _transfer(self, connection: Any, side: Side, writer: int, dice: random.Random) -> None:
        first, second = sorted(dice.sample(range(1, 31), 2))
        amount = dice.randint(-9, 9)
        change = f"UPDATE {side.table} SET {side.column} = {side.column} + $2 WHERE id = $1"
        await connection.execute(change, first, -amount)
        if dice.random() < 0.1:
            await asyncio.sleep(0.05)  # a low number in the log is committed after a high one
        await connection.execute(change, second, amount)
        insert = "INSERT INTO transfers VALUES ($1, $2, $3, $4, $5)"
        await connection.execute(insert, writer, self.log[writer] + 1, first, second, amount)

    async def _shuffle(self, connection: Any, writer: int, dice: random.Random) -> None:
        """Rows come, go, move to another key and swap what is unique; each writer has its own."""
        table, key = '"Odd ""T"".x"', 100 + 10 * writer + dice.randrange(5)
        match dice.randrange(4):
            case 0:
                await connection.execute(
                    f"INSERT INTO {table} (id, code, v) VALUES ($1, $2, 'new') ON CONFLICT DO NOTHING", key, f"k{key}"
                )
            case 1:
                await connection.execute(f"DELETE FROM {table} WHERE id = $1", key)
            case 2:
                await connection.execute(
                    f"UPDATE {table} SET id = id + 1000 WHERE id = $1"
                    f" AND NOT EXISTS (SELECT FROM {table} WHERE id = $1 + 1000)",
                    key,
                )
            case 3:
                one, two = 1 + writer * 10, 2 + writer * 10
                await connection.execute(
                    f"WITH gone AS (SELECT id, code FROM {table} WHERE id IN ($1, $2))"
                    f" UPDATE {table} SET code = NULL WHERE id IN (SELECT id FROM gone)",
                    one,
                    two,
                )
                turn = self.log[writer] % 2
                for id_, code in ((one, one + turn), (two, two - turn)):
                    await connection.execute(f"UPDATE {table} SET code = $2 WHERE id = $1", id_, f"c{code}")


def mirror_differs(old: Target, new: Target) -> dict[str, int]:
    """Rows on one side alone, by table: EXCEPT in both directions over what the old database ought to give."""
    found = {}
    for table, (query, columns) in MIRROR.items():
        rows = run_psql(old, f"COPY ({query}) TO STDOUT")
        sql = f"""
            BEGIN; CREATE TEMP TABLE mirror AS SELECT {columns} FROM {table} WHERE false;
            COPY mirror FROM STDIN;
{rows}{chr(10) if rows else ""}\\.
            SELECT (SELECT count(*) FROM (SELECT {columns} FROM {table} EXCEPT ALL TABLE mirror) AS a)
                 + (SELECT count(*) FROM (TABLE mirror EXCEPT ALL SELECT {columns} FROM {table}) AS b);
        """
        if number := int(run_psql(new, sql)):
            found[table] = number
    return found
