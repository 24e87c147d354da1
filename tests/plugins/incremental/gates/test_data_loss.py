"""Nothing is lost that nobody has said may go; what takes its own work back runs as it stands."""

from __future__ import annotations

import pytest

from confiture.errors import DataLossRefused, StatementFailed

pytestmark = pytest.mark.anyio

USERS = "CREATE TABLE users (id int PRIMARY KEY, email text); INSERT INTO users VALUES (1, 'a@example.org');"


@pytest.mark.parametrize(("statement", "what"), [
    ("DROP TABLE users", "the table \"public.users\" goes, with its rows"),
    ("DROP TABLE IF EXISTS users CASCADE", "the table \"public.users\" goes, with its rows"),
    ("ALTER TABLE users DROP COLUMN email", "the column \"email\" of \"public.users\" goes"),
    ("TRUNCATE users", "the rows of \"public.users\" go"),
    ("DELETE FROM users", "rows of \"public.users\" go"),
    ("DROP SCHEMA public CASCADE", "the schema \"public\" goes"),
])  # fmt: skip
async def test_what_loses_data_asks(migrations, statement, what):
    migrations.psql(USERS)
    migrations.sql("001_new", "CREATE TABLE new (id int)")
    migrations.sql("002_gone", f"CREATE TABLE more (id int);\n\n{statement};")
    with pytest.raises(DataLossRefused) as caught:
        await migrations.up()
    error = caught.value
    assert error.message.startswith(f"002 (gone) loses data: {what}")
    assert (error.file, error.line, error.source_line) == ("db/migrations/002_gone.up.sql", 3, statement)
    assert "--allow-data-loss" in error.hint
    assert migrations.public() == ["users"]
    await migrations.up(allow_data_loss=True)
    assert len(migrations.rows()) == 2


async def test_what_is_declared_runs_in_python(migrations):
    migrations.psql(USERS)
    body = "loses_data = ('up',)\n\ndef up(self):\n    self.execute('DROP TABLE users')\n"
    body += "def down(self):\n    self.execute('DROP TABLE shop')\n"
    migrations.python("001_gone", body)
    await migrations.up()
    assert migrations.public() == []
    migrations.psql("CREATE TABLE shop (id int)")
    with pytest.raises(DataLossRefused, match="loses data") as caught:
        await migrations.down(ignore_drift=True)
    assert 'loses_data = ("down",)' in caught.value.hint
    assert migrations.public() == ["shop"]


@pytest.mark.parametrize("direction", ["up", "down"])
async def test_what_is_declared_runs_in_sql(migrations, direction):
    migrations.psql(USERS)
    said = "-- confiture: loses-data\n"
    texts = {"up": "DROP TABLE users;", "down": "DROP TABLE shop;"}
    texts[direction] = said + texts[direction]
    migrations.sql("001_gone", texts["up"], texts["down"])
    if direction == "down":
        with pytest.raises(DataLossRefused, match=r"up\.sql") as caught:
            await migrations.up()
        assert "-- confiture: loses-data" in caught.value.hint
    await migrations.up(allow_data_loss=direction == "down")
    migrations.psql("CREATE TABLE shop (id int)")
    if direction == "up":
        with pytest.raises(DataLossRefused, match=r"down\.sql"):
            await migrations.down(ignore_drift=True)
    else:
        await migrations.down(ignore_drift=True)
    assert migrations.public() == (["shop"] if direction == "up" else [])


async def test_the_down_of_the_documentation_runs_as_it_stands(migrations):
    """The file is the one that everybody sees first."""
    migrations.psql(USERS)
    migrations.python("002_add_user_bio", '''\
        def up(self) -> None:
            """Apply migration."""
            self.execute("ALTER TABLE users ADD COLUMN bio TEXT")

        def down(self) -> None:
            """Rollback migration."""
            self.execute("ALTER TABLE users DROP COLUMN bio")
    ''')  # fmt: skip
    await migrations.up()
    migrations.psql("UPDATE users SET bio = 'x'")
    await migrations.down()
    assert migrations.psql("SELECT string_agg(attname, ',') FROM pg_attribute WHERE attrelid = 'users'::regclass"
                           " AND attnum > 0 AND NOT attisdropped") == "id,email"  # fmt: skip


async def test_a_down_that_takes_more_than_its_up_gave_asks(migrations):
    migrations.psql(USERS)
    migrations.sql("001_bio", "ALTER TABLE users ADD COLUMN bio text;", "DROP TABLE users;")
    await migrations.up()
    with pytest.raises(DataLossRefused, match="users"):
        await migrations.down()
    assert migrations.public() == ["users"]


async def test_a_schema_is_an_undo_as_long_as_nobody_else_put_a_table_into_it(migrations):
    migrations.sql("001_app", "CREATE SCHEMA app; CREATE TABLE app.a (id int);", "DROP SCHEMA app CASCADE;")
    await migrations.up()
    migrations.psql("CREATE TABLE app.by_hand (id int)")
    with pytest.raises(DataLossRefused, match="app"):
        await migrations.down()
    migrations.psql("DROP TABLE app.by_hand")
    await migrations.down()
    assert migrations.psql("SELECT to_regnamespace('app')") == ""


async def test_several_downs_each_take_back_their_own(migrations):
    migrations.sql("001_a", "CREATE TABLE a (id int);", "DROP TABLE a;")
    migrations.sql("002_b", "ALTER TABLE a RENAME TO b;", "ALTER TABLE b RENAME TO a;")
    migrations.sql("003_c", "ALTER TABLE b ADD c int;", "ALTER TABLE b DROP c;")
    await migrations.up()
    await migrations.down(target="0")
    assert migrations.public() == []


async def test_a_history_is_replayed_without_a_question(migrations):
    """On a new database nobody has rows in what an old migration made and a later one dropped."""
    migrations.tables("a", "b")
    migrations.sql("003_gone", "ALTER TABLE a DROP COLUMN id; DROP TABLE b; DROP TABLE IF EXISTS c;")
    await migrations.up()
    assert migrations.public() == ["a"]


async def test_a_rehearsal_and_a_dry_run_lose_nothing(migrations):
    migrations.psql(USERS)
    migrations.sql("001_gone", "DROP TABLE users")
    report = await migrations.up(dry_run_execute=True)
    assert report.hazards[0].hazards[0].kind == "deletes-data"
    report = await migrations.up(dry_run=True)
    assert report.hazards[0].hazards[0].kind == "deletes-data"
    await migrations.up(fake=True)
    assert migrations.public() == ["users"]


async def test_a_migration_that_reads_is_looked_at_when_its_turn_comes(migrations):
    migrations.psql(USERS)
    migrations.tables("a")
    migrations.python(
        "002_gone",
        """\
        async def up(self):
            for row in await self.fetch("SELECT 'users' AS name"):
                self.execute(f"DROP TABLE {row['name']}")
    """,
    )
    with pytest.raises(DataLossRefused, match="loses data"):
        await migrations.up()
    assert migrations.public() == ["a", "users"]
    assert migrations.rows("version, state") == ["001|applied"]
    await migrations.up(allow_data_loss=True)
    assert migrations.public() == ["a"]


async def test_what_goes_on_after_a_failure_loses_nothing_of_its_own(migrations):
    """The first half has made the table; nobody else has seen it."""
    migrations.psql("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1)")
    steps = "CREATE TABLE work (id int);\nCREATE UNIQUE INDEX CONCURRENTLY i ON t (id);\nDROP TABLE work;"
    migrations.sql("001_a", steps)
    with pytest.raises(StatementFailed):
        await migrations.up()
    assert migrations.public() == ["t", "work"]
    migrations.psql("DELETE FROM t")
    await migrations.up()
    assert migrations.public() == ["t"]
