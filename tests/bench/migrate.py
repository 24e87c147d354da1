"""Small migrations, one table each: beside psql, which runs the same in as many transactions, and Alembic."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.harness import Side, measure
from bench.project import BenchProject

_TABLE = (
    "CREATE TABLE table_{n} (\n    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
    "    name text NOT NULL,\n    created_at timestamptz NOT NULL DEFAULT now()\n)"
)


def run(folder: Path) -> None:
    """100 in process, 1,000 as whole processes, and ``status``."""
    project = BenchProject(folder, 1)
    try:
        _in_process(project, folder, 100)
        _whole(project, folder, 1000)
    finally:
        project.close()


def _write(project: BenchProject, folder: Path, many: int) -> tuple[Path, Path]:
    """The migrations of the project, one psql script of all of them, and an Alembic project."""
    migrations = project.root / "db" / "migrations"
    shutil.rmtree(migrations, ignore_errors=True)
    migrations.mkdir(parents=True)
    script = folder / f"{many}.sql"
    alembic = folder / f"alembic_{many}"
    shutil.rmtree(alembic, ignore_errors=True)
    (alembic / "versions").mkdir(parents=True)
    width = len(str(many))
    parts = []
    for number in range(1, many + 1):
        table = _TABLE.format(n=number)
        version = str(number).zfill(max(3, width))
        (migrations / f"{version}_add_{number}.py").write_text(
            f"from confiture.models.migration import Migration\n\n\nclass Add{number}(Migration):\n"
            f'    version = "{version}"\n    name = "add_{number}"\n\n    def up(self) -> None:\n'
            f'        self.execute("""{table}""")\n\n    def down(self) -> None:\n'
            f'        self.execute("DROP TABLE table_{number}")\n'
        )
        parts.append(f"BEGIN;\n{table};\nCOMMIT;\n")
        before = repr(f"r{number - 1}") if number > 1 else None
        (alembic / "versions" / f"r{number}.py").write_text(
            f'from alembic import op\n\nrevision = "r{number}"\ndown_revision = {before}\n\n\ndef upgrade():\n'
            f'    op.execute("""{table}""")\n\n\ndef downgrade():\n    op.execute("DROP TABLE table_{number}")\n'
        )
    script.write_text("".join(parts))
    (alembic / "env.py").write_text(
        "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine\n"
        "with create_engine(os.environ['ALEMBIC_URL']).connect() as connection:\n"
        "    context.configure(connection=connection, transaction_per_migration=True)\n"
        "    with context.begin_transaction():\n        context.run_migrations()\n"
    )
    (alembic / "script.py.mako").write_text("")
    (alembic / "alembic.ini").write_text(f"[alembic]\nscript_location = {alembic}\npath_separator = os\n")
    return script, alembic


def _sides(project: BenchProject, folder: Path, many: int) -> tuple[Side, Side, Path]:
    script, alembic = _write(project, folder, many)
    base, _, query = project.url.partition("?")
    os.environ["ALEMBIC_URL"] = f"{base}?{query}".replace("postgresql://", "postgresql+psycopg2://", 1)

    def empty() -> None:
        project.drop()
        project.psql(f'CREATE DATABASE "{project.database}"')

    psql = Side("psql, a transaction each", lambda: project._psql(project.database, "-f", str(script)), empty)
    ours = Side("confiture", lambda: project.confiture("migrate", "up"), empty)
    return psql, ours, alembic


def _in_process(project: BenchProject, folder: Path, many: int) -> None:
    psql, ours, alembic = _sides(project, folder, many)

    def up() -> None:
        from confiture import Kernel

        async def work() -> None:
            async with Kernel(project.root).run() as run:
                await run.start("up")

        asyncio.run(work())

    def by_alembic() -> None:
        from alembic import command
        from alembic.config import Config

        command.upgrade(Config(str(alembic / "alembic.ini")), "head")

    measure(
        f"{many} migrations, in process",
        [psql, Side("confiture up", up, ours.before), Side("alembic upgrade head", by_alembic, ours.before)],
        rounds=7,
    )


def _whole(project: BenchProject, folder: Path, many: int) -> None:
    psql, ours, alembic = _sides(project, folder, many)
    command = [sys.executable, "-m", "alembic", "-c", str(alembic / "alembic.ini"), "upgrade", "head"]
    measure(
        f"{many} migrations, whole process",
        [
            psql,
            Side("confiture migrate up", ours.run, ours.before),
            Side("alembic upgrade head", lambda: subprocess.run(command, check=True, capture_output=True), ours.before),
        ],
        rounds=3,
    )
    project.drop()
    project.psql(f'CREATE DATABASE "{project.database}"')
    project.confiture("migrate", "up")
    measure(
        f"status of {many} migrations, whole process",
        [
            Side("confiture --version", lambda: project.confiture("--version")),
            Side("confiture migrate status", lambda: project.confiture("migrate", "status")),
        ],
        rounds=7,
    )
