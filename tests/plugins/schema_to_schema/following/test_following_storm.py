"""An old database that is written to in every way while it is copied and followed. Judged by psql, with EXCEPT."""

from __future__ import annotations

import os
import random
import subprocess
import threading

import pytest

import pgserver
from confiture.config.dsn import to_uri
from confiture_schema_to_schema.following.batches import Follower

pytestmark = pytest.mark.anyio


class Writers:
    """Sessions of psql that write until they are told to stop. What each did is in its script."""

    def __init__(self, target, seed: int, sessions: int = 4) -> None:
        self._target = target
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._write, args=(random.Random(seed * 100 + number), number))
            for number in range(sessions)
        ]
        self.done = 0
        self.errors: list[str] = []

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, chance: random.Random, number: int) -> None:
        uri = to_uri(self._target.params)
        program = [str(pgserver.binaries() / "psql"), "-Xqo", "/dev/null", "-d", uri]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        environment["PGPASSWORD"] = self._target.params.get("password", "")
        with subprocess.Popen(program, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as process:  # fmt: skip
            while not self._stop.is_set():
                process.stdin.write(self._transaction(chance, number) + "\n\\echo done\n")
                process.stdin.flush()
                process.stdout.readline()
                self.done += 1
            process.stdin.close()
            process.wait()

    def _transaction(self, chance: random.Random, number: int) -> str:
        one, other = chance.randint(1, 130), chance.randint(1, 130)
        new = chance.randint(1000, 9000)
        statement = chance.choice(
            [
                f"INSERT INTO users VALUES ({new}, 'n{new}', 'a')",
                f"UPDATE users SET id = {new} WHERE id = {one}",
                f"UPDATE users SET gone = NOT gone WHERE id = {one}",
                f"DELETE FROM users WHERE id = {one}",
                f"UPDATE users SET login = 't{number}' WHERE id = {one}; UPDATE users SET login = 'u' || {one} WHERE"
                f" id = {other}; UPDATE users SET login = 'u' || {other} WHERE id = {one}",
                f"UPDATE country SET label = 'L{new}' WHERE code = '{chance.choice('abcd')}'",
                f"UPDATE users SET country = '{chance.choice('abcd')}' WHERE id = {one}",
                f"INSERT INTO orders SELECT {new} + g, {one}, g FROM generate_series(1, 3) g",
                f"UPDATE orders SET total = {new}, user_id = {other} WHERE id = {one}",
                f"DELETE FROM orders WHERE id = {other}",
                f"DELETE FROM cats WHERE id = {one}; INSERT INTO dogs VALUES ({new}, 'came') ON CONFLICT DO NOTHING",
                f'UPDATE "Log ""T"".x" SET at = {chance.randint(0, 99)} WHERE at = {one}',
                "TRUNCATE dogs" if chance.random() < 0.1 else f"UPDATE cats SET name = '{new}' WHERE id = {one}",
            ]
        )
        if chance.random() < 0.05:
            statement += "; SELECT pg_sleep(0.05)"
        return f"BEGIN; {statement}; COMMIT;"


@pytest.mark.parametrize("seed", range(1))
async def test_a_storm_during_copy_and_follow_leaves_no_row_that_differs(following, seed):
    """With acknowledgements that get lost: a batch that is applied twice is the same as one."""
    writers = Writers(following.source, seed)
    with writers:
        await following.start()
        acknowledge, lost = Follower._ack, []

        async def forget(self, changes):
            if random.Random(len(lost)).random() < 0.5:
                await acknowledge(self, changes)
            lost.append(changes.entries)

        Follower._ack = forget
        try:
            for _ in range(6):
                await following.follow()
        finally:
            Follower._ack = acknowledge
    await following.follow()
    print(writers.done, lost)
    assert following.differing() == {}
