"""The tutorial and the plugin's page are followed as a reader would, command by command.

A fenced block with a title is a file: it is written there. A ``console`` block holds commands, each after ``$``, and
what they print, where ``...`` stands for anything and runs of blanks are equal.
"""

from __future__ import annotations

import doctest
import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@dataclass
class Block:
    """A fenced block: what stands after the fence, the text, and the line that it begins in."""

    language: str
    title: str | None
    text: str
    line: int


def blocks(page: Path, section: str | None = None) -> Iterator[Block]:
    """Those of the page, or of the section with that heading."""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    inside = section is None
    for number, line in lines:
        if section is not None and line.startswith("## "):
            inside = line == f"## {section}"
        if not inside or not line.startswith("```"):
            continue
        language, _, rest = line.removeprefix("```").partition(" ")
        title = rest.removeprefix('title="').removesuffix('"') if rest.startswith('title="') else None
        body = []
        for _, inner in lines:
            if inner == "```":
                break
            body.append(inner)
        yield Block(language, title, "\n".join(body) + "\n", number)


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with what it prints."""
    command, expected = "", ""
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            if command:
                yield command, expected
            command, expected = line.removeprefix("$ "), ""
        else:
            expected += line
    if command:
        yield command, expected


class Reader:
    """Follows a page in ``folder``: keeps the working folder from one command to the next, as a shell does."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder = folder
        self.here = folder
        self._environment = {**os.environ, "PATH": path, "COLUMNS": "120", "PAGER": "cat"}

    def follow(self, page: Path, section: str | None = None) -> int:
        """Do what the page, or a section of it, says; how many commands there were."""
        count = 0
        for block in blocks(page, section):
            if block.title is not None:
                path = self.here / block.title
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
            elif block.language == "console":
                for command, expected in commands(block.text):
                    self.check(command, expected, f"{page.name}, block at line {block.line}")
                    count += 1
        return count

    def check(self, command: str, expected: str, where: str) -> None:
        """Run it. A command fails exactly where the page shows an error."""
        done, printed = self.run(command)
        shown = f"{where}:\n$ {command}{printed}\n(exit code {done})"
        failed = any(word in expected for word in ("error: ", "error [", "FAILED"))
        assert (done != 0) == failed, shown
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        if expected and not doctest.OutputChecker().check_output(expected, printed, flags):
            pytest.fail(f"{shown}\nthe page says:\n{expected}")

    def run(self, command: str) -> tuple[int, str]:
        script = f"{command.rstrip()}\nstatus=$?\npwd > {shlex.quote(str(self.folder / '.pwd'))}\nexit $status\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.here,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        self.here = Path((self.folder / ".pwd").read_text(encoding="utf-8").rstrip("\n"))
        return done.returncode, done.stdout

    def stop_servers(self) -> None:
        for state in self.folder.glob("*/.confiture"):
            self.here = state.parent
            self.run("confiture server stop")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Someone with confiture on the PATH, in an empty folder."""
    reader = Reader(tmp_path, f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}")
    yield reader
    reader.stop_servers()


@pytest.fixture
def isolated_reader(tmp_path: Path) -> Iterator[Reader]:
    """The same in a virtual environment of their own, so that what they install stays there.

    It sees the packages of the tests' environment, and installs without the index: what building needs is there.
    """
    venv = tmp_path / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    site = next((venv / "lib").glob("python*/site-packages"))
    ours = sysconfig.get_path("purelib")
    (site / "tests.pth").write_text(f"import site; site.addsitedir({ours!r})\n", encoding="utf-8")
    for name, body in {
        "pip": 'command=$1; shift; exec python -m pip "$command" --no-index --no-build-isolation "$@"',
        "pytest": 'exec python -m pytest "$@"',
        "confiture": "exec python -c 'from confiture.cli.main import main; main()' \"$@\"",
    }.items():
        program = venv / "bin" / name
        program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        program.chmod(0o755)
    reader = Reader(tmp_path, f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}")
    yield reader
    reader.stop_servers()


def test_the_tutorial_works_as_it_is_written(reader: Reader):
    """Whoever meets an error in the first ten minutes does not come back."""
    assert reader.follow(DOCS / "tutorial" / "getting-started.md") > 10


def test_the_tutorial_on_migrations_works_as_it_is_written(reader: Reader):
    """Whoever tries a rollback for the first time does it by this page."""
    assert reader.follow(DOCS / "tutorial" / "first-migrations.md") > 30


def test_the_tutorial_on_syncs_works_as_it_is_written(reader: Reader):
    """Whoever follows it has production's data on the other side next."""
    assert reader.follow(DOCS / "tutorial" / "first-sync.md") > 20


def test_the_tutorial_on_zero_downtime_works_as_it_is_written(reader: Reader):
    """Whoever follows it kills a migration on purpose, and has to find it whole afterwards."""
    assert reader.follow(DOCS / "tutorial" / "first-zero-downtime-migration.md") > 15


def test_the_readme_shows_what_migrate_diff_prints(reader: Reader):
    """It is the first thing that anybody sees of it."""
    assert reader.follow(DOCS.parent / "README.md", "The difference of two schemas, as a plan") == 1


def test_the_readme_shows_what_migrations_print(reader: Reader):
    """The rest of the first impression."""
    assert reader.follow(DOCS.parent / "README.md", "Migrations, there and back") > 5


@pytest.mark.parametrize("page", ["explanation/differ.md", "reference/online.md"])
def test_the_statements_that_a_page_shows_are_those_of_the_plan(reader: Reader, page: str):
    """People decide by them whether a plan is safe."""
    assert reader.follow(DOCS / page) >= 1


def test_a_plugin_takes_twenty_lines(isolated_reader: Reader):
    """The page promises twenty; and a plugin of a stranger is found as ours are."""
    page = DOCS / "plugins" / "first-plugin.md"
    plugin = ("hello/confiture_hello.py", "hello/pyproject.toml")
    written = [block.text for block in blocks(page) if block.title in plugin]
    assert sum(bool(line.strip()) for text in written for line in text.splitlines()) <= 20
    assert isolated_reader.follow(page) >= 5


def test_a_reviewer_stops_what_its_page_says(isolated_reader: Reader):
    """A policy that does not hold is worse than none."""
    assert isolated_reader.follow(DOCS / "plugins" / "reviewers.md") >= 6


@pytest.mark.parametrize("page", ["test-with-confiture-db.md", "drive-from-async-code.md"])
def test_a_howto_works_as_it_is_written(reader: Reader, page: str):
    """Its programs are what people copy."""
    assert reader.follow(DOCS / "howto" / page) >= 3
