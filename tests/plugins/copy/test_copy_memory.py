"""The client's memory is flat, however many rows there are and whichever side is slow: measured in a process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from confiture.kernel import Kernel
from confiture.model import Mask, Target, TransferTask
from confiture.registry import Registry
from confiture_copy.engine import CopyEngine

LIMIT_KB = 150 * 1024


@pytest.mark.parametrize("case", ["plain", "slow target", "slow source", "masked"])
def test_the_clients_memory_is_flat(both, psql, source, target, tmp_path, case):
    """250 MB go through in less than 150 MB, of which Python and the driver take a third."""
    both("CREATE UNLOGGED TABLE t (id int, v text)")
    query = "SELECT n, repeat('x', 2000) FROM generate_series(1, 125000) AS n"
    if case == "slow target":
        psql(
            target,
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF NEW.id % 100 = 0 THEN PERFORM pg_sleep(0.002); END IF; RETURN NEW; END $$; "
            "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        )
    if case == "slow source":
        query = query.replace("2000)", "2000) || CASE n % 100 WHEN 0 THEN pg_sleep(0.002)::text ELSE '' END")
    job = {"source": source.params, "target": target.params, "query": query, "masked": case == "masked"}
    command = [sys.executable, __file__, json.dumps(job), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["rows"], report["bytes"] > 250_000_000) == (125_000, True)
    assert report["peak_kb"] < LIMIT_KB


async def _transfer(job, root: Path) -> None:
    source, target = Target(label="a", params=job["source"]), Target(label="b", params=job["target"])
    task = TransferTask(source=source, target=target, table="t", columns=("id", "v"), query=job["query"], step="t")
    masks = [Mask(column="v", function=bytes.upper)] if job["masked"] else []
    async with Kernel(root, registry=Registry(entry_points=())).run() as run:
        report = await CopyEngine().transfer(run, task, masks)
    print(json.dumps({"rows": report.rows, "bytes": report.bytes, "peak_kb": _peak_kb()}))


def _peak_kb() -> int:
    # ru_maxrss would begin with the size of the process that this one was forked from.
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


if __name__ == "__main__":
    root = Path(sys.argv[2])
    (root / "confiture.toml").touch()
    asyncio.run(_transfer(json.loads(sys.argv[1]), root))
