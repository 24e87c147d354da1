"""Ctrl-C and SIGTERM: the work is taken back, the exit code is 130, and impatience does no harm."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest

WAITS = """
    import anyio, pathlib, sys

    async def command(*, common: CommonParam = None, shell: ShellParam):
        try:
            print("ready", flush=True)
            await anyio.sleep(60)
        finally:
            with anyio.CancelScope(shield=True):
                pathlib.Path("begun").touch()
                for _ in range(6000):
                    if pathlib.Path("go").exists():
                        break
                    await anyio.sleep(0.01)
            pathlib.Path("cleaned").touch()
"""


def wait_for(path) -> None:
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path.name} never appeared")


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


@pytest.mark.parametrize(
    ("number", "message"), [(signal.SIGINT, "interrupted by Ctrl-C"), (signal.SIGTERM, "stopped by SIGTERM")]
)
def test_one_signal_takes_the_work_back(number, message, cli) -> None:
    """A terminal and a supervisor stop it alike."""
    (cli.folder / "go").touch()
    cli.command("waits", WAITS)
    process = cli.start("waits")
    ready(process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.startswith(f"error: {message}\n  hint: ")
    assert (cli.folder / "cleaned").exists()


def test_a_second_ctrl_c_does_not_cut_into_the_cleaning_up(cli) -> None:
    """People press it twice; a half-built database would be left on the server."""
    cli.command("waits", WAITS)
    process = cli.start("waits")
    ready(process)
    process.send_signal(signal.SIGINT)
    wait_for(cli.folder / "begun")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("cleaning up; once more to leave at once")
    (cli.folder / "go").touch()
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert (cli.folder / "cleaned").exists()


def test_a_third_one_leaves_at_once(cli) -> None:
    """A server that does not answer any more must not hold the terminal."""
    cli.command("waits", WAITS)
    process = cli.start("waits")
    ready(process)
    process.send_signal(signal.SIGINT)
    wait_for(cli.folder / "begun")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == -signal.SIGINT
    process.communicate()


def test_a_cleaning_up_that_fails_is_told(cli) -> None:
    """What was left behind is what the user has to know."""
    cli.command(
        "waits",
        """
        import anyio
        from confiture.errors import ServerError

        async def command(*, common: CommonParam = None):
            try:
                print("ready", flush=True)
                await anyio.sleep(60)
            finally:
                raise ServerError("the database 'x' could not be dropped")
        """,
    )
    process = cli.start("waits")
    ready(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "  detail: the database 'x' could not be dropped\n" in err
    assert "nothing of it was left" not in err


def test_a_program_gets_the_interruption_as_json(cli) -> None:
    """A pipeline's step that was stopped says so in its own format."""
    (cli.folder / "go").touch()
    cli.command("waits", WAITS)
    process = cli.start("waits", "--format", "json")
    ready(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert json.loads(out)["error"]["code"] == "interrupted"


def test_a_command_that_does_not_wait_is_interrupted_too(cli) -> None:
    """A plain function has no event loop to be told through."""
    cli.command("waits", "import time\ndef command():\n    print('ready', flush=True)\n    time.sleep(60)")
    process = cli.start("waits")
    ready(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("existing", [True, False], ids=["in an empty database", "of a new database"])
def test_a_build_that_is_stopped_leaves_nothing_behind(existing, number, cli, project, database, psql) -> None:
    """No database, no table and no session that holds locks, whichever way the database is built."""
    name = database.database if existing else f"{database.database}_new"
    project.environment_for(database.with_database(name))
    mark = f"of the build {database.database}"  # other workers stop builds at the same time
    project.schema("a.sql", f"create table a (); select pg_sleep(600) /* {mark} */;")
    postgres = database.with_database("postgres")
    # Not those of psql, whose own query holds the mark: a backend may end after its client has.
    sessions = f"select pid from pg_stat_activity where query like '%/* {mark} */%' and application_name <> 'psql'"
    process = cli.start("build", "--project", str(project.root))
    deadline = time.monotonic() + 60
    while not (at_work := psql(postgres, f"{sessions} and wait_event = 'PgSleep'")):
        assert time.monotonic() < deadline, "nothing is built"
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    deadline = time.monotonic() + 60
    while left := psql(postgres, sessions):
        assert (left, time.monotonic() < deadline) == (at_work, True)
        time.sleep(0.05)
    found = psql(postgres, f"select datname from pg_database where datname like '%{database.database}%'")
    assert found == database.database
    assert psql(database, "select count(*) from pg_class where relname = 'a'") == "0"


def test_a_command_may_leave_something_and_says_how_to_go_on(cli) -> None:
    """Nothing was taken back then: the usual hint would be wrong."""
    code = """
    import anyio

    async def command(*, common: CommonParam = None, shell: ShellParam):
        shell.left_behind = "half of it is there\\nconfiture " + " ".join(shell.words) + " --resume"
        print("ready", flush=True)
        await anyio.sleep(60)
    """
    cli.command("waits", code)
    process = cli.start("waits", "--quiet")
    ready(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == ("error: interrupted by Ctrl-C\n  hint: half of it is there\n    confiture waits --quiet --resume\n")
