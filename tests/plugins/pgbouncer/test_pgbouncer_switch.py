"""The switch ``pgbouncer``, with a real one and clients that do not stop."""

from __future__ import annotations

from contextlib import contextmanager

import anyio
import asyncpg
import pytest

from confiture.errors import Busy, ConfigError, ExecutionError
from confiture.hooks import SWITCH
from confiture.protocols import HoldingSwitch
from confiture.registry import Registry
from confiture.testing import open_context
from confiture_pgbouncer.console import ConsoleRefused, console
from confiture_pgbouncer.lines import find, rewrite
from pooler import shop_config, shop_pooler

pytestmark = pytest.mark.anyio

FOLLOWING = "client_idle_timeout = 0\n; a comment stays"


@pytest.fixture
def sides(new_database, psql):
    """Two databases, each of which says who it is."""
    old, new = new_database(), new_database()
    for target, name in ((old, "old"), (new, "new")):
        psql(target, f"CREATE TABLE me (name text); INSERT INTO me VALUES ('{name}'); CREATE TABLE log (n bigserial)")
    return old, new


@contextmanager
def served(project, old, settings=""):
    """A pooler for ``old``, named shop, and the project's settings for it."""
    with shop_pooler(old, f"{FOLLOWING}\n{settings}") as folder:
        project.config(shop_config(folder))
        yield folder


async def connected(folder):
    return await asyncpg.connect(host=str(folder), port=6432, user="app", database="shop", statement_cache_size=0)


async def test_no_query_of_a_client_fails(project, sides, psql):
    """Four clients write all the time, through a switch and back; each sees old, then new, then old, and no error."""
    old, new = sides
    seen: list[list[str]] = [[], [], [], []]
    over = anyio.Event()

    async def client(folder, number):
        connection = await connected(folder)
        while not over.is_set():
            async with connection.transaction():
                await connection.execute("INSERT INTO log DEFAULT VALUES")
                name = await connection.fetchval("SELECT name FROM me")
            seen[number].append(name)
        await connection.close()

    async def until(name):
        with anyio.fail_after(60):
            while not all(names[-1:] == [name] for names in seen):
                await anyio.sleep(0.005)

    with served(project, old) as folder:
        before = (folder / "pgbouncer.ini").read_text()
        async with open_context(project.root, registry=Registry()) as ctx, anyio.create_task_group() as tasks:
            switch = ctx.get(SWITCH, "pgbouncer")
            assert isinstance(switch, HoldingSwitch)
            for number in range(4):
                tasks.start_soon(client, folder, number)
            await until("old")
            for live, other, name in ((old, new, "new"), (new, old, "old")):
                assert await switch.preflight(ctx, live, other) == []
                with pytest.raises(Busy, match="'shop' is no longer paused"):
                    await switch.check_held(ctx, live, other)
                await switch.hold(ctx, live, other, timeout_s=60)
                await switch.check_held(ctx, live, other)
                count = sum(map(len, seen))
                assert (
                    psql(
                        old,
                        "SELECT count(*) FROM pg_stat_activity WHERE usename <> 'x' AND state <> 'idle' "
                        f"AND datname = '{live.database}' AND pid <> pg_backend_pid()",
                    )
                    == "0"
                )
                assert await switch.switch(ctx, live, other) == (live, other)
                assert sum(map(len, seen)) - count <= 4  # what was on its way to a client
                await switch.release(ctx, live, other)
                await until(name)
            over.set()
        after = (folder / "pgbouncer.ini").read_text()
    assert {"".join(name[0] for name in dict.fromkeys(names)) for names in seen} == {"on"}
    for names in seen:
        first, last = names.index("new"), len(names) - names[::-1].index("new")
        assert set(names[:first]) == set(names[last:]) == {"old"}
        assert set(names[first:last]) == {"new"}
    written = sum(int(psql(side, "SELECT count(*) FROM log")) for side in sides)
    assert written == sum(map(len, seen))
    assert after.splitlines()[1] == before.splitlines()[1] + " port=5432"
    assert after.splitlines()[2:] == before.splitlines()[2:]


async def test_a_transaction_that_does_not_end_gives_up_the_pause(project, sides):
    """It is named, and everybody goes on."""
    old, new = sides
    with served(project, old) as folder:
        async with open_context(project.root, registry=Registry()) as ctx:
            one, other = await connected(folder), await connected(folder)
            await one.execute("BEGIN; SELECT 1")
            with pytest.raises(Busy, match="did not end within") as caught:
                await ctx.get(SWITCH, "pgbouncer").hold(ctx, old, new, timeout_s=0.2)
            assert "role 'app'" in (caught.value.detail or "")
            assert await other.fetchval("SELECT name FROM me", timeout=60) == "old"
            for connection in (one, other):
                await connection.close()


async def test_what_is_in_the_way_is_found(project, sides):
    """Another database's name, a role without rights, another live side, sessions; a file without the line."""
    old, new = sides
    mistakes = {
        "knows no database 'store'": {'database = "shop"': 'database = "store"'},
        "may not give orders": {"user=boss": "user=watcher"},
        "no line for the database": {'pgbouncer.ini"': 'none.ini"'},
        "cannot be read": {'pgbouncer.ini"': 'absent.ini"'},
        "cannot reach": {"host=": "port=1 host="},
        "one of 'config_file' and 'command'": {"config_file": 'command = ["true"]\nconfig_file'},
        "lacks 'admin'": {"admin =": "# admin ="},
        "is not there, or may not be run": {"config_file": 'command = ["./gone"]\n# config_file'},
    }
    with served(project, old, settings="pool_mode = session") as folder:
        (folder / "none.ini").write_text("[databases]\n;shop = host=x\n[other]\nshop = host=y\n")
        right = (project.root / "confiture.toml").read_text()
        for expected, change in mistakes.items():
            ((before, after),) = change.items()
            assert before in right
            project.config(right.replace(before, after))
            async with open_context(project.root, registry=Registry()) as ctx:
                found = await ctx.get(SWITCH, "pgbouncer").preflight(ctx, old, new)
            assert [finding for finding in found if expected in finding.message and finding.level == "error"], expected
        project.config(right)
        async with open_context(project.root, registry=Registry()) as ctx:
            switch = ctx.get(SWITCH, "pgbouncer")
            (found,) = await switch.preflight(ctx, old, new)
            assert (found.level, "pool_mode=session" in found.message) == ("warning", True)
            found = await switch.preflight(ctx, new, old)
            assert "not to the live one" in found[0].message
            through = type(old)(label="pooled", params={"host": str(folder), "port": "6432", "dbname": "shop"})
            found = await switch.preflight(ctx, through, new)
            assert any("reached through" in finding.message for finding in found)


async def test_a_file_that_the_pooler_does_not_read_is_found_out(project, sides):
    """The console tells where it leads; with a list of poolers and a command that does nothing."""
    old, new = sides
    with served(project, old) as folder:
        keys = f'admin = "host={folder} user=boss"\ndatabase = "shop"\n'
        other = f"[[pgbouncer.poolers]]\n{keys}"
        project.config(f'{other}config_file = "{folder}/pgbouncer.ini"\n{other}command = ["true"]\n')
        async with open_context(project.root, registry=Registry()) as ctx:
            await ctx.get(SWITCH, "pgbouncer").switch(ctx, old, new)  # the first one has done it for both
        project.config(f'[pgbouncer]\n{keys}command = ["true"]\n')
        async with open_context(project.root, registry=Registry()) as ctx:
            with pytest.raises(ExecutionError, match="does not lead to the new database"):
                await ctx.get(SWITCH, "pgbouncer").switch(ctx, new, old)
            async with console(ctx, f"host={folder} user=boss") as ask:
                with pytest.raises(ConsoleRefused, match="PgBouncer says"):
                    await ask("PAUSE nothing")
                rows = await ask("SHOW DATABASES")
    assert {row["database"] for row in rows} == {new.database, "pgbouncer"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("shop=host=a dbname=x", "shop=host=b dbname=y port=5433"),
        ("  shop =\tport=1\thost='a b'  password='it''s'", "  shop =\tport=5433 host=b password='it''s' dbname=y"),
        ('"shop" = pool_size=3\r', '"shop" = pool_size=3 host=b port=5433 dbname=y\r'),
        ("shop =", "shop =host=b port=5433 dbname=y"),
    ],
)
def test_only_the_line_is_rewritten(tmp_path, before, after):
    """Whatever it looks like, with all else that it says, and the file's mode."""
    file = tmp_path / "pgbouncer.ini"
    text = "%include o.ini\n[databases]\n; shop = host=z\nshopping = host=q\n{}\n* = host=w\n[users]\nshop = max=1"
    file.write_bytes(text.format(before).encode() + b"\xff")
    file.chmod(0o640)
    (tmp_path / "link").symlink_to(file)
    for _ in range(2):
        rewrite(tmp_path / "link", "shop", {"host": "b", "port": "5433", "dbname": "y"})
        assert file.read_bytes() == text.format(after).encode() + b"\xff"
    assert file.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "link").is_symlink()
    assert len(list(tmp_path.iterdir())) == 2


def test_two_lines_of_one_name_are_refused(tmp_path):
    """Which one PgBouncer takes is not ours to guess."""
    (tmp_path / "ini").write_text("[databases]\nshop = host=a\nshop = host=b\n")
    with pytest.raises(ConfigError, match="several lines"):
        find(tmp_path / "ini", "shop")
