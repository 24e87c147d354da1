"""``make test-corpus``: the differ on pairs of schemas that other projects test theirs with.

The files are of the form of ``../shared/data/diff-cases/*.jsonl``: one case a line, ``case``, ``old``, ``new``, and
perhaps ``roles`` and ``seed``. Each pair is tried in both directions. Verdicts, with pg_dump as the judge:

pass         the plan was applied and the dumps are equal, or rightly nothing was printed
near         equal but for the names of NOT NULL constraints
differs      applied, and the dumps are not equal
apply-error  psql stopped at a statement of the plan
tool-error   no plan; ``refused`` counts those of them that are a named refusal, not a crash
silent       nothing was planned although the dumps differ
noise        something was planned although the dumps are equal
data-lost    a table that both states have lost rows
not-loaded   the case itself does not load

Verdicts on plans that have been seen before are remembered; ``--fresh`` forgets them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import queue
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import anyio

import pgserver
from confiture.errors import ConfitureError
from diff import judge
from diff.databases import Databases
from diff.planner import NeedsDecisions, Planned, Planner, Side, planner

__all__ = ["VERDICTS", "read_cases", "score_pair"]

Case = dict[str, str]
Verdict = dict[str, Any]
Memory = dict[str, tuple[str, str]]

VERDICTS = ("pass", "near", "differs", "apply-error", "tool-error", "silent", "noise", "data-lost", "not-loaded")
DATA = Path(__file__).parents[3] / "shared" / "data" / "diff-cases"
_MEMORY = Path(__file__).parents[2] / ".pytest_cache" / "corpus-verdicts.json"
_TIMEOUT_S = 60
#: What names an object and what to do is no failure of the tool.
_REFUSALS = ("refused", "decisions-needed", "feature-missing", "usage")
#: A run keeps its idle connections; so that a leak in one case does not reach far.
_CASES_A_RUN = 50


def read_cases(paths: Iterable[Path], only: str = "", sample: int = 0, seed: int = 1) -> list[Case]:
    """The cases whose names contain ``only``, at most ``sample`` of each file, the same ones each time."""
    found: list[Case] = []
    chance = random.Random(seed)
    for path in paths:
        cases = [json.loads(line) for line in path.read_text().splitlines()]
        cases = [case for case in cases if only in case["case"]]
        if sample:
            cases = chance.sample(cases, min(sample, len(cases)))
        found += cases
    return found


async def score_pair(
    tool: Planner,
    databases: Databases,
    case: Case,
    tag: str,
    folder: Path,
    *,
    drops: Sequence[str] | None = None,
    memory: Memory | None = None,
    keep_sql: bool = False,
) -> list[Verdict]:
    """The verdicts on a pair, forward and backwards.

    ``drops`` go to the tool. Where they are None, it is asked without, and with ``*`` where it needs decisions.
    """
    memory = {} if memory is None else memory
    a, b = f"{tag}_a", f"{tag}_b"
    scripts = {}
    for name in ("old", "new", "roles", "seed"):
        if name in case:
            scripts[name] = folder / f"{tag}-{name}.sql"
            scripts[name].write_text(case[name])
    results: list[Verdict] = [{"case": case["case"]}, {"case": case["case"] + "/back"}]
    sides = (Side(scripts["old"], a), Side(scripts["new"], b))
    try:
        if "roles" in scripts:
            for _ in range(20):  # who makes one in the same moment as another worker finds it there the next time
                if not databases.run("postgres", scripts["roles"]):
                    break
        error = _load(databases, sides) if tool.direct else None
        asked: list[tuple[int, Planned, str]] = []
        for number, result in enumerate(results if not error else []):
            planned = await _ask(tool, sides[number], sides[1 - number], drops, result)
            if planned is None:
                continue
            if keep_sql:
                result["sql"] = planned.sql
            key = hashlib.sha256("\0".join([*case.values(), str(number), planned.sql]).encode()).hexdigest()
            asked.append((number, planned, key))
        if not tool.direct and not all(key in memory for _, _, key in asked):
            error = _load(databases, sides)
        if error:
            return [result | {"verdict": "not-loaded", "detail": error[:300]} for result in results]
        if "seed" in scripts and databases.run(a, scripts["seed"]):
            scripts.pop("seed").unlink()
        dumps: list[tuple[str, ...]] = []
        for number, planned, key in asked:
            if key not in memory:
                dumps = dumps or [databases.dump(a), databases.dump(b)]
                seeded = databases.counts(a) if "seed" in scripts and number == 0 else {}
                want = dumps[1 - number]
                memory[key] = _judge(databases, sides[number].database, planned, dumps[number], want, seeded, folder)
            results[number]["verdict"], results[number]["detail"] = memory[key]
        return results
    finally:
        databases.drop(a, b)
        for script in scripts.values():
            script.unlink(missing_ok=True)


def _load(databases: Databases, sides: Iterable[Side]) -> str | None:
    for side in sides:
        databases.create(side.database)
        if error := databases.load(side.database, side.script):
            return f"{side.script.name}: {error}"
    return None


async def _ask(tool: Planner, old: Side, new: Side, drops: Sequence[str] | None, result: Verdict) -> Planned | None:
    try:
        with anyio.fail_after(_TIMEOUT_S):
            try:
                return await tool.plan(old, new, drops=tuple(drops or ()))
            except (ConfitureError, NeedsDecisions) as error:
                if drops is not None or not needs_decisions(error):
                    raise
            result["asked"] = True
            return await tool.plan(old, new, drops=("*",))
    except ConfitureError as error:
        refused = error.code in _REFUSALS
        result |= {"verdict": "tool-error", "refused": refused, "detail": f"{error.code}: {error.message[:600]}"}
    except TimeoutError:
        result |= {"verdict": "tool-error", "detail": "timeout"}
    except Exception:
        result |= {"verdict": "tool-error", "detail": "crash: " + traceback.format_exc()[-600:]}
    return None


def needs_decisions(error: BaseException) -> bool:
    """Whether the tool stopped to ask what became of something."""
    return "decision" in str(getattr(error, "code", "")).lower()


def _judge(
    databases: Databases,
    name: str,
    planned: Planned,
    before: tuple[str, ...],
    want: tuple[str, ...],
    seeded: dict[str, int],
    folder: Path,
) -> tuple[str, str]:
    same = judge.without_comments(before) == judge.without_comments(want)
    if not planned.sql.strip():
        return ("pass", "") if same else ("silent", judge.explain(before, want, 200)[:800])
    if same:
        return "noise", planned.sql[:600]
    script = folder / f"{name}-plan.sql"
    script.write_text(planned.sql)
    error = databases.run(name, script)
    script.unlink()
    if error:
        return "apply-error", next((line for line in error.split("\n") if "ERROR" in line), error)[:400]
    got = databases.dump(name)
    if judge.without_comments(got) != judge.without_comments(want):
        got, want = judge.without_comments(got), judge.without_comments(want)
        if judge.without_not_null_names(got) == judge.without_not_null_names(want):
            return "near", judge.explain(got, want, 300)[:800]
        return "differs", judge.explain(got, want, 400)[:2000]
    left = databases.counts(name) if seeded else {}
    lost = [table for table, rows in seeded.items() if left.get(table, rows) < rows]
    return ("data-lost", ", ".join(lost)) if lost else ("pass", "")


async def _work(cases: Any, done: Any, number: int, options: argparse.Namespace, memory: Memory) -> None:
    databases = Databases(pgserver.server_params())
    folder = Path(os.environ["CONFITURE_CACHE_DIR"]) / f"worker{number}"
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    while True:
        async with planner(databases, folder, direct=options.direct) as tool:
            for _ in range(_CASES_A_RUN):
                try:
                    case = cases.get_nowait()
                except queue.Empty:
                    return
                count += 1
                tag = f"corpus_{number}_{count}"
                known = len(memory)
                try:
                    verdicts = await score_pair(
                        tool, databases, case, tag, folder, drops=options.drop, memory=memory, keep_sql=options.sql
                    )
                except Exception:
                    detail = "runner: " + traceback.format_exc()[-600:]
                    verdicts = [{"case": case["case"], "verdict": "not-loaded", "detail": detail}]
                done.put((verdicts, dict(list(memory.items())[known:])))


def _worker(cases: Any, done: Any, number: int, options: argparse.Namespace, memory: Memory) -> None:
    try:
        anyio.run(_work, cases, done, number, options, memory)
    except Exception:
        traceback.print_exc()
    finally:
        done.put(None)


def _run(cases: list[Case], options: argparse.Namespace, memory: Memory) -> list[Verdict]:
    processes = multiprocessing.get_context("spawn")
    waiting, done = processes.Queue(), processes.Queue()
    for case in cases:
        waiting.put(case)
    workers = [
        processes.Process(target=_worker, args=(waiting, done, number, options, memory), daemon=True)
        for number in range(options.jobs)
    ]
    waiting.cancel_join_thread()  # ended early, nobody would read the rest
    for worker in workers:
        worker.start()
    try:
        results = _collect(done, workers, len(cases), memory)
        for worker in workers:
            worker.join()
    finally:
        for worker in workers:
            worker.kill()
    return results


def _collect(done: Any, workers: Sequence[Any], total: int, memory: Memory) -> list[Verdict]:
    results: list[Verdict] = []
    left = len(workers)
    while left:
        try:
            message = done.get(timeout=5)
        except queue.Empty:
            if not any(worker.is_alive() for worker in workers):
                break
            continue
        if message is None:
            left -= 1
            continue
        verdicts, learnt = message
        results += verdicts
        memory.update(learnt)
        if sys.stderr.isatty():
            print(f"\r{len(results) // 2}/{total}", end="", file=sys.stderr)
    return results


def _table(results: Sequence[Verdict]) -> str:
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        for name in (result["case"].split("/")[0], "total"):
            rows[name][result["verdict"]] += 1
            rows[name]["refused"] += bool(result.get("refused"))
            rows[name]["asked"] += bool(result.get("asked"))
    heads = (*VERDICTS, "refused", "asked")
    lines = [f"{'corpus':16s} {'cases':>6s}" + "".join(f" {head:>11s}" for head in heads)]
    for name in [*sorted(name for name in rows if name != "total"), "total"]:
        total = sum(rows[name][verdict] for verdict in VERDICTS)
        lines.append(f"{name:16s} {total:6d}" + "".join(f" {rows[name][head]:11d}" for head in heads))
    good, judged = rows["total"]["pass"] + rows["total"]["near"], len(results) - rows["total"]["not-loaded"]
    if judged:
        lines.append(f"pass or near: {100 * good / judged:.1f} % of {judged}")
    return "\n".join(lines)


def main() -> int:
    """Score the corpus; 1 where something is silent or noise, or less than 95 % pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, default=[DATA], help="jsonl files, or folders of them")
    parser.add_argument("--only", default="", help="only cases whose name contains this text")
    parser.add_argument("--sample", type=int, default=0, help="at most N cases of each file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--drop", action="append", help="what may be dropped; without it '*', but only when asked")
    parser.add_argument("--direct", action="store_true", help="the differ alone, on the judge's two databases")
    parser.add_argument("--sql", action="store_true", help="keep the plans in the report")
    parser.add_argument("--fresh", action="store_true", help="judge everything anew")
    parser.add_argument("--show", action="store_true", help="print every case that is not pass")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    paths = [file for path in options.paths for file in (sorted(path.glob("*.jsonl")) if path.is_dir() else [path])]
    missing = [str(path) for path in paths if not path.exists()]
    if missing or not paths:
        print(f"skipped: no cases at {', '.join(missing or map(str, options.paths))}")
        return 0
    memory: Memory = {}
    if _MEMORY.exists() and not options.fresh:
        memory = {key: (verdict, detail) for key, (verdict, detail) in json.loads(_MEMORY.read_text()).items()}
    cases = read_cases(paths, options.only, options.sample, options.seed)
    start = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server ends and the verdicts are kept
    session = pgserver.Session()
    os.environ["CONFITURE_CACHE_DIR"] = cache = tempfile.mkdtemp(prefix="confiture-corpus-")
    try:
        results = sorted(_run(cases, options, memory), key=lambda result: result["case"])
    finally:
        session.end()
        shutil.rmtree(cache, ignore_errors=True)
        _MEMORY.parent.mkdir(exist_ok=True)
        _MEMORY.write_text(json.dumps(memory))
    if options.report:
        options.report.write_text(json.dumps(results, indent=1) + "\n")
    if options.show:
        for result in results:
            if result["verdict"] != "pass":
                print(f"{result['verdict']:12s} {result['case']}\n    " + result["detail"].replace("\n", "\n    "))
                if "sql" in result:
                    print("    > " + result["sql"].strip().replace("\n", "\n    > "))
    print(_table(results))
    print(f"{time.monotonic() - start:.0f} s")
    counts = Counter(result["verdict"] for result in results)
    bad = counts["silent"] + counts["noise"] + counts["data-lost"]
    return int(bad > 0 or counts["pass"] + counts["near"] < 0.95 * len(results))


if __name__ == "__main__":
    sys.exit(main())
