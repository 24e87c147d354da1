"""Our own providers keep the rules that third parties' must keep."""

from __future__ import annotations

import importlib
import subprocess

import pytest

from confiture.config import Environment
from confiture.config.dsn import to_uri
from confiture.registry import Registry
from confiture.testing import (
    check_capture,
    check_differ,
    check_executor,
    check_inspector,
    check_medium,
    check_server,
    check_source,
    check_switch,
    check_transfer_engine,
    open_context,
)
from logical import logical_server
from pooler import pooler

pytestmark = pytest.mark.anyio


def provider(module: str, name: str):
    return getattr(importlib.import_module(module), name)()


async def test_the_source_files(project):
    """Files of several folders, seeds, numbers that sort differently by value."""
    project.schema("10_b.sql", "CREATE TABLE b ();\n")
    project.schema("2_a.sql", "\ufeffCREATE TABLE a ();\n")
    project.schema("z/a.sql", "CREATE TABLE z ();\n")
    async with open_context(project.root) as ctx:
        await check_source(ctx, provider("confiture_files.source", "FilesSource"))
    project.seed("a.sql", "SELECT 1;\n")
    async with open_context(project.root) as ctx:
        await check_source(ctx, provider("confiture_files.source", "FilesSource"))


async def test_the_source_empty(project):
    """It never has a file, and says so of addresses."""
    async with open_context(project.root) as ctx:
        await check_source(ctx, provider("confiture_files.empty", "EmptySource"), empty=True)


async def test_the_source_git(project):
    """Of the last commit; seed data is no business of it."""
    project.schema("10_b.sql", "CREATE TABLE b ();\n")
    project.schema("2_a.sql", "\ufeffCREATE TABLE a ();\n")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", *command], cwd=project.root, check=True)
    async with open_context(project.root) as ctx:
        await check_source(ctx, provider("confiture_git.source", "GitSource"), seeds=False)


async def test_the_source_migrations(project):
    """A class and a pair of SQL files; before the first migration there is no file."""
    source = provider("confiture_incremental.source", "MigrationsSource")
    async with open_context(project.root) as ctx:
        await check_source(ctx, source, empty=True)
    project.write("db/migrations/001_a.up.sql", "\ufeffCREATE TABLE a ();\n")
    project.write(
        "db/migrations/002_b.py",
        "from confiture.models.migration import Migration\n\n\nclass B(Migration):\n"
        '    version = "002"\n    name = "b"\n\n    def up(self):\n        self.execute("CREATE TABLE b ()")\n',
    )
    async with open_context(project.root) as ctx:
        await check_source(ctx, source)
        await check_source(ctx, source, what="001")


async def test_the_executor_runner(project, database):
    """On a real server, where it may do anything."""
    async with open_context(project.root, database_url=to_uri(database.params)) as ctx:
        await check_executor(ctx, provider("confiture_runner.executor", "Runner"), database)


async def test_the_server_url(project, database):
    """With a database that is there, and with one that is not."""
    for target in (database, database.with_database("not_made_yet")):
        environment = Environment(name="test", database_url=to_uri(target.params))
        async with open_context(project.root) as ctx:
            await check_server(ctx, provider("confiture_url.server", "UrlServer"), environment)


async def test_the_server_embedded(fast_project):
    """Its own server, which is stopped and started in between."""
    environment = Environment(name="test")
    async with open_context(fast_project.root) as ctx:
        server = provider("confiture_embedded.server", "EmbeddedServer")
        try:
            await check_server(ctx, server, environment)
        finally:
            await server.stop(ctx, environment)


async def test_the_inspector_catalog(project, database):
    """On a real server, where it may do anything."""
    async with open_context(project.root, database_url=to_uri(database.params)) as ctx:
        await check_inspector(ctx, provider("confiture_catalog.inspector", "CatalogInspector"), database)


async def test_the_differ_catalog(project, database, new_database, psql):
    """What a database has before and after changes of several kinds."""
    changed = new_database()
    psql(database, "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (id int PRIMARY KEY, m mood, gone text);")
    psql(changed, "CREATE TYPE mood AS ENUM ('ok', 'no'); CREATE TABLE t (id bigint PRIMARY KEY, m mood);")
    psql(changed, "CREATE VIEW v AS SELECT id FROM t; GRANT SELECT ON v TO PUBLIC")
    async with open_context(project.root, database_url=to_uri(database.params)) as ctx:
        inspector = provider("confiture_catalog.inspector", "CatalogInspector")
        old, new = [await inspector.inspect(ctx, target) for target in (database, changed)]
        await check_differ(ctx, provider("confiture_catalog.differ.provider", "CatalogDiffer"), old, new)


async def test_the_transfer_engine_copy(project, new_database):
    """Between two databases of one server."""
    source, target = new_database(), new_database()
    async with open_context(project.root) as ctx:
        await check_transfer_engine(ctx, provider("confiture_copy.engine", "CopyEngine"), source, target)


async def test_the_capture_triggers(project, database):
    """On a real server, where it may do anything."""
    async with open_context(project.root) as ctx:
        await check_capture(ctx, provider("confiture_triggers.capture", "TriggerCapture"), database)


async def test_the_capture_slot(project):
    """On a server whose WAL tells of rows, where it may do anything."""
    with logical_server() as server:
        async with open_context(project.root) as ctx:
            await check_capture(ctx, provider("confiture_slot.capture", "SlotCapture"), server)


async def test_the_switch_rename(project, new_database, psql):
    """Two databases of one server, by a role that may do anything."""
    old, new = new_database(), new_database()
    try:
        async with open_context(project.root) as ctx:
            await check_switch(ctx, provider("confiture_rename.switch", "RenameSwitch"), old, new)
    finally:
        psql(old.with_database("postgres"), f'DROP DATABASE IF EXISTS "{old.database}_old" WITH (FORCE)')


async def test_the_switch_pgbouncer(project, new_database):
    """With a real one."""
    old, new = new_database(), new_database()
    with pooler(f"shop = host={old.params['host']} dbname={old.database}", "admin_users = pgbouncer") as folder:
        keys = f'admin = "host={folder}"\ndatabase = "shop"\nconfig_file = "{folder}/pgbouncer.ini"\n'
        project.config(f"[pgbouncer]\n{keys}")
        async with open_context(project.root, registry=Registry()) as ctx:
            await check_switch(ctx, provider("confiture_pgbouncer.switch", "PgbouncerSwitch"), old, new)


async def test_the_switch_command(project, new_database):
    """With programs that do nothing."""
    project.config('[command]\nhold = ["true"]\nswitch = ["true"]\nrelease = ["true"]\n')
    async with open_context(project.root, registry=Registry()) as ctx:
        switch = provider("confiture_command.switch", "CommandSwitch")
        await check_switch(ctx, switch, new_database(), new_database())


async def test_the_medium_build(project, database):
    """With the providers that are installed, on the test's own server."""
    project.schema("a.sql", "CREATE TABLE a ();\n")
    medium = provider("confiture_build.medium", "BuildMedium")
    uri = to_uri(database.params)
    async with open_context(project.root, database_url=uri, registry=Registry()) as ctx:
        await check_medium(ctx, medium, medium.request_type(cache=False))
