"""The switch ``rename``: the judge is psql, and clients that come while the names change."""

from __future__ import annotations

import importlib
import os
from contextlib import suppress

import anyio
import anyio.lowlevel
import asyncpg
import pytest

from confiture.errors import Busy, PermissionMissing, Refused
from confiture.hooks import SWITCH
from confiture.registry import Registry
from confiture.testing import open_context
from confiture_rename.naming import left_name
from confiture_rename.switch import RenameSwitch

pytestmark = pytest.mark.anyio

#: What the driver raises for a session that the server ended, by when it learns of it.
LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


@pytest.fixture
def sides(new_database, psql):
    """Two databases, each of which says who it is."""
    old, new = new_database(), new_database()
    for target, name in ((old, "old"), (new, "new")):
        psql(target, f"CREATE TABLE me (name text); INSERT INTO me VALUES ('{name}')")
    yield old, new
    for left in ("_old", "_new"):
        psql(old.with_database("postgres"), f'DROP DATABASE IF EXISTS "{old.database}{left}" WITH (FORCE)')


@pytest.fixture
async def ctx(project):
    async with open_context(project.root, registry=Registry()) as found:
        yield found


def parameters(target):
    return {"host": target.params["host"], "user": target.params["user"], "database": target.database}


async def test_there_and_back(ctx, sides, psql):
    """After a cutover the name leads to the new one, after a rollback to the old one, after another to the new one."""
    old, new = sides
    switch = ctx.get(SWITCH, "rename")
    assert isinstance(switch, RenameSwitch)
    for expected in ("new", "old", "new"):
        was = psql(new, "SELECT name FROM me")
        assert [finding for finding in await switch.preflight(ctx, old, new) if finding.level == "error"] == []
        left, live = await switch.switch(ctx, old, new)
        assert live.database == old.database
        assert psql(live, "SELECT name FROM me") == was == expected
        assert psql(left, "SELECT name FROM me") == {"old": "new", "new": "old"}[expected]
        old, new = live, left


async def test_clients_that_come_meanwhile_get_to_the_new_one_or_nowhere(ctx, sides):
    """A session that is there is ended; who connects again and again never sees the old one once the new one was."""
    old, new = sides
    seen: list[list[str]] = [[], [], []]
    over = anyio.Event()

    async def client(number):
        while not over.is_set():
            with suppress(*LOST):
                connection = await asyncpg.connect(**parameters(old))
                try:
                    while not over.is_set():
                        seen[number].append(await connection.fetchval("SELECT name FROM me"))
                        await anyio.lowlevel.checkpoint()
                except LOST:
                    connection.terminate()
                else:
                    await connection.close()

    async def until(name):
        with anyio.fail_after(20):
            while not all(name in answers for answers in seen):
                await anyio.sleep(0.005)

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(client, number)
        await until("old")
        notes = await RenameSwitch().preflight(ctx, old, new)
        await RenameSwitch().switch(ctx, old, new)
        await until("new")
        over.set()
    assert "sessions that will be ended" in " ".join(found.message for found in notes if found.level == "note")
    assert all(answers == sorted(answers, reverse=True) for answers in seen)


async def test_what_is_in_the_way_is_found(ctx, sides, psql, new_database):
    """A name that is taken, a prepared transaction, one database twice, settings that would stay behind."""
    old, new = sides
    maintenance = old.with_database("postgres")
    psql(maintenance, f'CREATE DATABASE "{old.database}_old"')
    psql(maintenance, f"ALTER DATABASE \"{old.database}\" SET work_mem = '5MB'")
    found = await RenameSwitch().preflight(ctx, old, new)
    assert [finding.level for finding in found] == ["error", "warning"]
    assert f"{old.database}_old" in found[0].message
    assert "settings" in found[1].message
    with pytest.raises(Refused, match="there: "):
        await RenameSwitch().switch(ctx, old, new)
    assert psql(old, "SELECT name FROM me") == "old"
    (found,) = await RenameSwitch().preflight(ctx, old, old)
    assert found.level == "error"


async def test_a_role_that_may_not_is_refused_and_an_owner_suffices(ctx, sides, psql):
    """The owner of both with CREATEDB needs no superuser, but cannot end a superuser's session."""
    old, new = sides
    maintenance = old.with_database("postgres")
    role = f"renamer_{os.getpid()}"
    psql(maintenance, f"CREATE ROLE {role} LOGIN CREATEDB")
    try:
        ours = [type(side)(label=side.label, params={**side.params, "user": role}) for side in (old, new)]
        (found,) = await RenameSwitch().preflight(ctx, *ours)
        assert "neither role may rename" in found.message
        with pytest.raises(PermissionMissing):
            await RenameSwitch().switch(ctx, *ours)
        for side in (old, new):
            psql(maintenance, f'ALTER DATABASE "{side.database}" OWNER TO {role}')
        connection = await asyncpg.connect(**parameters(old))
        (found,) = [finding for finding in await RenameSwitch().preflight(ctx, *ours) if finding.level == "error"]
        assert "may not end" in found.message
        with pytest.raises(Busy, match="could not be renamed") as caught:  # when PostgreSQL has waited for 5 s
            await RenameSwitch().switch(ctx, *ours)
        assert "role 'postgres'" in (caught.value.detail or "")
        assert psql(old, "SELECT name FROM me") == "old"
        await connection.close()
        left, live = await RenameSwitch().switch(ctx, *ours)
        assert psql(old, "SELECT name FROM me") == "new"
        assert (left.database, live.params["user"]) == (f"{old.database}_old", role)
    finally:
        psql(maintenance, f"REASSIGN OWNED BY {role} TO postgres; DROP ROLE {role}")


def test_the_hook_gives_one_provider_a_plugin():
    """Under the names that `cutover --switch` takes."""
    plugins = [importlib.import_module(f"confiture_{name}.plugin") for name in ("rename", "pgbouncer", "command")]
    found = [provider.name for plugin in plugins for provider in plugin.confiture_switches()]
    assert found == ["rename", "pgbouncer", "command"]


def test_the_name_of_the_left_one_is_told_by_the_others():
    """It is never that of the other one, nor longer than PostgreSQL takes, nor cut within a character."""
    assert left_name("shop", "shop_v2", "_old") == "shop_old"
    assert left_name("shop", "shop_old", "_old") == "shop_new"
    assert left_name("shop", "shop_new", "_new") == "shop_back"
    assert left_name("é" * 31, "x", "_old") == "é" * 29 + "_old"
