"""``confiture plugins``: what was found, what it provides, and why one was set aside."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from confiture.cli.command import OutputParam, ShellParam
from confiture.errors import ConfitureError
from confiture.registry import Registry

__all__ = ["ConflictRow", "PluginRow", "PluginsReport", "plugins"]


class PluginRow(msgspec.Struct, frozen=True, kw_only=True):
    """One plugin. ``status`` is ``active``, ``disabled`` or ``set aside``; ``reason`` says why it is not active."""

    name: str
    module: str
    distribution: str
    version: str
    status: str
    reason: str | None
    hooks: tuple[str, ...]
    providers: tuple[str, ...]
    commands: tuple[str, ...]


class ConflictRow(msgspec.Struct, frozen=True, kw_only=True):
    """A name that two plugins offer; neither's is used until the line ``settle`` is at the top of confiture.toml."""

    message: str
    settle: str | None


class PluginsReport(msgspec.Struct, frozen=True, kw_only=True):
    """The shape of ``--format json``. ``version`` grows when a field changes its meaning, never when one is added."""

    version: int = 1
    plugins: tuple[PluginRow, ...]
    conflicts: tuple[ConflictRow, ...]


def plugins(*, output: OutputParam = None, shell: ShellParam) -> PluginsReport:
    """Show the plugins and what they provide.

    Also why one was set aside, and which names two plugins offer. Works outside of a project too.
    """
    shell.configure(output)
    report = _report(shell.registry or Registry())
    shell.print_table(
        ("NAME", "VERSION", "STATUS", "PROVIDERS", "COMMANDS", "HOOKS"),
        [
            (
                row.name,
                row.version or "-",
                row.status,
                _listed(row.providers),
                _listed(row.commands),
                _listed(hook.removeprefix("confiture_") for hook in row.hooks),
            )
            for row in report.plugins
        ],
    )
    for row in report.plugins:
        if row.reason:
            shell.print()
            shell.print(f"{row.name} ({row.distribution or row.module}) is {row.status}: {row.reason}")
    for conflict in report.conflicts:
        shell.print()
        shell.print(f"conflict: {conflict.message}")
        shell.print("  choose at the top of confiture.toml:")
        shell.print(f"    {conflict.settle}")
    if not report.plugins:
        shell.print("no plugin is installed")
    return report


def _report(registry: Registry) -> PluginsReport:
    conflicts: tuple[ConfitureError, ...] = registry.conflicts()
    return PluginsReport(
        plugins=tuple(
            PluginRow(
                name=info.name,
                module=info.module,
                distribution=info.distribution,
                version=info.version,
                status=info.status,
                reason=info.reason,
                hooks=info.hooks,
                providers=info.providers,
                commands=info.commands,
            )
            for info in registry.plugins()
        ),
        conflicts=tuple(
            ConflictRow(message=error.message, settle=error.hint.splitlines()[-1] if error.hint else None)
            for error in conflicts
        ),
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "-"
