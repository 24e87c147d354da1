"""Settings: ours, the user's over them, and those that PostgreSQL or confiture refuses."""

from __future__ import annotations

import pytest

from confiture.config import Environment
from confiture.errors import ConfigError
from confiture.hooks import SERVER
from confiture.model import Note
from confiture_embedded.settings import RESERVED, render

pytestmark = pytest.mark.anyio

LOCAL = Environment(name="local")


async def show(run, name: str) -> str:
    async with run.connect(await run.target(), database="postgres") as connection:
        return await connection.fetchval(f"SHOW {name}")


async def test_ours_are_for_speed_and_the_users_win(own_project, server_run):
    (own_project / "confiture.toml").write_text(
        '[embedded.settings]\nwork_mem = \'64MB\'\nmax_connections = 17\nfsync = true\n"app.tenant" = "it\'s"\n'
    )
    async with server_run(own_project) as run:
        assert await show(run, "full_page_writes") == "off"
        assert await show(run, "work_mem") == "64MB"
        assert await show(run, "max_connections") == "17"
        assert await show(run, "fsync") == "on"
        assert await show(run, "app.tenant") == "it's"


async def test_a_setting_that_postgresql_does_not_know_is_named(own_project, server_run):
    (own_project / "confiture.toml").write_text("[embedded.settings]\nwork_mem = '8MB'\nwork_memory = '64MB'\n")
    async with server_run(own_project) as run:
        with pytest.raises(ConfigError, match="'work_memory'") as caught:
            await run.target()
    assert "unrecognized configuration parameter" in str(caught.value.detail)
    # Mended, it starts: nothing of the bad configuration stays.
    (own_project / "confiture.toml").write_text("[embedded.settings]\nwork_mem = '8MB'\n")
    async with server_run(own_project) as run:
        assert await show(run, "work_mem") == "8MB"


async def test_a_value_that_postgresql_refuses_is_named(own_project, server_run):
    (own_project / "confiture.toml").write_text("[embedded.settings]\nwork_mem = 'plenty'\n")
    async with server_run(own_project) as run:
        with pytest.raises(ConfigError, match="'work_mem'"):
            await run.target()


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_what_confiture_finds_the_server_by_cannot_be_set(name):
    with pytest.raises(ConfigError, match=f"{name!r}.*confiture's own"):
        render({name.upper(): "x"}, socket="/s", port=None)


@pytest.mark.parametrize(("name", "value"), [("work_mem\nport", 1), ("work_mem", "1\nport = 2"), ("a b", 1), ("", 1)])
def test_one_setting_cannot_smuggle_in_another(name, value):
    with pytest.raises(ConfigError, match="not a setting"):
        render({name: value}, socket="/s", port=None)


@pytest.mark.parametrize(("level", "senders"), [("logical", "10"), ("minimal", "0")])
async def test_the_wal_level_can_be_chosen(own_project, server_run, level, senders):
    """wal_level = minimal forbids WAL senders: PostgreSQL would not start with its own default for them."""
    (own_project / "confiture.toml").write_text(f"[embedded.settings]\nwal_level = '{level}'\n")
    async with server_run(own_project) as run:
        assert await show(run, "wal_level") == level
        assert await show(run, "max_wal_senders") == senders


async def test_a_changed_configuration_is_told_and_takes_effect_at_the_next_start(own_project, server_run):
    async with server_run(own_project) as run:
        await run.target()
    (own_project / "confiture.toml").write_text("[embedded.settings]\nwork_mem = '64MB'\n")
    events = []
    async with server_run(own_project, events=events) as run:
        assert await show(run, "work_mem") == "4MB"
        await run.get(SERVER, "embedded").stop(run, LOCAL)
        await run.get(SERVER, "embedded").acquire(run, LOCAL)
        assert await show(run, "work_mem") == "64MB"
    notes = [event.message for event in events if isinstance(event, Note)]
    assert len([note for note in notes if "take effect at its next start" in note]) == 1


async def test_a_thousand_tables_fit_into_one_transaction(own_project, server_run):
    """max_locks_per_transaction: at PostgreSQL's default of 64 the lock table overflows."""
    async with server_run(own_project) as run, run.connect(await run.target(), database="postgres") as connection:
        one = (
            "CREATE TABLE t{0} (id bigserial PRIMARY KEY, a text UNIQUE, b text, c text);"
            "CREATE INDEX ON t{0} (b); CREATE INDEX ON t{0} (c); CREATE INDEX ON t{0} (b, c);"
            "CREATE INDEX ON t{0} (c, b);"
            "CREATE VIEW v{0} AS SELECT * FROM t{0};"
        )
        async with run.transaction(connection):
            for begin in range(0, 1000, 100):
                await connection.execute("".join(one.format(i) for i in range(begin, begin + 100)))
        assert (
            await connection.fetchval("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^t\\d'") == 1000
        )
