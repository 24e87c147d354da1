"""The transfer engine ``copy`` beside a pipe of two psql, one table and one worker; what masks in the client cost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import anyio

import pgserver
from bench.harness import Result, Side, measure
from confiture.kernel import Kernel
from confiture.model import Mask, Target, TransferTask
from confiture.registry import Registry
from confiture_copy.engine import CopyEngine

ROWS = int(os.environ.get("CONFITURE_BENCH_ROWS", "5000000"))
#: At least this much of the pipe's rows a second without masks, and of those with one function.
UNMASKED, MASKED = 0.95, 0.40
COLUMNS = ("id", "email", "name", "born", "created", "balance", "active", "note")
QUERY = f"SELECT {', '.join(COLUMNS)} FROM t"
TABLE = (
    "CREATE TABLE t (id bigint NOT NULL, email text NOT NULL, name text, born date, created timestamptz NOT NULL, "
    "balance numeric(12,2), active bool NOT NULL, note text)"
)
FILL = f"""
INSERT INTO t SELECT n, 'user_' || n || '@example.com', 'Name ' || n % 5000, date '1970-01-01' + (n % 15000)::int,
       timestamptz '2020-01-01' + n * interval '1 s', (n % 100000) / 100.0, n % 3 = 0,
       CASE WHEN n % 5 > 0 THEN repeat('x', (n % 40)::int) END
  FROM generate_series(1, {ROWS}) AS n
"""


def mask_email(value: bytes | None) -> bytes | None:
    """Some work, as a rule of somebody's would do."""
    if value is None:
        return None
    name, _, _ = value.partition(b"@")
    return b"%s...@example.org" % name[:3]


class _Measuring:
    def __init__(self, server: Target, folder: Path) -> None:
        self.folder = folder
        self.psql = [str(pgserver.binaries() / "psql"), "-XqAt", "-h", server.params["host"], "-U", pgserver.SUPERUSER]
        self.source, self.target = server.with_database("bench_copy_a"), server.with_database("bench_copy_b")

    def run(self, place: Target, *commands: str) -> str:
        options = [part for command in commands for part in ("-c", command)]
        done = subprocess.run([*self.psql, "-d", place.database, *options], check=True, capture_output=True, text=True)
        return done.stdout

    def pipe(self) -> None:
        out = [*self.psql, "-d", self.source.database, "-c", f"COPY ({QUERY}) TO STDOUT (FORMAT binary)"]
        into = [*self.psql, "-d", self.target.database, "-c", "COPY t FROM STDIN (FORMAT binary)"]
        with subprocess.Popen(out, stdout=subprocess.PIPE) as first:
            subprocess.run(into, stdin=first.stdout, check=True)
        assert first.returncode == 0

    def engine(self, masks: Sequence[Mask] = ()) -> None:
        anyio.run(self._transfer, masks)

    async def _transfer(self, masks: Sequence[Mask]) -> None:
        task = TransferTask(
            source=self.source,
            target=self.target,
            table="t",
            columns=COLUMNS,
            query=QUERY,
            step="bench",
            estimated_rows=ROWS,
        )
        async with Kernel(self.folder, registry=Registry(entry_points=())).run() as run:
            report = await CopyEngine().transfer(run, task, masks)
        assert report.rows == ROWS


def run(folder: Path) -> None:
    """One table, unmasked, with a mask on the source, with a mask in the client."""
    (folder / "confiture.toml").touch()
    with closing(_Session()) as session:
        job = _Measuring(session.server, folder)
        for place in (job.source, job.target):
            job.run(session.server, f"CREATE DATABASE {place.database}")
            job.run(place, TABLE)
        begun = time.perf_counter()
        job.run(job.source, FILL, "VACUUM ANALYZE t")
        size = job.run(job.source, "SELECT pg_size_pretty(pg_table_size('t'))").strip()
        print(f"\n{ROWS} rows, {size}, made in {time.perf_counter() - begun:.0f} s")

        def emptied() -> None:
            job.run(job.target, "TRUNCATE t", "CHECKPOINT")

        by_sql = Mask(column="email", expression="'user_' || id || '@example.com'")
        by_function = Mask(column="email", function=mask_email)
        results = measure(
            f"copy of {ROWS} rows of {len(COLUMNS)} columns, one worker",
            [
                Side("psql | psql", job.pipe, before=emptied),
                Side("copy", job.engine, before=emptied),
                Side("copy, a mask in SQL", lambda: job.engine([by_sql]), before=emptied),
                Side("copy, a mask in Python", lambda: job.engine([by_function]), before=emptied),
            ],
            rounds=int(os.environ.get("CONFITURE_BENCH_ROUNDS", "5")),
        )
    _judge(results)


def _judge(results: Sequence[Result]) -> None:
    pipe, plain, _, masked = results
    for what, found, wanted in (
        ("unmasked, rows/s of the pipe's", pipe.median / plain.median, UNMASKED),
        ("a mask in Python, rows/s of unmasked", plain.median / masked.median, MASKED),
    ):
        print(f"  {what}: {found:.2f} (wanted: {wanted:.2f}) {'' if found >= wanted else 'MISSED'}")
    print(f"  rows/s: {', '.join(f'{each.name} {ROWS / each.median:,.0f}' for each in results)}")
    sys.stdout.flush()


class _Session:
    """The tests' server, for as long as it is needed."""

    def __init__(self) -> None:
        self._session = pgserver.Session()
        self.server = Target(label="bench", params=pgserver.server_params(), managed=True)

    def close(self) -> None:
        self._session.end()
