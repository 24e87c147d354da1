"""Says in one line what is wrong with a command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from confiture.errors import UsageError
from confiture.registry import closest

if TYPE_CHECKING:
    from cyclopts.exceptions import CycloptsError

    from confiture.registry import PluginInfo

__all__ = ["unknown_command", "usage_error"]


def unknown_command(
    path: Sequence[str], token: str, choices: Iterable[str], plugins: Iterable[PluginInfo] = ()
) -> UsageError:
    """``token`` is no command below ``path``: the nearest one, where all are shown, which plugins are not in use."""
    command = " ".join(("confiture", *path))
    if token.startswith("-"):
        message = f"unknown option {token.partition('=')[0]!r} of {command!r}"
        return UsageError(message, hint=f"options follow the command; `{command} --help` shows what there is")
    near = closest(token, choices)
    hint = f"did you mean {near!r}? " if near else ""
    hint += f"`{command} --help` shows what there is"
    # The command may be one of theirs: what they would have registered is not known, for they were not imported.
    unused = [f"{info.name!r} is {info.status}" for info in plugins if info.status != "active"]
    if unused:
        hint += f"; of the plugins {', '.join(unused)} (`confiture plugins` says why)"
    return UsageError(f"unknown command {token!r}", hint=hint)


def usage_error(error: CycloptsError, path: Sequence[str], children: Iterable[str] = ()) -> UsageError:
    """A parser's error in confiture's words. ``children``: the commands that could have followed ``path``."""
    from cyclopts import exceptions as cyclopts

    help_hint = f"`confiture {' '.join(path)} --help` shows what there is"
    if isinstance(error, cyclopts.UnknownOptionError):
        token = (error.token.keyword or error.token.value).partition("=")[0]
        names = [name for argument in error.argument_collection if argument.parse for name in argument.names]
        near = closest(token, names)
        return UsageError(f"unknown option {token!r}", hint=(f"did you mean {near!r}? " if near else "") + help_hint)
    if isinstance(error, cyclopts.UnusedCliTokensError) and error.unused_tokens:
        unused = error.unused_tokens[0]
        near = closest(unused, children)
        if unused in children:
            hint = f"options follow the command: confiture {' '.join((*path, unused))} ..."
        else:
            hint = (f"did you mean {near!r}? " if near else "") + help_hint
        return UsageError(f"unexpected argument {unused!r}", hint=hint)
    if isinstance(error, cyclopts.MissingArgumentError) and error.argument is not None:
        name = error.keyword or error.argument.name
        what = f"option {name!r} needs a value" if name.startswith("-") else f"{name.upper()} is missing"
        return UsageError(what, hint=help_hint)
    text = " ".join(str(error).split()).rstrip(".").replace('"', "'")
    return UsageError(text[:1].lower() + text[1:], hint=help_hint)
