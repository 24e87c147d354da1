"""An old database, a new one that a run makes, a project that knows both; and what psql and pg_dump say of them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pgserver
from confiture.config.dsn import to_uri
from confiture.kernel import Kernel
from confiture.model import Target
from conftest import ProjectFolder, run_psql

ENGINES = ("fdw", "copy", "hybrid")
#: Rows and a digest of them, whatever their order and the names of their columns.
_SUM = (
    "SELECT count(*) || ' ' || coalesce(md5(string_agg(h, '' ORDER BY h)), '')"
    " FROM (SELECT md5(q::text) AS h FROM ({}) AS q) AS h"
)
#: In one form, whatever else the server, the database and the role say.
FORMS = (
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = postgres; SET extra_float_digits = 3;"
    " SET bytea_output = hex; SET lc_monetary = 'C'; SET xmlbinary = base64;"
)
SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)


class Move:
    """``source`` is the environment ``production``, ``target``, which need not exist, ``production_new``."""

    def __init__(self, project: ProjectFolder, source: Target, target: Target) -> None:
        self.project = project
        self.source = source
        self.target = target
        project.environment_for(source, "production")
        project.environment_for(target, "production_new")

    def map(self, yaml: str) -> None:
        """``db/migration_map.yaml``."""
        self.project.write("db/migration_map.yaml", yaml)

    async def start(self, medium: str, *, observers: Any = (), **values: Any) -> Any:
        """A medium's report."""
        async with Kernel(self.project.root, observers=observers).run(env="production") as run:
            return await run.start(medium, **values)

    async def __call__(self, strategy: str | None = None, **values: Any) -> Any:
        """Begin it, or go on with ``resume=True``."""
        return await self.start("schema-to-schema", **{"jobs": 2, "strategy": strategy} | values)

    async def validate(self, *tables: str) -> Any:
        """The report of the comparison."""
        return await self.start("schema-to-schema-validate", jobs=2, tables=tables)

    def confiture(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it as a user does, from the project's folder."""
        command = [sys.executable, "-m", "confiture", *words]
        return subprocess.run(command, cwd=self.project.root, capture_output=True, text=True)

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``confiture migrate schema-to-schema ...``."""
        return self.confiture("migrate", "schema-to-schema", *words)

    def popen(self, *words: str) -> subprocess.Popen[str]:
        """The same, not waited for."""
        command = [sys.executable, "-m", "confiture", "migrate", "schema-to-schema", *words]
        return subprocess.Popen(
            command, cwd=self.project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def on_source(self, sql: str) -> str:
        """What psql says on the source."""
        return run_psql(self.source, sql)

    def on_target(self, sql: str) -> str:
        """What psql says on the target."""
        return run_psql(self.target, sql)

    def drop(self) -> None:
        """The new database goes."""
        maintenance = self.target.with_database("postgres")
        run_psql(maintenance, f'DROP DATABASE IF EXISTS "{self.target.database}" WITH (FORCE)')


def sums(place: Target, queries: dict[str, str]) -> dict[str, str]:
    """By name: rows and a digest of what each query gives, by plain SQL."""
    asked = "; ".join(_SUM.format(query) for query in queries.values())
    return dict(zip(queries, run_psql(place, FORMS + asked).splitlines(), strict=True))


def contents(place: Target, names: Any) -> dict[str, str]:
    """The same of tables, with all of their columns."""
    return sums(place, {name: f"SELECT * FROM {name}" for name in names})


def dump(place: Target) -> str:
    """The schema by pg_dump, without confiture's own and what changes with each run of it."""
    done = subprocess.run(
        [
            str(pgserver.binaries() / "pg_dump"), "-d", to_uri(place.params),
            "--schema-only", "--no-owner", "--exclude-schema=confiture",
        ],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))
