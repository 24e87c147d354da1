"""Two databases of one schema, and what the medium does between them, without its rules and its chunks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

import pgserver
from confiture.config.dsn import to_uri
from confiture.masking import MaskingKey
from confiture.model import Target, TransferTask
from confiture.testing import open_context
from confiture.transfer import exported_snapshot
from confiture_copy.engine import CopyEngine
from confiture_sync.abandoning import SyncAbandonMedium
from confiture_sync.abandoning_model import SyncAbandonRequest
from confiture_sync.cataloguing import read_catalog
from confiture_sync.configuring import SyncFile
from confiture_sync.copying.state import ChunkRecord, RunRecord, state_of
from confiture_sync.guards import check_target
from confiture_sync.load import Loader, taking
from confiture_sync.model import SyncRequest
from confiture_sync.planning import plan_tables
from confiture_sync.selecting import select
from confiture_sync.values import Job


@pytest.fixture(autouse=True)
def _small_tables_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Indexes are dropped however few rows there are."""
    monkeypatch.setattr(taking, "_WORTH_ROWS", 0)


@pytest.fixture
def source(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="production")


@pytest.fixture
def target(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="local")


@pytest.fixture
def both(source, target, psql) -> Callable[[str], None]:
    """Runs SQL in both databases."""

    def run(sql: str) -> None:
        for place in (source, target):
            psql(place, sql)

    return run


@pytest.fixture
async def ctx(project):
    async with open_context(project.root) as run:
        yield run


#: They have no power at all. A session's workers share them.
ROLES = ("sync_plain", "sync_other")


def with_role(target: Target, role: str) -> Target:
    return msgspec.structs.replace(target, params={**target.params, "user": role})


@pytest.fixture(scope="session")
def owner(server, psql) -> Callable[[str, str], str]:
    """``owner(role, sql)``: SQL that runs as a role without any power, in a database where it may create."""
    for role in ROLES:
        psql(
            server,
            "SELECT pg_advisory_lock(4711);"
            f"SELECT 'CREATE ROLE {role} LOGIN' WHERE to_regrole('{role}') IS NULL \\gexec",
        )

    def sql(role: str, text: str) -> str:
        return (
            f"""
            SELECT format('GRANT CREATE ON DATABASE %I TO {role}', current_database()) \\gexec
            GRANT ALL ON SCHEMA public TO {role}; SET ROLE {role};
        """
            + text
        )

    return sql


class Sync:
    """``check``, ``load`` (up to its end), ``loading`` (a Loader, entered, whose ``copy()`` moves all rows)."""

    def __init__(self, ctx, source: Target, target: Target) -> None:
        self.ctx, self.source, self.target = ctx, source, target

    @asynccontextmanager
    async def planned(self, *, as_role: str | None = None, **values):
        target = self.target if as_role is None else with_role(self.target, as_role)
        request = SyncRequest(source="production", target="local", **values)
        async with exported_snapshot(self.ctx, self.source) as snapshot:
            job = Job(
                request=request,
                file=SyncFile(),
                source=self.source,
                target=target,
                snapshot=snapshot,
                key=MaskingKey(b"0123456789abcdef"),
                run_id=self.ctx.run_id,
            )
            async with snapshot.session() as connection:
                catalog = await read_catalog(connection, own_schema="confiture")
            selected = select(
                catalog, tables=request.tables, exclude=request.exclude, cut=(), with_parents=request.with_parents
            )
            yield job, await plan_tables(self.ctx, job, selected, {}, {})

    async def check(self, **values) -> None:
        async with self.planned(**values) as (job, plans):
            await check_target(self.ctx, job, plans)

    @asynccontextmanager
    async def loading(self, **values):
        async with self.planned(**values) as (job, plans):
            await check_target(self.ctx, job, plans)
            async with Loader(self.ctx, job, plans) as loader, self.noted(job, plans) as done:

                async def copy(*labels: str) -> None:
                    for plan in plans:
                        if labels and plan.label not in labels:
                            continue
                        task = TransferTask(
                            source=job.source,
                            target=job.target,
                            table=loader.table(plan),
                            columns=plan.masked.columns,
                            query=plan.masked.query,
                            snapshot=job.snapshot.id,
                            before=loader.before(plan),
                            after=(*loader.after(plan), done[plan.label]),
                        )
                        await CopyEngine().transfer(self.ctx, task)

                loader.copy = copy
                yield loader

    @asynccontextmanager
    async def noted(self, job, plans):
        """As the copy does it: what writes down that a table is complete, and at the end that all is."""
        state = state_of(self.ctx)
        chunks = [
            ChunkRecord(table=plan.label, number=0, relation=None, condition="", filenode=None, digest="")
            for plan in plans
        ]
        names = tuple(plan.target.sql for plan in plans)
        run = RunRecord(run_id=job.run_id, source="", asked={}, tables=names, upsert=job.request.upsert)
        async with self.ctx.connect(job.target) as connection:
            await state.create(connection)
            if job.request.resume:
                async with self.ctx.transaction(connection):
                    attempt = await state.take_over(connection, job.run_id)
            else:
                attempt = 1
                await state.begin(connection, run)
                await state.plan_chunks(connection, job.run_id, chunks)
        yield {chunk.table: state.done(job.run_id, attempt, chunk, "1:1:") for chunk in chunks}
        async with self.ctx.connect(job.target) as connection:
            await state.finish(connection, job.run_id)

    async def load(self, **values) -> None:
        async with self.loading(**values) as loader:
            await loader.copy()
            await loader.finish()

    async def abandon(self, role: str | None = None):
        target = self.target if role is None else with_role(self.target, role)
        return await SyncAbandonMedium().run(self.ctx, SyncAbandonRequest(target=to_uri(target.params)))


@pytest.fixture
def sync(ctx, source, target) -> Sync:
    return Sync(ctx, source, target)


@pytest.fixture
def same(source, target, psql) -> Callable[[str], None]:
    """Fails unless psql prints the same of both."""

    def compare(sql: str) -> None:
        assert psql(target, sql) == psql(source, sql)

    return compare


def dump_schema(target: Target, binaries=None) -> str:
    """The schema as pg_dump has it, without confiture's own and without what is different each time."""
    command = [(binaries or pgserver.binaries()) / "pg_dump", "--schema-only", "-N", "confiture"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    done = subprocess.run([*command, "-d", to_uri(target.params)], capture_output=True, text=True, env=env, check=True)
    return "\n".join(line for line in done.stdout.splitlines() if "restrict" not in line)


#: What pg_dump does not show. Triggers of foreign keys have numbers in their names.
HIDDEN = """
SELECT 'index', indexrelid::regclass::text, indisclustered::text, indisreplident::text, indisvalid::text,
       indimmediate::text, indnullsnotdistinct::text, obj_description(indexrelid) FROM pg_index
 WHERE indrelid::regclass::text NOT LIKE 'confiture%' AND indrelid >= 16384
   AND indrelid NOT IN (SELECT c.oid FROM pg_class c WHERE c.relnamespace::regnamespace::text LIKE 'pg_toast%')
UNION ALL
SELECT 'statistics', attrelid::regclass::text, attnum::text, attstattarget::text, '', '', '', '' FROM pg_attribute
 WHERE attrelid IN (SELECT indexrelid FROM pg_index WHERE indrelid >= 16384) AND attstattarget >= 0
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated::text,
       conindid::regclass::text, obj_description(oid), (conparentid <> 0)::text
  FROM pg_constraint WHERE conrelid::regclass::text NOT LIKE 'confiture%' AND oid >= 16384
   AND NOT (conparentid <> 0 AND contype = 'f' AND confrelid IN (SELECT inhrelid FROM pg_inherits))
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, CASE WHEN tgisinternal THEN tgfoid::regproc::text ELSE tgname END,
       tgenabled::text, tgdeferrable::text, tginitdeferred::text, '', '' FROM pg_trigger
 WHERE tgrelid::regclass::text NOT LIKE 'confiture%'
UNION ALL
SELECT 'rule', ev_class::regclass::text, rulename, ev_enabled::text, '', '', '', '' FROM pg_rewrite
 WHERE oid >= 16384
UNION ALL
SELECT 'class', oid::regclass::text, relrowsecurity::text, relforcerowsecurity::text, reltablespace::text,
       array_to_string(reloptions, ','), relreplident::text, '' FROM pg_class WHERE oid >= 16384
   AND relnamespace::regnamespace::text !~ '^(confiture|pg_toast)'
ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
"""


@pytest.fixture
def state(target, psql) -> Callable[[], str]:
    """All that may not change: the schema of the target, by pg_dump and by the catalogs."""
    return lambda: dump_schema(target) + "\n" + psql(target, HIDDEN)
