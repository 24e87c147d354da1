"""The entry point: finds the command among what plugins registered, runs it, exits with its code.

``--help`` imports no plugin's command and none of asyncpg, asyncio, structlog, msgspec: targets are strings that are
imported when a command is run. Exit codes are in :mod:`confiture.errors`.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from confiture.cli.app import Found
    from confiture.cli.shell import Shell
    from confiture.errors import ConfitureError
    from confiture.registry import Registry

__all__ = ["main", "run_command"]

#: What a shell shows for a program whose reader went away (128 + SIGPIPE), as `confiture env | head -1` does.
_EXIT_BROKEN_PIPE = 141
_HELP = ("--help", "-h")


def main() -> None:
    """The console script."""
    if sys.stdout is None or sys.stderr is None:  # started with one of them closed, as `confiture env >&-` does
        null = open(os.devnull, "w")  # noqa: SIM115, PTH123 - open until the process ends
        sys.stdout, sys.stderr = sys.stdout or null, sys.stderr or null
    code = run_command(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        # Already told, or nobody there to tell: without this the interpreter complains again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run_command(tokens: Sequence[str]) -> int:
    """Run the command line ``tokens``; its exit code. Never raises."""
    from confiture.cli.shell import Shell
    from confiture.errors import ConfitureError, DiskFull, InternalError

    shell = Shell()
    shell.words = tuple(tokens)
    # Known before parsing, so that an error of the parsing itself is shown as asked for.
    options = list(itertools.takewhile(lambda word: word != "--", tokens))
    shell.format = "json" if _option(options, "--format") == "json" else "text"
    shell.debug = "--debug" in options
    shell.quiet = bool({"--quiet", "-q"} & set(options))
    try:
        code = _dispatch(list(tokens), options, shell)
        sys.stdout.flush()
    except ConfitureError as error:
        return _fail(error, shell)
    except KeyboardInterrupt:
        from confiture.cli.interrupts import interrupted

        return _fail(interrupted("SIGINT", left_behind=shell.left_behind), shell)
    except BrokenPipeError:
        return _EXIT_BROKEN_PIPE
    except Exception as error:
        import errno

        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return _fail(DiskFull(f"cannot write: {error.strerror}", detail=error.filename), shell, error)
        hint = "a defect: run again with --debug, and report it"
        return _fail(InternalError(f"{type(error).__name__}: {error}", hint=hint), shell, error)
    return code


def _option(tokens: Sequence[str], name: str) -> str | None:
    """The value of an option, read before anything is parsed."""
    for token, following in itertools.zip_longest(tokens, tokens[1:]):
        if token == name:
            return following
        if token.startswith(f"{name}="):
            return token.partition("=")[2]
    return None


def _fail(error: ConfitureError, shell: Shell, cause: BaseException | None = None) -> int:
    from confiture.cli.render import render_error

    if shell.debug:
        import traceback

        traceback.print_exception(cause or error)
    try:
        render_error(error, shell)
        sys.stdout.flush()
    except OSError:
        if shell.format == "json":  # stdout is what failed
            shell.format = "text"
            return _fail(error, shell)
    return error.exit_code


def _dispatch(tokens: list[str], options: list[str], shell: Shell) -> int:
    from confiture.cli.app import build_app, command_table, find_command
    from confiture.cli.usage import unknown_command

    if _asks_for_version(tokens):
        import importlib.metadata

        version = importlib.metadata.version("confiture-pg")
        shell.print(f"confiture {version}")
        shell.emit_report({"version": version})
        return 0
    wants_help = any(flag in options for flag in _HELP)
    # What shows broken plugins, and help, must work with broken plugins.
    lenient = wants_help or tokens[:1] in ([], ["plugins"], ["completion"], ["__complete"])
    registry = _registry(_option(options, "--project"), lenient=lenient)
    shell.registry = registry
    table = command_table(registry)
    if tokens[:1] == ["__complete"]:
        build_app(table)(tokens)
        return 0
    if tokens[:1] == ["help"]:
        tokens, wants_help = tokens[1:], True
    found = find_command(table, tokens)
    if found.rest and found.command is None and found.rest[0] not in _HELP:
        raise unknown_command(found.path, found.rest[0], found.children, registry.plugins())
    if found.command is None:
        from confiture.cli.helptext import overview

        shell.write(overview(table, found.path))
        return 0
    # Imported here rather than by cyclopts, which would let whatever a stranger's module raises pass.
    function = registry.resolve(found.command.target, f"command {found.command.name!r}")
    app = build_app({found.path: found.command}, documented=bool(function.__doc__))
    if wants_help:
        from confiture.cli.helptext import commands_below, usage_line

        page = app
        for word in found.path:
            page = page[word]
        page.usage = usage_line(page, found.path)
        app.help_print(list(found.path), console=shell.console())
        shell.write(commands_below(table, found.path))
        return 0
    if found.path != ("plugins",):
        _tell_of_broken(registry, shell)
    return _run(app, tokens, found, shell)


def _asks_for_version(tokens: list[str]) -> bool:
    """Whether that is all, in one form or the other."""
    if tokens[:1] not in (["--version"], ["-V"]):
        return False
    return tokens[1:] in (
        [],
        *(form for name in ("text", "json") for form in (["--format", name], [f"--format={name}"])),
    )


def _run(app: Any, tokens: list[str], found: Found, shell: Shell) -> int:
    import inspect

    from cyclopts.exceptions import CycloptsError

    from confiture.cli.command import Output
    from confiture.cli.usage import usage_error

    try:
        function, bound, ignored = app.parse_args(
            tokens, exit_on_error=False, print_error=False, verbose=False, end_of_options_delimiter="--"
        )
    except CycloptsError as error:
        raise usage_error(error, found.path, found.children) from error
    for value in tuple(bound.arguments.values()):
        if isinstance(value, Output):
            shell.configure(value)
    for name in ignored:
        bound.arguments[name] = shell
    result = function(*bound.args, **bound.kwargs)
    if inspect.iscoroutine(result):
        from confiture.cli.interrupts import run_async

        result = run_async(result, shell)
    shell.emit_report(result)
    return int(getattr(result, "exit_code", 0) or 0)


def _registry(project: str | None, *, lenient: bool) -> Registry:
    from pathlib import Path

    from confiture.config.light import plugin_settings
    from confiture.registry import Registry

    settings = plugin_settings(Path(project).absolute() if project else None)
    return Registry(disabled=settings.disable, prefer=settings.prefer, strict=settings.strict and not lenient)


def _tell_of_broken(registry: Registry, shell: Shell) -> None:
    from confiture.cli.render import render_warning

    aside = [info for info in registry.plugins() if info.status == "set aside"]
    if not aside:
        return
    names = ", ".join(repr(info.name) for info in aside)
    what = f"plugin {names} was set aside" if len(aside) == 1 else f"plugins {names} were set aside"
    render_warning(what, "`confiture plugins` says why; list it under [plugins] disable to hear no more of it", shell)
