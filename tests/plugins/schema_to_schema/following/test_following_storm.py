"""An old database that is written to in every way while it is copied and followed. Judged by psql, with EXCEPT."""

from __future__ import annotations

import os
import random
import subprocess
import threading

import anyio
import pytest

import pgserver
from confiture.config.dsn import to_uri
from confiture.model import Progress
from confiture.transfer import keep_connections
from confiture_schema_to_schema.following import reopened, take_epoch
from confiture_schema_to_schema.following.batches import Follower
from confiture_schema_to_schema.model import FollowRequest
from confiture_schema_to_schema.sides import find_sides

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
                f"UPDATE country SET region = {chance.randint(1, 3)} WHERE code = '{chance.choice('abcd')}';"
                f" UPDATE region SET name = '{new}'",
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


async def test_a_storm_during_copy_and_follow_leaves_no_row_that_differs(following, monkeypatch):
    """The start is cut and gone on with; half of the acknowledgements are lost: what is applied twice does no harm."""
    chance = random.Random(7)
    acknowledge = Follower._ack

    async def forget(self, changes):
        if chance.random() < 0.5:
            await acknowledge(self, changes)

    writers = Writers(following.source, 1)
    with writers:
        with anyio.CancelScope() as scope:

            def cut(event):
                if isinstance(event, Progress) and event.step == "schema-to-schema.rows":
                    scope.cancel()

            await following.start(observers=[cut])
        assert scope.cancelled_caught
        assert (await following.start(resume=True)).resumed
        with monkeypatch.context() as patch:
            patch.setattr(Follower, "_ack", forget)
            patch.setattr("confiture_schema_to_schema.following.batches.SOME", 40)
            await _follow_for(following, batches=30)
    assert writers.done > 100
    await following.follow()
    assert following.differing() == {}


async def _follow_for(following, batches):
    """With a limit of changes for each batch, so that what belongs together comes apart."""
    async with following.run(following.project, database=following.source) as run, keep_connections(run) as kept:
        found = await reopened(kept, await find_sides(kept, FollowRequest()))
        follower = Follower(kept, found.job, found.watch, await take_epoch(kept, found.job))
        for number in range(batches):
            await follower.batch(strict=number % 5 == 0, refresh=number % 5 == 0)
