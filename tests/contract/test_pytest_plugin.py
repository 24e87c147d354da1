"""The users' fixture ``confiture_db``, in a pytest of its own as they would run it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from confiture.config.dsn import to_uri

SCHEMA = "CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);\n"
TESTS = """
import subprocess
import pytest

def test_empty(confiture_db):
    assert confiture_db.fetchval("SELECT count(*) FROM customers") == 0
    assert confiture_db.execute("INSERT INTO customers VALUES ($1, $2)", 1, "Ann") == "INSERT 0 1"
    assert [tuple(row) for row in confiture_db.fetch("SELECT * FROM customers")] == [(1, "Ann")]

def test_empty_again(confiture_db):
    test_empty(confiture_db)

@pytest.mark.anyio
async def test_async(confiture_db, anyio_backend):
    async with confiture_db.connect() as connection:
        assert await connection.fetchval("SELECT current_database()") == confiture_db.name

@pytest.fixture
def anyio_backend():
    return "asyncio"

def test_url(confiture_db, psql):
    command = [psql, "-XAtc", "SELECT current_database()", confiture_db.url]
    assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == confiture_db.name
    assert "postgresql" not in repr(confiture_db)

def test_a_session_that_stays_does_not_matter(confiture_db):
    confiture_db._portal.call(confiture_db.connect().__aenter__)

def test_two(confiture_db, confiture_databases):
    with confiture_databases.fresh() as other:
        assert other.name != confiture_db.name
        assert other.fetchval("SELECT count(*) FROM customers") == 0

@pytest.fixture
def psql():
    return PSQL
"""


@pytest.fixture
def shop(project, database):
    """A project with tests; its environment ``test`` is the session's server. Databases are told by the role."""
    import pgserver

    # A name of its own, so that its templates are not pruned by the builds of other tests.
    project.config(f'[project]\nname = "{database.database}"\n')
    project.schema("customers.sql", SCHEMA)
    project.environment_for(database, "test")
    project.write("pytest.ini", "[pytest]\nfilterwarnings = error\naddopts = -p no:cacheprovider\n")
    project.write("test_shop.py", TESTS.replace("PSQL", repr(str(pgserver.binaries() / "psql"))))
    return project


#: A pytest without what only our own tests need, which costs more than all the rest of it.
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest", "-p", "no:faker"]


def run_pytest(folder, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PYTEST, *options], cwd=folder.root, capture_output=True, text=True)


def owned(psql, database) -> list[str]:
    """The temporary databases of the tests' own role."""
    owner = "SELECT datname FROM pg_database WHERE datname LIKE 'confiture_tmp_pytest%' AND datdba::regrole::text = "
    return psql(database, f"{owner}'{database.database}' ORDER BY 1").splitlines()


@pytest.fixture
def own_role(database, psql):
    """A role for this test alone, so that what its session leaves can be told from others'."""
    psql(database, f'CREATE ROLE "{database.database}" LOGIN CREATEDB')
    yield database.database
    for name in owned(psql, database):
        psql(database, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    psql(database, f'DROP DATABASE IF EXISTS "{database.database}_x"')
    templates = psql(
        database, f"SELECT datname FROM pg_database WHERE datdba::regrole::text = '{database.database}'"
    ).splitlines()
    for name in templates:
        psql(database, f'ALTER DATABASE "{name}" IS_TEMPLATE false')
        psql(database, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    psql(database, f'DROP ROLE "{database.database}"')


@pytest.fixture
def own_shop(shop, database, own_role):
    """The project, whose sessions come as the test's own role, which may do no more than create databases."""
    url = to_uri({**database.params, "user": own_role})
    shop.environment("test", f"database_url = '{url}'\n")
    return shop


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_each_test_has_a_fresh_database_and_none_is_left(own_shop, database, psql, options):
    """Sync and async, one after the other and in parallel."""
    done = run_pytest(own_shop, *options)
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout
    assert owned(psql, database) == []


def test_the_environments_own_database_is_not_touched(shop, database, psql):
    """It may be somebody's work of the day."""
    psql(database, "CREATE TABLE work_of_the_day ()")
    done = run_pytest(shop)
    assert done.returncode == 0, done.stdout
    assert psql(database, "SELECT string_agg(relname, ' ') FROM pg_class WHERE relkind = 'r' AND relnamespace = "
                          "'public'::regnamespace") == "work_of_the_day"  # fmt: skip


def test_seeds_are_run_where_they_are_asked_for(shop):
    """By default a test starts with an empty schema."""
    shop.seed("customers.sql", "INSERT INTO customers VALUES (7, 'Seed');\n")
    shop.write("test_shop.py", "def test(confiture_db):\n    assert confiture_db.fetchval('TABLE customers') == 7\n")
    done = run_pytest(shop, "-o", "confiture_seeds=true")
    assert done.returncode == 0, done.stdout


def test_a_protected_environment_is_refused(shop, database):
    """Tests end sessions and drop databases; a server that matters is no place for them."""
    shop.environment_for(database, "live", "protected = true")
    done = run_pytest(shop, "--confiture-env", "live")
    assert done.returncode == 1
    assert "confiture: the environment 'live' is protected: no test runs on its server" in done.stdout
    assert "Traceback" not in done.stdout


def test_an_error_of_the_schema_is_shown_with_its_place(shop):
    """Not as the traceback of an event loop."""
    shop.schema("customers.sql", "CREATE TABLE customers (\n  id integr\n);\n")
    done = run_pytest(shop)
    assert done.returncode == 1
    assert "confiture: db/schema/customers.sql:2:6: " in done.stdout
    assert "Traceback" not in done.stdout


def test_the_project_may_be_below_the_tests_root(shop):
    """As in a repository of several programs."""
    (shop.root / "backend").mkdir()
    (shop.root / "db").rename(shop.root / "backend" / "db")
    (shop.root / "confiture.toml").unlink()
    done = run_pytest(shop, "-o", "confiture_project=backend", "-k", "empty")
    assert done.returncode == 0, done.stdout


def test_what_a_killed_session_left_is_dropped_by_the_next(own_shop, database, psql):
    """Nobody cleans up after SIGKILL but whoever comes next."""
    own_shop.write("test_shop.py", "def test(confiture_db):\n    print('here', flush=True)\n    input()\n")
    process = subprocess.Popen(
        [*PYTEST, "-s"],
        cwd=own_shop.root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        said = []
        for line in process.stdout:
            said.append(line)
            if line == b"here\n":
                break
        assert said[-1:] == [b"here\n"], b"".join(said).decode()
        assert len(owned(psql, database)) == 2
        os.killpg(process.pid, signal.SIGKILL)
    own_shop.write("test_shop.py", "def test(confiture_db):\n    pass\n")
    deadline = time.monotonic() + 60
    while owned(psql, database) and time.monotonic() < deadline:
        assert run_pytest(own_shop).returncode == 0
    assert owned(psql, database) == []


def test_it_costs_nothing_where_it_is_not_used(tmp_path):
    """pytest loads it in every project of the environment."""
    (tmp_path / "test_it.py").write_text(
        "import sys\n\ndef test():\n"
        "    assert not {'asyncpg', 'confiture.kernel', 'confiture.testing'} & set(sys.modules)\n"
    )
    done = subprocess.run([*PYTEST, str(tmp_path)], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout
