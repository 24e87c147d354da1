"""The transfer engine ``copy`` beside a pipe of two psql, one table and one worker; what masks in the client cost."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
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
    def __init__(self, server: Target, folder: Path, data: Path) -> None:
        self.folder = folder
        self.postmaster = int((data / "postmaster.pid").read_text().split()[0])
        self.cpu_s: dict[str, list[float]] = {}
        self.psql = [str(pgserver.binaries() / "psql"), "-XqAt", "-h", server.params["host"], "-U", pgserver.SUPERUSER]
        self.source, self.target = server.with_database("bench_copy_a"), server.with_database("bench_copy_b")

    def run(self, place: Target, *commands: str) -> str:
        options = [part for command in commands for part in ("-c", command)]
        done = subprocess.run([*self.psql, "-d", place.database, *options], check=True, capture_output=True, text=True)
        return done.stdout

    def metered(self, name: str, work: Callable[[], None]) -> Callable[[], None]:
        """``work``, its CPU seconds remembered, servers and clients together: on a busy machine they tell more."""

        def run() -> None:
            before = self._cpu_s()
            work()
            time.sleep(0.05)  # until the server has counted the sessions that ended
            self.cpu_s.setdefault(name, []).append(self._cpu_s() - before)

        return run

    def _cpu_s(self) -> float:
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        fields = Path(f"/proc/{self.postmaster}/stat").read_text().rpartition(")")[2].split()
        ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
        return ended + own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime

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
        job = _Measuring(session.server, folder, session.data)
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
                Side(name, job.metered(name, work), before=emptied)
                for name, work in (
                    ("psql | psql", job.pipe),
                    ("copy", job.engine),
                    ("copy, a mask in SQL", lambda: job.engine([by_sql])),
                    ("copy, a mask in Python", lambda: job.engine([by_function])),
                )
            ],
            rounds=int(os.environ.get("CONFITURE_BENCH_ROUNDS", "5")),
        )
        _judge(results, {name: statistics.median(each) for name, each in job.cpu_s.items()})


def _judge(results: Sequence[Result], cpu_s: Mapping[str, float]) -> None:
    pipe, plain, _, masked = results
    for what, found, wanted in (
        ("unmasked, rows/s of the pipe's", pipe.median / plain.median, UNMASKED),
        ("a mask in Python, rows/s of unmasked", plain.median / masked.median, MASKED),
    ):
        print(f"  {what}: {found:.2f} (wanted: {wanted:.2f}) {'' if found >= wanted else 'MISSED'}")
    print(f"  rows/s: {', '.join(f'{each.name} {ROWS / each.median:,.0f}' for each in results)}")
    print(f"  CPU s of servers and clients: {', '.join(f'{name} {each:.2f}' for name, each in cpu_s.items())}")
    sys.stdout.flush()


class _Session:
    """The tests' server, for as long as it is needed."""

    def __init__(self) -> None:
        self._session = pgserver.Session()
        self.data = self._session.folder / "data"
        self.server = Target(label="bench", params=pgserver.server_params(), managed=True)

    def close(self) -> None:
        self._session.end()
