"""The command line as a user meets it: a process, its output, its exit code; and plugins of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest


class CommandLine:
    """Runs ``confiture`` in ``folder``; plugins installed with :meth:`plugin` are found beside the real ones."""

    def __init__(self, folder: Path, site: Path) -> None:
        self.folder = folder
        self.site = site
        self.env: dict[str, str] = {}

    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
        return {**inherited, "TERM": "xterm", "PYTHONPATH": str(self.site), **self.env}

    def __call__(self, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "confiture", *args]
        options = {"cwd": self.folder, "stdin": subprocess.DEVNULL, "timeout": 300, **options}
        return subprocess.run(command, capture_output=True, text=True, env=self.environment(), **options)

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start it; the caller waits. Ctrl-C reaches it as from a terminal, even where the tests ignore it."""
        return subprocess.Popen(
            [sys.executable, "-m", "confiture", *args],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_default_signals,
        )

    def plugin(self, name: str, entry: str, **modules: str) -> None:
        """Install a distribution ``name`` 1.5 whose entry module has the code ``entry``; and further modules."""
        (self.site / f"entry_{name}.py").write_text(dedent(entry))
        for module, code in modules.items():
            (self.site / f"{module}.py").write_text(dedent(code))
        info = self.site / f"{name}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[confiture]\n{name} = entry_{name}\n")

    def command(self, name: str, code: str) -> None:
        """Install a plugin with one command ``name``: a function ``command`` in ``code``."""
        module = f"code_{name}"
        self.plugin(
            name,
            f"""
            from confiture.hooks import Command, hookimpl
            API_VERSION = 1

            @hookimpl
            def confiture_commands():
                yield Command(name="{name}", target="{module}:command", summary="a command of the tests")
            """,
            **{module: "from confiture.cli.command import CommonParam, ShellParam\n" + dedent(code)},
        )


def _default_signals() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    """The command line in an empty folder."""
    folder, site = tmp_path / "work", tmp_path / "site"
    folder.mkdir()
    site.mkdir()
    return CommandLine(folder, site)


@pytest.fixture
def run_here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """``code, out, err = run_here(*args, cwd=folder)``: in this process, which is quicker."""
    from confiture.cli.main import run_command

    def run(*args: str, cwd: Path | None = None) -> tuple[int, str, str]:
        monkeypatch.chdir(cwd or tmp_path)
        capsys.readouterr()
        code = run_command(args)
        out, err = capsys.readouterr()
        return code, out, err

    return run
