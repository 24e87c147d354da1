"""Mistakes on the command line: one line that says what, one that says what to do, exit code 2."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["plugin"], "unknown command 'plugin'", "did you mean 'plugins'? `confiture --help` shows what there is"),
        (["xyzzy"], "unknown command 'xyzzy'", "`confiture --help` shows what there is"),
        (["server", "stat"], "unknown command 'stat'", "did you mean 'start'?"),
        (["buld", "--help"], "unknown command 'buld'", "did you mean 'build'?"),
        (["--quiet", "env"], "unknown option '--quiet' of 'confiture'", "options follow the command"),
        (["env", "--fromat", "json"], "unknown option '--fromat'", "did you mean '--format'? `confiture env --help`"),
        (["env", "--fromat=json"], "unknown option '--fromat'", "did you mean '--format'?"),
        (["env", "extra"], "unexpected argument 'extra'", "`confiture env --help`"),
        (["env", "--env"], "option '--env' needs a value", "`confiture env --help`"),
        (["env", "--format", "xml"], "invalid value 'xml' for --format", "`confiture env --help`"),
        (["completion"], "SHELL is missing", "`confiture completion --help`"),
    ],
)
def test_a_mistake_is_named_with_the_nearest_right_word(args, message, hint, run_here) -> None:
    """A typo costs a second, not a look into the manual."""
    code, out, err = run_here(*args)
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith(f"error: {message}")
    assert second.startswith(f"  hint: {hint}")


@pytest.mark.parametrize("args", [["plugin"], ["env", "--fromat", "x"], ["env", "--env", "a", "--config", "b"]])
def test_a_program_gets_every_mistake_as_json(args, project, run_here) -> None:
    """Who asked for JSON parses stdout, whatever went wrong."""
    code, out, err = run_here(*args, "--format", "json", cwd=project.root)
    assert (code, err) == (2, "")
    error = json.loads(out)["error"]
    assert error["code"] == "usage"
    assert error["exit_code"] == 2
    assert error["hint"]


def test_outside_of_a_project_the_way_in_is_named(run_here) -> None:
    """The first thing that a newcomer does wrong."""
    code, _, err = run_here("env")
    assert code == 3
    assert "no confiture project in" in err
    assert "run `confiture init`" in err


def test_a_defect_has_no_traceback_unless_asked_for(cli) -> None:
    """A traceback is for who mends it."""
    cli.command("boom", "def command(*, common: CommonParam = None): raise KeyError('what')")
    done = cli("boom")
    assert done.returncode == 1
    assert done.stderr.startswith("error: KeyError: 'what'\n  hint: ")
    assert "Traceback" in cli("boom", "--debug").stderr


def test_a_command_that_cannot_be_imported_is_its_plugins_fault(cli) -> None:
    """Not a defect of ours, whatever its module raises; and other commands go on."""
    cli.command("away", "import nothing_of_this_name\ndef command(): ...")
    cli.command("wrong", "def command(:")
    for name, what in (("away", "ModuleNotFoundError"), ("wrong", "SyntaxError")):
        done = cli(name)
        assert done.returncode == 4
        assert f"error: command '{name}' cannot be imported from 'code_{name}:command': {what}" in done.stderr
    assert cli("plugins").returncode == 0


def test_a_plugin_set_aside_is_told_of_once(cli) -> None:
    """Its absence explains what fails next; the list itself and help stay clean."""
    cli.plugin("broken", "raise RuntimeError('no')")
    done = cli("env")
    assert done.stderr.count("warning: plugin 'broken' was set aside\n  hint: `confiture plugins` says why") == 1
    assert "warning" not in cli("env", "--quiet").stderr
    assert cli("plugins").stderr == ""


def test_an_unknown_command_may_be_that_of_a_plugin_not_in_use(cli) -> None:
    """Who disabled a plugin, or whose plugin broke, looks for the missing command and not for a typo."""
    cli.plugin("broken", "import nothing_of_this_name")
    cli.env["CONFITURE_DISABLED_PLUGINS"] = "build"
    done = cli("build")
    assert done.returncode == 2
    hint = "of the plugins 'broken' is set aside, 'build' is disabled (`confiture plugins` says why)"
    assert hint in done.stderr
    assert "of the plugins" not in cli("--quite", "build").stderr


def test_a_path_is_no_name_of_an_environment(project, run_here) -> None:
    """The hint must not have a file written outside of db/environments/."""
    _, _, err = run_here("env", "--env", "../../x", cwd=project.root)
    assert "unknown environment '../../x'" in err
    assert "an environment is a name, and --config takes a file" in err
    assert (
        "another is added as db/environments/staging.toml" in run_here("env", "--env", "staging", cwd=project.root)[2]
    )
