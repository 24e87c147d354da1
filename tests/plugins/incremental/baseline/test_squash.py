"""``migrate squash``: the first migrations become one, and databases of every age go on."""

from __future__ import annotations

import pytest

from confiture.cli.main import run_command
from confiture.errors import HistoryConflict, InternalError, Irreversible, Refused, UsageError

pytestmark = pytest.mark.anyio
LAST = "SELECT version, direction, state FROM confiture.confiture_migrations ORDER BY id DESC LIMIT 1"


@pytest.fixture
def squash(migrations):
    async def squash(version, **values):
        return await migrations.run("squash", version=version, **values)

    return squash


@pytest.fixture
def history(migrations):
    """Four migrations of both forms, which rename, alter and drop."""
    migrations.sql(
        "001_make", "CREATE TABLE jams (id int, label text); CREATE TABLE gone (id int);", "DROP TABLE gone;"
    )
    migrations.python("002_rename", "def up(self):\n    self.execute('ALTER TABLE jams RENAME label TO name')")
    migrations.sql("003_more", "DROP TABLE gone; CREATE INDEX CONCURRENTLY jams_name ON jams (name);")
    migrations.sql("004_price", "ALTER TABLE jams ADD price numeric;", "ALTER TABLE jams DROP price;")
    return migrations


def files(migrations):
    return sorted(path.name for path in (migrations.project.root / "db/migrations").iterdir())


async def test_a_new_database_is_the_same(history, squash, new_database, dump):
    before, after = new_database(), new_database()
    await history.run("up", database=before)
    report = await squash("3")
    assert files(history) == ["003_baseline.py", "004_price.down.sql", "004_price.up.sql"]
    assert (report.version, report.replaces) == ("003", ("001", "002", "003"))
    assert "db/migrations/001_make.down.sql" in report.removed
    assert [one.version for one in (await history.run("up", database=after)).migrations] == ["003", "004"]
    assert dump(after) == dump(before)


async def test_a_database_that_has_them_all_records_it_and_runs_nothing(history, squash):
    await history.up(target="003")
    await squash("003")
    assert await history.states() == {"003": "applied", "004": "pending"}
    assert (await history.run("status")).problems == ()
    assert [one.version for one in (await history.up()).migrations] == ["004"]
    assert "003|up|squashed|0" in history.rows()
    assert await history.states() == {"003": "applied", "004": "applied"}
    assert (await history.run("status")).problems == ()
    assert (await history.run("repair")).repairable == ()
    assert (await history.up()).migrations == ()
    await history.down()
    for to in (None, "0"):
        with pytest.raises(Irreversible, match=r"003 \(baseline\) has no way back"):
            await history.down(target=to)


async def test_a_database_that_has_only_some_is_told_so(history, squash):
    """It would lack the rest for good."""
    await history.up(target="002")
    await squash("003")
    with pytest.raises(HistoryConflict, match="of which this database lacks 003"):
        await history.up()
    assert "lacks 003" in (await history.run("status")).problems[0]


async def test_an_edit_of_the_baseline_is_an_edit(history, squash, project):
    """Only what was squashed is taken for what it stands for."""
    await history.up()
    report = await squash("003")
    await history.up()
    file = project.root / report.path
    file.write_text(file.read_text() + "# more\n")
    with pytest.raises(HistoryConflict, match="was edited"):
        await history.up()
    assert (await history.states())["003"] == "edited"


async def test_a_baseline_is_squashed_again(history, squash, new_database, dump):
    """With databases that never heard of the first one, and with those that begin with it."""
    oldest, middle, new = new_database(), new_database(), new_database()
    await history.run("up", database=oldest)
    await squash("2")
    await history.run("up", database=middle)
    report = await squash("4")
    assert report.replaces == ("001", "002", "003", "004")
    assert files(history) == ["004_baseline.py"]
    history.sql("005_more", "CREATE TABLE more (id int);")
    for database in (oldest, middle, new):
        done = (await history.run("up", database=database)).migrations
        assert done[-1].version == "005"
        assert len(done) == (2 if database is new else 1)
        assert (await history.run("status", database=database)).problems == ()
    assert dump(oldest) == dump(middle) == dump(new)


async def test_rows_would_be_lost(history, squash):
    history.sql("003_more", "DROP TABLE gone;\nINSERT INTO jams VALUES (1, 'fig');\n\nUPDATE jams SET id = 2;")
    before = files(history)
    with pytest.raises(Refused, match="2 statements") as caught:
        await squash("003")
    assert caught.value.detail.splitlines() == [
        "db/migrations/003_more.up.sql:2: INSERT INTO jams VALUES (1, 'fig')",
        "db/migrations/003_more.up.sql:4: UPDATE jams SET id = 2",
    ]
    assert files(history) == before
    report = await squash("003", leave_out=True)
    assert len(report.left_out) == 2
    assert "INSERT" not in (history.project.root / report.path).read_text()


async def test_changing_rows_that_there_are_none_of_loses_nothing(history, squash):
    """As every backfill of a generated migration does."""
    history.python(
        "003_fill",
        """
        def up(self):
            self.backfill("jams", set="name = 'x'", where="name IS NULL")
            self.execute("DELETE FROM jams WHERE id IS NULL")
        """,
    )
    (history.project.root / "db/migrations/003_more.up.sql").unlink()
    assert (await squash("003")).left_out == ()


@pytest.mark.parametrize(
    "sql",
    [
        "DO $$ BEGIN NULL; END $$",
        "SELECT setval('s', 7)",
        "CREATE TABLE copied AS SELECT 1 AS n",
        "WITH x AS (INSERT INTO jams VALUES (1) RETURNING id) DELETE FROM jams USING x",
        "CREATE ROLE somebody",
        "GRANT CONNECT ON DATABASE shop TO PUBLIC",
        "COPY jams FROM '/tmp/x'",
        "MERGE INTO jams USING jams j ON false WHEN NOT MATCHED THEN INSERT VALUES (1)",
    ],
)
async def test_what_no_schema_holds_is_named(history, squash, sql):
    history.sql("003_more", f"CREATE SEQUENCE s; {sql};")
    with pytest.raises(Refused, match="1 statements") as caught:
        await squash("003")
    assert caught.value.detail.endswith(sql.split("\n")[0])


@pytest.mark.parametrize("sql", ["CREATE TABLE c AS SELECT 1 WITH NO DATA", "VACUUM", "SET search_path = public",
                                 "CREATE MATERIALIZED VIEW v AS SELECT 1", "REFRESH MATERIALIZED VIEW v2"])  # fmt: skip
async def test_what_a_schema_holds_is_not(history, squash, sql):
    history.sql("003_more", f"CREATE MATERIALIZED VIEW v2 AS SELECT 1; {sql};")
    assert (await squash("003")).left_out == ()


async def test_one_that_reads_cannot_be_squashed(history, squash):
    history.python("002_rename", "async def up(self):\n    self.execute('ALTER TABLE jams RENAME label TO name')")
    with pytest.raises(Refused, match=r"002 \(rename\) reads the database"):
        await squash("003")


async def test_what_comes_after_must_give_the_same(history, squash, monkeypatch):
    """What the later ones make of another order of columns, say, is another schema: nothing is written."""
    history.sql(
        "004_price",
        "CREATE TABLE t AS SELECT 1 AS n; DO $$ BEGIN IF to_regclass('gone_was_here') IS NULL THEN"
        " EXECUTE format('CREATE TABLE %I ()', (SELECT 'relation_' || count(*) FROM pg_attribute"
        " WHERE attrelid = 'jams'::regclass AND attisdropped)); END IF; END $$",
    )
    history.sql("003_more", "DROP TABLE gone; ALTER TABLE jams ADD x int; ALTER TABLE jams DROP x;")
    before = files(history)
    with pytest.raises(InternalError, match="another schema") as caught:
        await squash("003")
    assert "table public.relation_0" in caught.value.detail
    assert files(history) == before


async def test_versions_that_there_are_not(history, squash):
    with pytest.raises(UsageError, match="no migration '9'"):
        await squash("9")
    with pytest.raises(UsageError, match="nothing to squash"):
        await squash("001")


def test_the_command(history, project, database, monkeypatch, capsys):
    project.environment_for(database)
    monkeypatch.chdir(project.root)
    assert run_command(["migrate", "squash", "002"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "db/migrations/002_baseline.py",
        "- db/migrations/001_make.up.sql",
        "- db/migrations/001_make.down.sql",
        "- db/migrations/002_rename.py",
        "002 stands for 2 migrations, proved; it has no way back",
    ]
