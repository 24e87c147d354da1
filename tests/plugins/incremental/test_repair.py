"""``migrate repair``: what a person says of a migration, and what the next run makes of it."""

from __future__ import annotations

import pytest

from confiture.cli.main import run_command
from confiture.errors import HistoryConflict, OutcomeUnknown, StatementFailed, UsageError
from confiture.model import Statement
from confiture_incremental.segments import progress_of

pytestmark = pytest.mark.anyio
LAST = "SELECT direction, state, statements FROM confiture.confiture_migrations ORDER BY id DESC LIMIT 1"


@pytest.fixture
def repair(migrations):
    async def repair(version=None, action=None, **values):
        return await migrations.run("repair", version=version, action=action, **values)

    return repair


@pytest.fixture
async def killed(migrations):
    """What a run leaves that was killed in the middle of a procedure that commits: 002 has done its first statement,
    and nothing tells whether the second took place."""
    migrations.python(
        "001_make",
        """
        def up(self):
            self.execute("CREATE TABLE t (n int)")
            self.execute(
                "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN INSERT INTO t VALUES (1); COMMIT; END'"
            )
        """,
    )
    await migrations.up()
    migrations.python(
        "002_call",
        """
        def up(self):
            self.execute("INSERT INTO t VALUES (0)")
            self.execute("CALL p()", transactional=False)
            self.execute("INSERT INTO t VALUES (2)")
        """,
    )
    progress = progress_of([Statement(sql="INSERT INTO t VALUES (0)")], 1)
    migrations.psql(
        "INSERT INTO t VALUES (0); INSERT INTO confiture.confiture_migrations (version, name, state, statements,"
        f" progress) VALUES ('002', 'call', 'started', 1, '{progress}')"
    )
    return migrations


def numbers(migrations):
    return migrations.psql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM t")


async def test_nothing_to_repair(migrations, repair):
    migrations.tables("a")
    await migrations.up()
    assert (await repair()).repairable == ()
    with pytest.raises(HistoryConflict, match="nothing to repair in 001"):
        await repair("1")
    with pytest.raises(UsageError, match="nothing is recorded of a migration '002'"):
        await repair("002", "done")


async def test_an_edited_file_is_accepted(migrations, repair):
    """``up`` refuses before, and goes on after; the edit runs nowhere."""
    migrations.tables("a")
    await migrations.up()
    migrations.tables("a", "b")
    migrations.sql("001_a", "CREATE TABLE a (id int); -- said better", "DROP TABLE a;")
    with pytest.raises(HistoryConflict, match="was edited"):
        await migrations.up()
    (one,) = (await repair()).repairable
    assert (one.version, one.state, one.ways) == ("001", "edited", ("accept",))
    report = await repair("001", "accept")
    assert report.recorded
    assert migrations.psql(LAST) == "up|repaired|0"
    await migrations.up()
    assert migrations.public() == ["a", "b"]
    assert await migrations.states() == {"001": "applied", "002": "applied"}


async def test_a_file_that_is_gone_is_forgotten(migrations, repair, project):
    migrations.tables("a", "b", "c")
    await migrations.up()
    for direction in ("up", "down"):
        (project.root / f"db/migrations/001_a.{direction}.sql").unlink()
    (one,) = (await repair()).repairable
    assert (one.version, one.state, one.ways) == ("001", "missing", ("forget",))
    await repair("001", "forget")
    assert await migrations.states() == {"002": "applied", "003": "applied"}
    assert migrations.public() == ["a", "b", "c"]
    assert (await migrations.down(target="0")).migrations[-1].version == "002"


async def test_a_statement_of_which_nobody_knows_did_not_take_place(killed, repair):
    with pytest.raises(OutcomeUnknown, match="may have been run") as caught:
        await killed.up()
    assert "--again" in caught.value.hint
    assert "--skip" in caught.value.hint
    (one,) = (await repair()).repairable
    assert one.next == (2, "CALL p()")
    await repair("002", "again")
    await killed.up()
    assert numbers(killed) == "0 1 2"
    assert killed.psql(LAST) == "up|applied|3"


async def test_a_statement_of_which_nobody_knows_took_place(killed, repair):
    killed.psql("CALL p()")
    assert "goes on after it" in (await repair("002", "skip")).says
    await killed.up()
    assert numbers(killed) == "0 1 2"
    assert killed.psql(LAST) == "up|applied|3"


async def test_the_last_statement_took_place(killed, repair):
    """Nothing is left to be run: the migration is applied."""
    killed.psql("CALL p()")
    await repair("2", "skip")
    killed.psql("INSERT INTO t VALUES (2)")
    assert "is done" in (await repair("2", "skip")).says
    assert (await killed.up()).migrations == ()
    assert numbers(killed) == "0 1 2"
    assert await killed.states() == {"001": "applied", "002": "applied"}


async def test_all_of_it_is_there(killed, repair):
    killed.psql("CALL p(); INSERT INTO t VALUES (2)")
    await repair("002", "done")
    assert (await killed.up()).migrations == ()
    assert numbers(killed) == "0 1 2"


async def test_nothing_of_it_is_there(killed, repair):
    """The next run begins it anew."""
    killed.psql("DELETE FROM t")
    await repair("002", "undone")
    assert await killed.states() == {"001": "applied", "002": "pending"}
    await killed.up()
    assert numbers(killed) == "0 1 2"


async def test_one_that_failed_was_done_by_hand(migrations, repair):
    migrations.tables("a")
    migrations.psql("CREATE TABLE a (id int)")
    with pytest.raises(StatementFailed):
        await migrations.up()
    (one,) = (await repair()).repairable
    assert (one.state, one.ways) == ("failed", ("done", "undone"))
    await repair("001", "done")
    assert (await migrations.up()).migrations == ()
    assert "repaired by hand" in (await migrations.run("history")).events[0].message


async def test_half_way_down_is_said_the_same_way(migrations, repair):
    """Done is what is in the database, not what the run was doing."""
    migrations.sql("001_a", "CREATE TABLE a (id int); CREATE INDEX i ON a (id);",
                   "DROP INDEX CONCURRENTLY i; DROP TABLE b;")  # fmt: skip
    await migrations.up()
    with pytest.raises(StatementFailed):
        await migrations.down(allow_data_loss=True)
    assert await migrations.states() == {"001": "half-way"}
    migrations.psql("CREATE INDEX i ON a (id)")
    await repair("001", "done")
    assert await migrations.states() == {"001": "applied"}


async def test_what_does_not_fit_is_refused_and_nothing_is_recorded(killed, repair):
    before = killed.rows()
    with pytest.raises(HistoryConflict, match="--accept does not fit 002") as caught:
        await repair("002", "accept")
    assert caught.value.hint == "there is: --skip, --again, --done, --undone"
    with pytest.raises(UsageError, match="of which migration"):
        await repair(None, "done")
    assert (await repair("002", "done", dry_run=True)).recorded is False
    assert killed.rows() == before


async def test_what_was_done_must_be_what_the_file_begins_with(killed, repair):
    """Else the number of a statement says nothing."""
    killed.python("002_call", "def up(self):\n    self.execute('SELECT 1')\n    self.execute('SELECT 2')")
    with pytest.raises(HistoryConflict, match="are not those that"):
        await repair("002", "skip")


@pytest.fixture
def confiture(project, database, monkeypatch, capsys):
    """The command line in the project, on the test's database: its exit code and what it said."""
    project.environment_for(database)
    monkeypatch.chdir(project.root)

    def run(*words):
        capsys.readouterr()
        code = run_command(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_command_lists_and_asks(confiture, project, migrations):
    migrations.tables("a")
    migrations.psql("CREATE TABLE a (id int)")
    assert confiture("migrate", "up")[0] == 7
    code, out, _ = confiture("migrate", "repair")
    assert code == 0
    assert out.splitlines()[1] == "    confiture migrate repair 001 --done     all of it is in the database"
    code, _, err = confiture("migrate", "repair", "001", "--done")
    assert code == 8
    assert "it would be recorded" in err
    code, out, _ = confiture("migrate", "repair", "001", "--done", "--yes")
    assert code == 0
    assert "all of 001 (a) is in the database: it counts as applied" in out
    assert confiture("migrate", "repair")[1].startswith("nothing to repair in ")
    assert confiture("migrate", "repair", "001", "--done", "--undone")[0] == 2
