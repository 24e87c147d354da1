"""The application: the kernel's own commands and those that plugins registered, as targets that wait to be imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from confiture.hooks import Command

if TYPE_CHECKING:
    from cyclopts import App

    from confiture.registry import Registry

__all__ = ["Found", "build_app", "command_table", "find_command"]

_SUMMARY = "PostgreSQL migrations from DDL: the files in db/schema/ are the truth, migrations are derived from them."

_OWN = (
    Command(
        name="init",
        target="confiture.cli.init:init",
        summary="Make a project that builds as it stands",
        group="Project",
    ),
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

#: What a newcomer needs first stands first; plugins' own groups follow by name.
_GROUP_ORDER = {"Project": 0, "Mediums": 1, "Server": 2, "About confiture": 9}


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


def find_command(table: dict[tuple[str, ...], Command], tokens: Sequence[str]) -> Found:
    """The command that ``tokens`` begin with."""
    path: tuple[str, ...] = ()
    while True:
        depth = len(path)
        children = sorted({key[depth] for key in table if key[:depth] == path and len(key) > depth})
        if depth < len(tokens) and tokens[depth] in children:
            path = (*path, tokens[depth])
            continue
        return Found(path, table.get(path), tuple(tokens[depth:]), tuple(children))


def build_app(table: dict[tuple[str, ...], Command], page: tuple[str, ...] | None = None) -> App:
    """The cyclopts application of these commands. Nothing of them is imported.

    ``page`` is the command whose own help is wanted: its docstring is shown there instead of its summary.
    """
    from cyclopts import App, Group

    from confiture.cli.helptext import EXAMPLES, HelpFormatter

    settings: dict[str, Any] = {
        "version_flags": [],
        "help_flags": ["--help", "-h"],
        "help_format": "plaintext",
        "help_formatter": HelpFormatter(),
        "result_action": "return_value",
    }
    inner = Group("Commands", sort_key=0)
    below: dict[str, Any] = {
        **settings,
        "help_epilogue": "",
        "group_commands": inner,
        "group_parameters": Group("Options", sort_key=5),
    }
    app = App(name="confiture", help=_SUMMARY, help_epilogue=EXAMPLES, **settings)
    groups = {
        name: Group(name, sort_key=_GROUP_ORDER.get(name, 5)) for name in {command.group for command in table.values()}
    }
    parents: dict[tuple[str, ...], App] = {(): app}
    for path, command in sorted(table.items()):
        for depth in range(1, len(path)):
            if path[:depth] not in parents:
                help_ = "" if page == path[:depth] else _words(table, path[:depth])
                parent = App(name=path[depth - 1], help=help_, group=groups[command.group], **below)
                parents[path[: depth - 1]].command(parent)
                parents[path[:depth]] = parent
        parents[path[:-1]].command(
            command.target,
            name=path[-1],
            help=None if page == path else command.summary,
            group=groups[command.group] if len(path) == 1 else inner,
            sort_key=0 if path == ("init",) else None,
            **below,
        )
    return app


def _words(table: dict[tuple[str, ...], Command], parent: tuple[str, ...]) -> str:
    return ", ".join(sorted({key[len(parent)] for key in table if key[: len(parent)] == parent}))
