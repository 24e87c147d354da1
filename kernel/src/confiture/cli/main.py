"""The entry point: builds the application from what plugins registered, runs one command, exits with its code.

``--help`` imports no plugin's command and none of asyncpg, asyncio, structlog, msgspec: targets are strings that
cyclopts resolves when a command is run. Exit codes are in :mod:`confiture.errors`.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts import App

    from confiture.cli.shell import Shell

__all__ = ["build_app", "main", "run_command"]


def main() -> None:
    """The console script."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(tokens: Sequence[str]) -> int:
    """Run the command line ``tokens``; its exit code. Never raises."""
    if list(tokens) in (["--version"], ["-V"]):
        import importlib.metadata

        sys.stdout.write(f"confiture {importlib.metadata.version('confiture-pg')}\n")
        return 0
    from confiture.cli.shell import Shell
    from confiture.errors import ConfitureError, InternalError, Interrupted

    shell = Shell()
    # Known before parsing, so that an error of the parsing itself is shown as asked for.
    shell.format = "json" if _asks_for_json(tokens) else "text"
    shell.debug = "--debug" in tokens
    try:
        return _dispatch(tokens, shell)
    except ConfitureError as error:
        return _fail(error, shell)
    except KeyboardInterrupt:
        return _fail(Interrupted("interrupted", hint="the work was stopped and taken back"), shell)
    except BrokenPipeError:
        # The reader of our output went away, as `confiture plugins | head -1` does: not our failure.
        sys.stderr.close()
        return 0
    except Exception as error:
        if shell.debug:
            raise
        wrapped = InternalError(f"{type(error).__name__}: {error}", hint="a defect: run again with --debug, report it")
        return _fail(wrapped, shell)


def _asks_for_json(tokens: Sequence[str]) -> bool:
    return "--format=json" in tokens or ("--format", "json") in itertools.pairwise(tokens)


def _fail(error: Any, shell: Shell) -> int:
    from confiture.cli.render import render_error

    if shell.debug:
        import traceback

        traceback.print_exception(error)
    render_error(error, shell)
    code: int = error.exit_code
    return code


def _dispatch(tokens: Sequence[str], shell: Shell) -> int:
    import inspect

    from cyclopts.exceptions import CycloptsError

    from confiture.errors import UsageError

    app = build_app()
    try:
        function, bound, ignored = app.parse_args(
            list(tokens), exit_on_error=False, print_error=False, end_of_options_delimiter="--"
        )
    except CycloptsError as error:
        raise UsageError(_plain(error), hint="see --help of the command") from error
    for name in ignored:
        bound.arguments[name] = shell
    result = function(*bound.args, **bound.kwargs)
    if inspect.iscoroutine(result):
        result = _run_async(result)
    shell.emit_report(result)
    return int(getattr(result, "exit_code", 0) or 0)


def _plain(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return text[:1].lower() + text[1:]


def _run_async(coroutine: Any) -> Any:
    import asyncio
    import signal

    async def supervised() -> Any:
        # asyncio.run turns Ctrl-C into a cancellation; a terminated process should clean up as well.
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            return await coroutine
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None

    return asyncio.run(supervised())


def build_app() -> App:
    """The application: the kernel's own commands and those that plugins registered."""
    from cyclopts import App

    from confiture.config.light import plugin_settings
    from confiture.registry import Registry

    app = App(
        name="confiture",
        help="PostgreSQL migrations from DDL: the files in db/schema/ are the truth, migrations are derived.",
        version_flags=[],
        help_flags=["--help", "-h"],
        help_format="plaintext",
        result_action="return_value",
    )
    settings = plugin_settings()
    registry = Registry(disabled=settings.disable, prefer=settings.prefer, strict=settings.strict)
    parents: dict[str, App] = {}
    own = [
        ("init", "confiture.cli.init:init", "Make a project that builds as it stands", "Project"),
        ("plugins", "confiture.cli.plugins:plugins", "Show the plugins and what they provide", "Project"),
        ("env", "confiture.cli.env:env", "Show the environments and whether each can be reached", "Project"),
        ("completion", "confiture.cli.completion:completion", "Print a completion script for a shell", "Project"),
    ]
    offered = [(c.name, c.target, c.summary, c.group) for c in registry.commands()]
    for name, target, summary, group in (*own, *offered):
        *path, leaf = name.split()
        parent = app
        for depth, part in enumerate(path):
            key = " ".join(path[: depth + 1])
            if key not in parents:
                parents[key] = App(name=part, help=summary, group=group, help_format="plaintext", version_flags=[])
                parent.command(parents[key])
            parent = parents[key]
        parent.command(target, name=leaf, help=summary, group=group)
    return app
