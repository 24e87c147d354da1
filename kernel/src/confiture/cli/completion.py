"""``confiture completion``: the script that makes a shell complete confiture's command line."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from confiture.cli.app import build_app, command_table
from confiture.cli.command import OutputParam, ShellParam
from confiture.errors import UsageError
from confiture.registry import Registry

__all__ = ["completion"]


def completion(
    program: Annotated[Literal["bash", "zsh", "fish"], Parameter(name="shell")],
    /,
    *,
    output: OutputParam = None,
    shell: ShellParam,
) -> None:
    """Print a completion script for your shell.

    The script holds every command and option, so that TAB starts no Python, save for the names after --env. Make it
    anew when plugins come or go.

      bash   confiture completion bash > ~/.local/share/bash-completion/completions/confiture
      zsh    confiture completion zsh > "${fpath[1]}/_confiture"
      fish   confiture completion fish > ~/.config/fish/completions/confiture.fish

    Parameters
    ----------
    program
        The shell to print it for.
    """
    if output is not None and output.format == "json":
        raise UsageError("a completion script has no JSON form", hint="leave --format out")
    shell.configure(output)
    registry = shell.registry or Registry()
    table = {path: command for path, command in command_table(registry).items() if _imports(registry, command.target)}
    shell.write(build_app(table, documented=False).generate_completion(prog_name="confiture", shell=program))


def _imports(registry: Registry, target: str) -> bool:
    # A command that cannot be imported has no options to offer; running it says why.
    try:
        registry.resolve(target, "")
    except Exception:
        return False
    return True
