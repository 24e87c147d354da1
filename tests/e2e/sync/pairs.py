"""Two databases of one schema, a project that knows both, and the digest of a database by psql."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from confiture.kernel import Kernel
from confiture.model import Target
from conftest import ProjectFolder, run_psql

KEY = "0123456789abcdef0123456789abcdef"


class Pair:
    """``source`` (environment ``production``) and ``target`` (``local``), in a project."""

    def __init__(self, project: ProjectFolder, source: Target, target: Target) -> None:
        self.project = project
        self.source = source
        self.target = target
        project.environment_for(source, "production")
        project.environment_for(target, "local")

    def schema(self, sql: str) -> None:
        """Both sides get it."""
        for side in (self.source, self.target):
            run_psql(side, sql)

    def rules(self, yaml: str) -> None:
        """``db/sync_config.yaml``."""
        self.project.write("db/sync_config.yaml", yaml)

    async def sync(self, *, observers: Sequence[Callable[[Any], None]] = (), **values: Any) -> Any:
        """The medium's report."""
        async with Kernel(self.project.root, observers=observers).run(env="local") as run:
            return await run.start("sync", **{"source": "production", "target": "local", **values})

    def on_source(self, sql: str) -> str:
        """What psql says on the source."""
        return run_psql(self.source, sql)

    def on_target(self, sql: str) -> str:
        """What psql says on the target."""
        return run_psql(self.target, sql)


def digest(target: Target) -> dict[str, str]:
    """Rows and a digest of each table's rows, whatever their order, by plain SQL."""
    names = run_psql(
        target,
        """
        SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_'
           AND n.nspname NOT IN ('information_schema', 'confiture') ORDER BY 1""",
    ).splitlines()
    query = " UNION ALL ".join(
        f"SELECT '{name.replace(chr(39), chr(39) * 2)}' || '=' || count(*) || ' '"
        f" || coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') FROM {name} AS t"
        for name in names
    )
    lines = run_psql(target, query).splitlines() if names else []
    return dict(line.split("=", 1) for line in lines)
