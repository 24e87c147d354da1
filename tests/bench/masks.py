"""What masks cost beside the unmasked copy of the same table; the memory of a client that copies much and little."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pgserver
from bench.copying import _Measuring, _Session
from bench.harness import Result, Side, measure
from confiture.hooks import ANONYMIZER, TRANSFER
from confiture.kernel import Kernel
from confiture.masking import MaskedTable, MaskingKey, compile_masks, read_rule, read_table
from confiture.model import Target, TransferTask

ROWS = int(os.environ.get("CONFITURE_BENCH_ROWS", "5000000"))
FEW = 10_000
#: At most so many times the unmasked copy's time; at least so much of its rows a second; at most so much memory.
MISSION, HASHES, PYTHON, PEAK_MB = 1.8, 2.5, 0.40, 150
KEY = MaskingKey(b"a key for the bench of masks")
COLUMNS = (
    "(id bigint NOT NULL, email text NOT NULL, login text, phone text, ssn text, card text, address text, "
    "created timestamptz NOT NULL, balance numeric(12,2), active bool NOT NULL, country text, note text)"
)
FILL = f"""
INSERT INTO users SELECT n, 'someone.' || n || '@corp.example', 'login' || n, '+49 171 ' || 1000000 + n,
       lpad((n % 999)::text, 3, '0') || '-45-' || lpad((n % 9999)::text, 4, '0'),
       '4111 1111 1111 ' || lpad((n % 9999)::text, 4, '0'), n % 200 || ' Long Street, Town ' || n % 5000,
       timestamptz '2020-01-01' + n * interval '1 s', (n % 100000) / 100.0, n % 3 = 0, 'DE', repeat('x', (n % 60)::int)
  FROM generate_series(1, {ROWS}) AS n
"""
MASKED = ("email", "login", "phone", "ssn", "card", "address")
RULES: Mapping[str, Mapping[str, Any]] = {
    "unmasked": {},
    "the mission's six": {
        "email": "user_{id}@example.com",
        "login": "login_{id}",
        "phone": "+1-555-{random(4)}",
        "ssn": "XXX-XX-{random(4)}",
        "card": "**** **** **** {last4}",
        "address": {"constant": "1 Main Street"},
    },
    "six hashes, one draw a row": {name: {"template": "{hash}", "per": "row"} for name in MASKED},
    "six hashes, a draw for each value": dict.fromkeys(MASKED, "{hash}"),
    "a Python rule": {"email": {"python": "bench.masks:mask_email"}},
}


def mask_email(value: str) -> str:
    """Some work, as a rule of somebody's would do."""
    name, _, _ = value.partition("@")
    return f"{name[:3]}...@example.org"


async def _copy(folder: Path, source: Target, target: Target, rules: Mapping[str, Any], condition: str = "") -> int:
    async with Kernel(folder).run() as run:
        masked = await _compile(run, source, rules)
        task = TransferTask(
            source=source,
            target=target,
            table="users",
            columns=masked.columns,
            query=masked.where(condition) if condition else masked.query,
            settings=KEY.settings,
            step="bench",
            estimated_rows=ROWS,
        )
        return (await run.get(TRANSFER, "copy").transfer(run, task, masked.masks)).rows


async def _compile(run: Any, source: Target, rules: Mapping[str, Any]) -> MaskedTable:
    async with run.connect(source) as connection:
        table = await read_table(connection, "public", "users")
    read = {name: read_rule(rule, path=f"anonymize.users.{name}") for name, rule in rules.items()}
    return compile_masks(lambda kind: run.get(ANONYMIZER, kind), table, read, KEY, check=False)


def run(folder: Path) -> None:
    """One table and one worker; every side is the same copy with other rules."""
    (folder / "confiture.toml").touch()
    with closing(_Session()) as session:
        job = _Measuring(session.server, folder, session.data)
        for place in (job.source, job.target):
            job.run(session.server, f"CREATE DATABASE {place.database}")
            job.run(place, f"CREATE TABLE users {COLUMNS}")
        begun = time.perf_counter()
        job.run(job.source, FILL, "ALTER TABLE users ADD PRIMARY KEY (id)", "VACUUM ANALYZE users")
        size = job.run(job.source, "SELECT pg_size_pretty(pg_table_size('users'))").strip()
        print(f"\n{ROWS} rows, {size}, made in {time.perf_counter() - begun:.0f} s")

        def emptied() -> None:
            job.run(job.target, "TRUNCATE users", "CHECKPOINT")

        def copied(rules: Mapping[str, Any]) -> Callable[[], None]:
            def work() -> None:
                assert anyio.run(_copy, folder, job.source, job.target, rules) == ROWS

            return work

        results = measure(
            f"a copy of {ROWS} rows of 12 columns with rules, one worker",
            [Side(name, job.metered(name, copied(rules)), before=emptied) for name, rules in RULES.items()],
            rounds=int(os.environ.get("CONFITURE_BENCH_ROUNDS", "5")),
        )
        _judge(results, {name: statistics.median(each) for name, each in job.cpu_s.items()})
        _memory(folder, job, emptied)


def _judge(results: Sequence[Result], cpu_s: Mapping[str, float]) -> None:
    plain, mission, by_row, by_value, python = results
    for result, most in ((mission, MISSION), (by_row, HASHES), (by_value, None)):
        ratio = result.median / plain.median
        wanted = "" if most is None else f" (wanted: {most:.2f} at most) {'' if ratio <= most else 'MISSED'}"
        print(f"  {result.name}, time of unmasked: {ratio:.2f}{wanted}")
    rate = plain.median / python.median
    print(
        f"  {python.name}, rows/s of unmasked: {rate:.2f} (wanted: {PYTHON:.2f}) {'' if rate >= PYTHON else 'MISSED'}"
    )
    base = cpu_s[plain.name]
    print(
        "  CPU s of servers and client: "
        + ", ".join(f"{name} {each:.2f} (x {each / base:.2f})" for name, each in cpu_s.items())
    )
    sys.stdout.flush()


def _memory(folder: Path, job: _Measuring, emptied: Callable[[], None]) -> None:
    print("\npeak memory of a client process")
    for name in ("the mission's six", "a Python rule"):
        for rows in (FEW, ROWS):
            emptied()
            command = [sys.executable, __file__, str(folder), *_place(job.source), *_place(job.target), name, str(rows)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            peak = float(done.stdout)
            print(f"  {name}, {rows} rows: {peak:.0f} MB {'' if peak < PEAK_MB else f'MISSED (wanted: {PEAK_MB})'}")
    sys.stdout.flush()


def _place(target: Target) -> tuple[str, str]:
    return target.params["host"], target.database


def _client(folder: str, *arguments: str) -> None:
    """A process of its own: copies so many rows, and prints its peak memory in MB."""
    import resource

    host, source, target_host, target, name, rows = arguments
    places = [
        Target(label="bench", params={"host": at, "user": pgserver.SUPERUSER, "dbname": database}, managed=True)
        for at, database in ((host, source), (target_host, target))
    ]
    found = anyio.run(_copy, Path(folder), *places, RULES[name], f"id <= {rows}")
    assert found == int(rows)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    _client(*sys.argv[1:])
