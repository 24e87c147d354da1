"""``confiture migrate diff`` on 100 tables: cold, cached, proved, equal; against migra; and reading large catalogs."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.harness import Side, measure
from bench.project import BenchProject
from data import generate_schema

_TABLES = 100
#: What a working day changes in a schema of 100 tables.
_CHANGES = (
    ("CREATE TABLE t0007 (", "CREATE TABLE t0007 (\n    bio text,"),
    ("CREATE INDEX t0011_name_idx ON t0011 (name)", "CREATE INDEX t0011_name_idx ON t0011 (lower(name))"),
    ("'table number 13'", "'the thirteenth'"),
    ("FROM t0017 WHERE amount > 10", "FROM t0017 WHERE amount > 11"),
    ("SELECT amount FROM t0019 WHERE id = p", "SELECT amount + 1 FROM t0019 WHERE id = p"),
)


def run(folder: Path) -> None:
    """Whole processes on a running scratch server; then the inspector alone."""
    project = BenchProject(folder, _TABLES)
    try:
        _run_diff(project)
    finally:
        project.close()
    for tables in (1000, 5000):
        _run_inspector(folder, tables)


def _run_diff(project: BenchProject) -> None:
    old, new, same = (project.root / f"{name}.sql" for name in ("old", "new", "same"))
    text = generate_schema.script(_TABLES)
    old.write_text(text)
    same.write_text("-- the same, written otherwise\n" + text)
    for before, after in _CHANGES:
        assert before in text, before
        text = text.replace(before, after)
    new.write_text(text + "CREATE TABLE added (id bigint PRIMARY KEY, t bigint REFERENCES t0023);\n")

    def diff(*options: str) -> None:
        project.confiture("migrate", "diff", str(old), str(new), "--format", "sql", *options)

    def equal() -> None:
        project.confiture("migrate", "diff", str(old), str(same), "--format", "sql")

    def forget() -> None:
        shutil.rmtree(Path(os.environ["CONFITURE_CACHE_DIR"]) / "schemas", ignore_errors=True)

    def forget_new() -> None:
        """As after an edit: the old side was yesterday's new one."""
        forget()
        project.confiture("migrate", "diff", "empty:", str(old), "--format", "sql", "--no-prove")

    diff("--no-prove")
    sides = [
        Side("--no-prove, nothing cached", lambda: diff("--no-prove"), forget),
        Side("--no-prove, the old side cached", lambda: diff("--no-prove"), forget_new),
        Side("proved, nothing cached", lambda: diff(), forget),
        Side("equal sides, no server asked", equal, forget),
    ]
    if (migra := Path(sys.executable).with_name("migra")).exists():
        _load(project, "bench_old", old)
        _load(project, "bench_new", new)
        urls = [_url(project, name) for name in ("bench_old", "bench_new")]
        sides.append(Side("migra --unsafe, both databases given", lambda: _migra(migra, urls)))

        def loaded() -> None:
            _load(project, "bench_old", old)
            _load(project, "bench_new", new)
            _migra(migra, urls)

        sides.append(Side("psql -1 -f of both sides, then migra", loaded))
    measure(f"migrate diff, {_TABLES} tables, whole process", sides, rounds=5)


def _url(project: BenchProject, database: str) -> str:
    base, _, query = project.url.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{database}?{query}"


def _load(project: BenchProject, database: str, script: Path) -> None:
    project.psql(f"DROP DATABASE IF EXISTS {database}")
    project.psql(f"CREATE DATABASE {database}")
    project._psql(database, "-1", "-f", str(script))


def _migra(program: Path, urls: list[str]) -> None:
    done = subprocess.run([str(program), "--unsafe", *urls], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr  # 2: there are differences


def _run_inspector(folder: Path, tables: int) -> None:
    project = BenchProject(folder, tables)
    try:
        project.confiture("build", "--no-cache")

        async def inspect() -> None:
            from confiture import Kernel
            from confiture.hooks import INSPECTOR

            async with Kernel(project.root).run() as run:
                await run.get(INSPECTOR, "catalog").inspect(run, await run.target())

        side = Side("inspect, in process", lambda: asyncio.run(inspect()))
        measure(f"catalog of {tables} tables with {3 * tables + tables} indexes", [side], rounds=3)
    finally:
        project.close()
