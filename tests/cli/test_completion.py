"""``confiture completion``: what TAB offers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = """
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
function=$(complete -p confiture | sed 's/.* -F \\([^ ]*\\).*/\\1/')
"$function" confiture "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def tab(cli, tmp_path: Path):
    """``tab("server", "st")``: what bash offers."""
    if not shutil.which("bash"):
        pytest.skip("bash is not installed")
    script = tmp_path / "script"

    def press(*words: str) -> list[str]:
        if not script.exists():
            done = cli("completion", "bash")
            assert (done.returncode, done.stderr) == (0, "")
            script.write_text(done.stdout)
            program = tmp_path / "bin" / "confiture"
            program.parent.mkdir()
            program.write_text(f'#!/bin/sh\nexec {sys.executable} -m confiture "$@"\n')
            program.chmod(0o755)
        environment = cli.environment()
        environment["PATH"] = f"{tmp_path / 'bin'}:{environment['PATH']}"
        command = ["bash", "-c", DRIVER, "bash", str(script), "confiture", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=cli.folder, env=environment)
        assert done.stderr == ""
        return done.stdout.split()

    return press


def test_commands_and_options_are_offered(tab) -> None:
    """At every level, those of plugins too."""
    assert {"build", "env", "init", "plugins", "server"} <= set(tab(""))
    assert set(tab("server", "st")) == {"start", "status", "stop"}
    assert {"--env", "--config", "--format"} <= set(tab("build", "--"))
    assert tab("env", "--format", "") == ["text", "json"]


def test_environments_are_offered_as_they_are_now(tab, cli) -> None:
    """They come and go after the script was made; this is the one that asks confiture itself."""
    assert tab("build", "--env", "") == []
    (cli.folder / "db" / "environments").mkdir(parents=True)
    (cli.folder / "confiture.toml").touch()
    (cli.folder / "db" / "environments" / "staging.yaml").touch()
    (cli.folder / "db" / "environments" / "production.toml.example").touch()
    assert tab("build", "--env", "") == ["local", "staging"]
    assert tab("build", "--env", "st") == ["staging"]
    assert tab("sync", "--to", "st") == ["staging"]


def test_a_broken_command_does_not_spoil_the_script(tab, cli) -> None:
    """One plugin's broken module must not take TAB from the others."""
    cli.command("away", "import nothing_of_this_name\ndef command(): ...")
    assert "build" in tab("")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_valid_where_the_shell_is_there_to_say(shell: str, cli) -> None:
    """A syntax error would greet the user in every new terminal."""
    script = cli("completion", shell).stdout
    assert "confiture" in script
    if program := shutil.which(shell):
        done = subprocess.run([program, "-n"], input=script, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_script_has_no_json_form(cli) -> None:
    """Who parses stdout as JSON must not get a script."""
    done = cli("completion", "bash", "--format", "json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["message"] == "a completion script has no JSON form"
