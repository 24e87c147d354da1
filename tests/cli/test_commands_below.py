"""A command that has commands below it: ``confiture tend`` does something, and so does ``confiture tend roses``."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ENTRY = """
from confiture.hooks import Command, hookimpl
API_VERSION = 1

@hookimpl
def confiture_commands():
    yield Command(name="tend", target="code_garden:tend", summary="Tend the garden", group="Garden")
    yield Command(name="tend roses", target="code_garden:roses", summary="Tend the roses.")
    yield Command(name="tend roses red", target="code_garden:red", summary="Tend the red ones")
"""
CODE = """
from confiture.cli.command import CommonParam, ShellParam

def tend(*, water: int = 1, common: CommonParam = None, shell: ShellParam) -> None:
    '''Tend all of it.'''
    shell.print(f"garden {water}")

def roses(*, cut: bool = False, common: CommonParam = None, shell: ShellParam) -> None:
    '''Tend the roses only.'''
    shell.print(f"roses {cut}")

def red(*, common: CommonParam = None, shell: ShellParam) -> None:
    '''Tend the red ones.'''
    shell.print("red")
"""


@pytest.fixture
def garden(cli):
    """The command line with those commands."""
    cli.plugin("garden", ENTRY, code_garden=CODE)
    return cli


def test_each_of_them_runs_with_its_own_options(garden) -> None:
    """The word alone is the command, the word with another is the other one."""
    assert garden("tend", "--water", "3").stdout == "garden 3\n"
    assert garden("tend", "roses", "--cut").stdout == "roses True\n"
    assert garden("tend", "roses", "red").stdout == "red\n"
    done = garden("tend", "--cut")
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown option '--cut'" in done.stderr


def test_help_shows_the_options_and_what_is_below(garden) -> None:
    """Who reads the page of the one learns of the other; the overview has both."""
    page = garden("tend", "--help").stdout
    assert page.startswith("Usage: confiture tend [OPTIONS]\n\nTend all of it.\n")
    assert "  --water INT" in page
    assert page.endswith("\nCommands\n  roses       Tend the roses; below it: red\n")
    assert "--water" not in garden("tend", "roses", "--help").stdout
    assert "\nGarden\n  tend        Tend the garden; below it: roses\n" in garden("--help").stdout


def test_a_misspelled_one_is_told_of(garden) -> None:
    """It is no argument of the command above: the nearest command is named."""
    done = garden("tend", "rses")
    assert done.returncode == 2
    assert "unexpected argument 'rses'" in done.stderr
    assert "did you mean 'roses'?" in done.stderr
    assert "options follow the command: confiture tend roses" in garden("tend", "--water", "1", "roses").stderr


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_completion_offers_the_options_and_what_is_below(garden, tmp_path: Path) -> None:
    """Both follow the same word."""
    done = garden("completion", "bash")
    assert (done.returncode, done.stderr) == (0, "")
    script = tmp_path / "script"
    script.write_text(done.stdout)

    def tab(*words: str) -> set[str]:
        driver = (
            '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _confiture; '
            "printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        command = ["bash", "-c", driver, "bash", str(script), "confiture", *words]
        return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())

    assert "roses" in tab("tend", "")
    assert "--water" in tab("tend", "--")
    assert "--cut" in tab("tend", "roses", "--")
    assert tab("tend", "roses", "") == {"red"}
