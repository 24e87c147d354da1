"""Help: quick, complete, readable at any width, and there whatever is broken."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"asyncpg", "asyncio", "anyio", "structlog", "msgspec", "rich", "cyclopts", "pygments", "postgast", "yaml"}
LOADED = """
import sys
from confiture.cli.main import run_command
code = run_command(sys.argv[1:])
print(code, *sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("args", [["--help"], [], ["server", "--help"], ["server"], ["--version"]])
def test_an_overview_imports_nothing_heavy(args: list[str], tmp_path: Path) -> None:
    """--help is typed most of all, and asyncpg alone costs more than all of it."""
    done = subprocess.run([sys.executable, "-c", LOADED, *args], capture_output=True, text=True, cwd=tmp_path)
    code, *modules = done.stderr.split()
    assert code == "0"
    assert HEAVY & set(modules) == set()
    assert not [
        name for name in modules if name.startswith("confiture_") and not name.endswith(".plugin") and "." in name
    ]


def test_the_help_of_a_command_starts_no_event_loop(tmp_path: Path) -> None:
    """Its module is imported, for its docstring; the driver and the grammar are for running it."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "plugins", "--help"], capture_output=True, text=True, cwd=tmp_path
    )
    assert {"asyncpg", "asyncio", "structlog", "postgast", "pygments"} & set(done.stderr.split()) == set()


def test_no_arguments_show_the_help(run_here) -> None:
    """Who types the bare name wants to know what there is, and did nothing wrong."""
    assert run_here() == run_here("--help")
    assert run_here()[0] == 0


def test_help_names_every_command_and_ends_with_examples(run_here) -> None:
    """Nothing is hidden, and the first four things to type are there."""
    _, out, _ = run_here("--help")
    for command in ("init", "env", "plugins", "completion", "build", "server"):
        assert f"\n  {command} " in out
    assert "Examples\n  confiture init" in out


def test_a_word_with_commands_below_it_shows_them(run_here) -> None:
    """`confiture server` alone is a question."""
    code, out, err = run_here("server")
    assert (code, err) == (0, "")
    assert out.startswith("Usage: confiture server COMMAND\n")
    assert "\n  stop " in out


@pytest.mark.parametrize("args", [["env", "--help"], ["env", "-h"], ["help", "env"]])
def test_a_command_shows_its_options_in_groups(args: list[str], run_here) -> None:
    """The long form of the docstring, then options; -c beside --config."""
    code, out, err = run_here(*args)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: confiture env [OPTIONS]\n\nShow the environments")
    assert "\nEnvironment\n  --env NAME " in out
    assert "\n  -c, --config FILE " in out
    assert "\n  --format text|json " in out
    assert "--no-verbose" not in out


def test_help_fits_a_narrow_terminal(run_here, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is cut or broken by the terminal at 60 columns."""
    monkeypatch.setenv("COLUMNS", "60")
    for args in (["env", "--help"], ["build", "--help"]):
        _, out, _ = run_here(*args)
        assert max(len(line) for line in out.splitlines()) <= 60


def test_help_has_no_escape_codes_in_a_pipe(cli) -> None:
    """It is grepped and pasted."""
    cli.env["FORCE_COLOR"] = "1"
    assert "\x1b" not in cli("--help").stdout + cli("env", "--help").stdout


def test_the_version_for_a_program(run_here) -> None:
    """A tool that asks for JSON everywhere asks here, too."""
    for form in (["--format", "json"], ["--format=json"]):
        code, out, err = run_here("--version", *form)
        assert (code, err) == (0, "")
        assert run_here("--version")[1] == f"confiture {json.loads(out)['version']}\n"
    assert run_here("--version", "--format", "xml")[0] == 2


def test_the_version_is_one_line(run_here) -> None:
    """Scripts parse it."""
    code, out, _ = run_here("--version")
    assert code == 0
    name, version = out.split()
    assert name == "confiture"
    assert version[0].isdigit()


def test_broken_plugins_leave_help_alone(cli) -> None:
    """Even where they are fatal otherwise: help and `plugins` are how the user gets out."""
    cli.plugin("broken", "raise RuntimeError('no')")
    cli.env["CONFITURE_STRICT_PLUGINS"] = "1"
    for args in (["--help"], ["plugins"], ["plugins", "--help"]):
        done = cli(*args)
        assert (done.returncode, done.stderr) == (0, "")
    done = cli("env")
    assert done.returncode == 4
    assert "error: plugin 'broken' cannot be imported: RuntimeError: no" in done.stderr
