"""The application: the kernel's own commands and those that plugins registered, as targets that wait to be imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from confiture.hooks import Command

if TYPE_CHECKING:
    from cyclopts import App

    from confiture.registry import Registry

__all__ = ["Found", "build_app", "command_table", "find_command"]

_OWN = (
    Command(
        name="env",
        target="confiture.cli.env:env",
        summary="Show the environments and whether each can be reached",
        group="Project",
    ),
    Command(
        name="plugins",
        target="confiture.cli.plugins:plugins",
        summary="Show the plugins and what they provide",
        group="About confiture",
    ),
    Command(
        name="completion",
        target="confiture.cli.completion:completion",
        summary="Print a completion script for your shell",
        group="About confiture",
    ),
)


class Found(NamedTuple):
    """What the words of a command line name.

    ``path`` are the words of the command, ``command`` None where they name a group (or nothing) only, ``rest`` the
    words after it, ``children`` the words that could have followed.
    """

    path: tuple[str, ...]
    command: Command | None
    rest: tuple[str, ...]
    children: tuple[str, ...]


def command_table(registry: Registry) -> dict[tuple[str, ...], Command]:
    """Every command by its words. The kernel's own names cannot be taken."""
    table = {tuple(command.name.split()): command for command in registry.commands()}
    table.update({tuple(command.name.split()): command for command in _OWN})
    return table


def find_command(table: Mapping[tuple[str, ...], Command], tokens: Sequence[str]) -> Found:
    """The command that ``tokens`` begin with."""
    path: tuple[str, ...] = ()
    while True:
        depth = len(path)
        children = sorted({key[depth] for key in table if key[:depth] == path and len(key) > depth})
        if depth < len(tokens) and tokens[depth] in children:
            path = (*path, tokens[depth])
            continue
        return Found(path, table.get(path), tuple(tokens[depth:]), tuple(children))


def build_app(commands: Mapping[tuple[str, ...], Command], *, documented: bool = True) -> App:
    """The cyclopts application of these commands: one of them to run it, all of them for a completion script.

    None of them is imported, save those that have commands below them here: cyclopts takes no string for a word that
    is both. ``documented``: their docstrings are shown rather than their summaries.
    """
    from cyclopts import App, Group

    from confiture.cli.helptext import HelpFormatter

    settings: dict[str, Any] = {
        "version_flags": [],
        "help_flags": ["--help", "-h"],
        "help_format": "plaintext",
        "help_formatter": HelpFormatter(),
        "result_action": "return_value",
        "group_parameters": Group("Options", sort_key=5),
    }
    app = App(name="confiture", **settings)
    parents: dict[tuple[str, ...], App] = {(): app}
    for path, command in sorted(commands.items()):
        for depth in range(1, len(path)):
            if path[:depth] not in parents:
                parents[path[:depth]] = App(name=path[depth - 1], **settings)
                parents[path[: depth - 1]].command(parents[path[:depth]])
        help_ = None if documented else command.summary
        if not any(other[: len(path)] == path != other for other in commands):
            parents[path[:-1]].command(command.target, name=path[-1], help=help_, **settings)
            continue
        parents[path] = App(name=path[-1], help=help_, **settings)
        parents[path].default(_imported(command.target))
        parents[path[:-1]].command(parents[path])
    return app


def _imported(target: str) -> Any:
    import importlib

    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
