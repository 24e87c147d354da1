"""Measures what the embedded server's settings are worth. Not a test: ``python tests/plugins/embedded/measure.py``.

Every variant is our settings with one thing changed, on a server of its own. All servers take turns within each
round, each round in another order, so that a busy machine slows all of them alike; the table shows medians and the
ratio to ours. "ours again" is what the machine's noise is worth. "cpu" is the time that the session's backend was on
a processor, in which other programs have less part. A ratio is the median of the rounds' ratios.
"""

# ruff: noqa: ASYNC240 - small files, looked at between two steps
from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import asyncpg

from confiture_embedded import cluster
from confiture_embedded.binaries import find
from confiture_embedded.layout import make_home

VARIANTS: dict[str, dict[str, str | int | float | bool]] = {
    "ours": {},
    "ours again": {},
    "PostgreSQL's own": {
        "fsync": "on", "full_page_writes": "on", "checkpoint_timeout": "5min", "max_locks_per_transaction": 64,
    },
    "fsync = on": {"fsync": "on"},
    "full_page_writes = on": {"full_page_writes": "on"},
    "synchronous_commit = off": {"synchronous_commit": "off"},
    "wal_level = minimal": {"wal_level": "minimal"},
    "wal_level = logical": {"wal_level": "logical"},
    "max_locks_per_transaction = 64": {"max_locks_per_transaction": 64},
    "shared_buffers = 32MB": {"shared_buffers": "32MB"},
    "shared_buffers = 256MB": {"shared_buffers": "256MB"},
    "autovacuum = off": {"autovacuum": "off"},
    "io_method = sync": {"io_method": "sync"},
    "file_copy_method = clone": {"file_copy_method": "clone"},
    "data checksums": {},
}  # fmt: skip


def schema(tables: int) -> list[str]:
    """Tables with two indexes, a view, a function and a comment each: 100 tables a batch."""
    made = []
    for i in range(tables):
        reference = f" REFERENCES t{i - 1:04d} (id)" if i else ""
        made.append(
            f"CREATE TABLE t{i:04d} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,"
            " email text UNIQUE, amount numeric(12,2) DEFAULT 0 CHECK (amount >= 0),"
            f" created_at timestamptz NOT NULL DEFAULT now(), parent_id bigint{reference});"
            f"CREATE INDEX t{i:04d}_name_idx ON t{i:04d} (name);"
            f"CREATE INDEX t{i:04d}_created_idx ON t{i:04d} (created_at DESC) WHERE amount > 0;"
            f"CREATE VIEW v{i:04d} AS SELECT id, name, amount FROM t{i:04d} WHERE amount > 10;"
            f"CREATE FUNCTION f{i:04d}(p bigint) RETURNS numeric LANGUAGE sql STABLE AS"
            f" $$ SELECT amount FROM t{i:04d} WHERE id = p $$;"
            f"COMMENT ON TABLE t{i:04d} IS 'table number {i}';"
        )
    return ["".join(made[i : i + 100]) for i in range(0, tables, 100)]


async def measure(server: cluster.Postmaster) -> dict[str, float]:
    async def connect(database: str) -> asyncpg.Connection:
        return await asyncpg.connect(host=server.socket, port=server.port, user="postgres", database=database)

    figures = {}
    admin = await connect("postgres")
    for name in ("small", "large", "copied", "logged"):
        await admin.execute(f"DROP DATABASE IF EXISTS {name}")
    for name, tables in (("small", 100), ("large", 1000)):
        began = time.perf_counter()
        await admin.execute(f"CREATE DATABASE {name} STRATEGY file_copy")
        figures["create"] = time.perf_counter() - began
        connection = await connect(name)
        began = time.perf_counter()
        cpu = await on_cpu(connection)
        for batch in schema(tables):
            await connection.execute(batch)
        figures[f"build {tables}"] = time.perf_counter() - began
        figures[f"cpu {tables}"] = await on_cpu(connection) - cpu
        await connection.close()
    for name, strategy in (("copied", "file_copy"), ("logged", "wal_log")):
        cpu = await on_cpu(admin)
        began = time.perf_counter()
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE large STRATEGY {strategy}")
        figures[f"clone {strategy}"] = time.perf_counter() - began
        figures[f"cpu {strategy}"] = await on_cpu(admin) - cpu
    began = time.perf_counter()
    await admin.execute("DROP DATABASE copied")
    figures["drop"] = time.perf_counter() - began
    await admin.close()
    return figures


async def on_cpu(connection: asyncpg.Connection) -> float:
    """Seconds that the connection's backend has been on a processor."""
    pid = connection.get_server_pid()
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def memory(server: cluster.Postmaster) -> float:
    """Proportional memory of the server's processes without a client, in MB."""
    total = 0
    pids = subprocess.run(["pgrep", "-P", str(server.pid)], capture_output=True, text=True).stdout.split()
    for pid in (str(server.pid), *pids):
        with suppress(FileNotFoundError):  # a backend that was ending
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", default="/dev/shm")
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    names = [name for name in VARIANTS if name.startswith("ours") or not options.only or name in options.only]
    with tempfile.TemporaryDirectory(prefix="confiture-measure-", dir=options.folder) as folder:
        Path(folder).chmod(0o755)
        homes = {name: make_home(Path(folder) / str(number)) for number, name in enumerate(names)}
        wanted = {name: cluster.Wanted(binaries=find(), settings=VARIANTS[name]) for name in homes}
        figures: dict[str, dict[str, list[float]]] = {name: {} for name in homes}
        try:
            for name, home in homes.items():
                cluster.create(home, find())
                if name == "data checksums":
                    command = [find().program("pg_checksums"), "--enable", "--no-sync", "-D", str(home.data)]
                    subprocess.run(command, check=True, capture_output=True, **home.account.popen())
            for number in range(options.rounds):
                order = list(homes)
                first = number * 3 % len(order)
                for name in (*order[first:], *order[:first]):
                    home = homes[name]
                    began = time.perf_counter()
                    server = cluster.start(home, wanted[name])
                    found = {"start": time.perf_counter() - began}
                    found |= asyncio.run(measure(server))
                    found["memory MB"] = memory(server)
                    began = time.perf_counter()
                    cluster.stop(home)
                    found["stop"] = time.perf_counter() - began
                    for key, value in found.items():
                        figures[name].setdefault(key, []).append(value)
                print(f"after round {number + 1}")
                show(figures)
        finally:
            for home in homes.values():
                cluster.stop(home)


def show(figures: dict[str, dict[str, list[float]]]) -> None:
    """The table so far: milliseconds and megabytes, medians and the ratio to ours."""
    columns = list(figures["ours"])
    print("|", " | ".join(["setting", *columns]), "|")
    print("|", " | ".join(["---"] * (len(columns) + 1)), "|")
    for name, values in figures.items():
        cells = []
        for column in columns:
            median = statistics.median(values[column])
            pairs = zip(values[column], figures["ours"][column], strict=True)
            ratio = statistics.median(value / ours for value, ours in pairs)
            shown = f"{median:.0f}" if column == "memory MB" else f"{median * 1000:.0f}"
            cells.append(shown if name == "ours" else f"{shown} ({ratio:.2f})")
        print("|", " | ".join([name, *cells]), "|", flush=True)


if __name__ == "__main__":
    main()
