"""The table of facts against a server: the locks, files and scans of each statement, run and rolled back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest

from confiture.config import Environment
from confiture.config.dsn import to_uri
from confiture.hooks import INSPECTOR
from confiture.kernel import Kernel
from confiture.model import Schema, Statement, Target
from confiture.sql import effects_of
from confiture.sql.effects.locks import MODES, stronger
from e2e.effects.forms import FORMS, SCHEMA

_RELATIONS = """
    SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS identity, c.relkind::text AS kind,
        pg_relation_filenode(c.oid) AS file, coalesce(pg_stat_get_xact_numscans(c.oid), 0) AS scans
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'i', 'I', 'f') AND n.nspname IN ('public', 'app')
"""


class Observed:
    """The database before the statements, and what one of them does to it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connection: Any, before: Schema) -> None:
        self.loop, self.connection, self.before = loop, connection, before

    def run(self, sql: str) -> tuple[dict[str, str], set[str], set[str]]:
        """Locks by relation, relations with new files, relations that were read whole."""
        return self.loop.run_until_complete(self._run(sql))

    async def _run(self, sql: str) -> tuple[dict[str, str], set[str], set[str]]:
        connection = self.connection
        await connection.execute("BEGIN")
        try:
            before = {row["oid"]: row for row in await connection.fetch(_RELATIONS)}
            await connection.execute(sql)
            held = await connection.fetch(
                "SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            after = {row["oid"]: row for row in await connection.fetch(_RELATIONS)}
        finally:
            await connection.execute("ROLLBACK")
        locks: dict[str, str] = {}
        for row in held:
            if row["relation"] in before:
                name = before[row["relation"]]["identity"]
                mode = next(mode for mode in MODES if mode and mode.title().replace(" ", "") + "Lock" == row["mode"])
                locks[name] = stronger(locks.get(name, ""), mode)
        self.kinds = {row["identity"]: row["kind"] for row in before.values()}
        known = [(before[oid], row) for oid, row in after.items() if oid in before]
        tables = [(old, new) for old, new in known if old["kind"] in "rm"]
        files = {old["identity"] for old, new in tables if old["file"] != new["file"]}
        scans = {old["identity"] for old, new in tables if new["scans"] > old["scans"]}
        return locks, files, scans


def own(sql: str) -> str:
    """With a role and a tablespace of this process: other workers run other statements on the same server."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw")
    return sql.replace("effects_role", f"effects_role_{worker}").replace("effects_space", f"effects_space_{worker}")


@pytest.fixture(scope="module")
def observed(
    new_database: Callable[[], Target], psql: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Observed]:
    """The schema in a database of its own, read once, and one connection."""
    target = new_database()
    psql(target, own("DROP ROLE IF EXISTS effects_role;" + SCHEMA))
    psql(target, 'ALTER DATABASE "' + str(target.database) + "\" SET timezone = 'Europe/Paris'")
    psql(target, own("SET allow_in_place_tablespaces = on; CREATE TABLESPACE effects_space LOCATION ''"))
    root = tmp_path_factory.mktemp("observed")
    (root / "confiture.toml").write_text("")
    url = to_uri(target.params, password=True)

    async def read() -> Schema:
        async with Kernel(root).run(environment=Environment(name="local", database_url=url)) as run:
            return await run.get(INSPECTOR, "catalog").inspect(run, target)

    before = asyncio.run(read())
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(url))
    yield Observed(loop, connection, before)
    loop.run_until_complete(connection.close())
    loop.close()
    psql(target, own("DROP OWNED BY effects_role; DROP ROLE effects_role; DROP TABLESPACE effects_space"))


@pytest.mark.parametrize("sql", FORMS)
def test_the_server_does_what_the_effects_say(observed: Observed, sql: str):
    """The strongest lock, on which relations, whether their files are new, and whether they are read whole."""
    sql = own(sql)
    locks, files, scans = observed.run(sql)
    effects, _ = effects_of(Statement(sql=sql), observed.before)
    relations = {name: mode for name, mode in locks.items() if mode != "ACCESS SHARE"}
    # An index is named only where the statement is about the index itself.
    if any(observed.kinds[name] not in "iI" for name in relations) or not effects.tables:
        relations = {name: mode for name, mode in relations.items() if observed.kinds[name] not in "iI"}
    strongest = ""
    for mode in relations.values():
        strongest = stronger(strongest, mode)
    assert effects.lock == strongest
    assert effects.tables == tuple(sorted(name for name, mode in relations.items() if mode == strongest))
    if not sql.startswith("TRUNCATE"):
        assert effects.rewrites == bool(files)
    # Blocks are copied without a scan, and a query's scan keeps nobody out.
    copies = sql.startswith(("TRUNCATE", "REFRESH", "ANALYZE")) or "TABLESPACE" in sql
    if not copies and strongest not in ("", "ROW SHARE", "ROW EXCLUSIVE"):
        assert effects.scans == bool(scans)
