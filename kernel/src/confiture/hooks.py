"""What a plugin imports: the marker, the kinds, the records, and the hooks that return them.

Hooks register, providers work. pluggy calls hooks synchronously and at every start, so a hook is cheap and returns
records whose ``target`` is a ``"module:object"`` string, imported when it is first asked for. This module loads
nothing but the standard library and pluggy: an entry module that imports only it costs a millisecond.

A whole plugin::

    from confiture.hooks import Provider, hookimpl

    API_VERSION = 1

    @hookimpl
    def confiture_sources():
        yield Provider(name="hello", target="confiture_hello.source:HelloSource", summary="one table, always")

The target is a class without required arguments, or a function that returns a provider. What the provider must do is
in :mod:`confiture.protocols`, one Protocol a kind; :mod:`confiture.testing` has a conformance suite for each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import pluggy

if TYPE_CHECKING:
    from confiture.model import Event, Hazard, Plan
    from confiture.protocols import (
        Anonymizer,
        Capture,
        Differ,
        Executor,
        Inspector,
        Medium,
        SchemaSource,
        Server,
        Switch,
        TransferEngine,
    )

__all__ = [
    "ANONYMIZER",
    "API_VERSION",
    "CAPTURE",
    "DIFFER",
    "ENTRY_POINT_GROUP",
    "EXECUTOR",
    "INSPECTOR",
    "KINDS",
    "MEDIUM",
    "SERVER",
    "SOURCE",
    "SWITCH",
    "TRANSFER",
    "Command",
    "Hooks",
    "Kind",
    "Provider",
    "hookimpl",
    "hookspec",
]

#: The contract's version. A plugin says ``API_VERSION = 1``; another number is refused at load.
API_VERSION = 1
#: The entry-point group that plugins are found under, and pluggy's project name.
ENTRY_POINT_GROUP = "confiture"

hookimpl = pluggy.HookimplMarker(ENTRY_POINT_GROUP)
hookspec = pluggy.HookspecMarker(ENTRY_POINT_GROUP)

P = TypeVar("P", covariant=True)


@dataclass(frozen=True, slots=True)
class Kind(Generic[P]):
    """A typed key: ``ctx.get(SOURCE, "files")`` is a ``SchemaSource`` for the type checker.

    ``hook`` is the hook that collects the kind's providers.
    """

    name: str
    hook: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider(Generic[P]):
    """A named implementation of a kind. ``target`` is ``"module:object"``, imported on first use."""

    name: str
    target: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of the command line. ``name`` is a path: ``"build"``, ``"server start"``.

    ``target`` is ``"module:function"``; see :mod:`confiture.cli.command` for what the function looks like.
    ``group`` is the heading in ``--help``.
    """

    name: str
    target: str
    summary: str
    group: str = "Commands"


SOURCE: Kind[SchemaSource] = Kind("source", "confiture_sources", "where DDL comes from")
INSPECTOR: Kind[Inspector] = Kind("inspector", "confiture_inspectors", "reads a schema into values")
DIFFER: Kind[Differ] = Kind("differ", "confiture_differs", "turns two schemas into a plan")
EXECUTOR: Kind[Executor] = Kind("executor", "confiture_executors", "runs a plan on a database")
TRANSFER: Kind[TransferEngine] = Kind("transfer", "confiture_transfer_engines", "moves rows between databases")
ANONYMIZER: Kind[Anonymizer] = Kind("anonymizer", "confiture_anonymizers", "compiles masking rules to SQL")
CAPTURE: Kind[Capture] = Kind("capture", "confiture_captures", "tells which rows of a database change")
SWITCH: Kind[Switch] = Kind("switch", "confiture_switches", "leads applications to another database")
SERVER: Kind[Server] = Kind("server", "confiture_servers", "finds or runs a PostgreSQL server")
MEDIUM: Kind[Medium] = Kind("medium", "confiture_mediums", "a way of migrating: puts the other kinds to work")

#: Every kind, by name. Adding one: a Protocol, a hook, a conformance suite, a page in docs/plugins/kinds.md.
KINDS: dict[str, Kind[object]] = {
    kind.name: kind
    for kind in (SOURCE, INSPECTOR, DIFFER, EXECUTOR, TRANSFER, ANONYMIZER, CAPTURE, SWITCH, SERVER, MEDIUM)
}


class Hooks:
    """The hooks. A plugin implements any of them, as functions of its entry module marked ``@hookimpl``.

    All are synchronous, take what is written here or less, and must not depend on order: the kernel sorts by name.
    """

    @hookspec
    def confiture_sources(self) -> Iterable[Provider[SchemaSource]]:
        """Source loading: providers that load DDL files."""
        return ()

    @hookspec
    def confiture_inspectors(self) -> Iterable[Provider[Inspector]]:
        """Diffing, first half: providers that read a schema into values."""
        return ()

    @hookspec
    def confiture_differs(self) -> Iterable[Provider[Differ]]:
        """Diffing, second half: providers that turn two schemas into a plan."""
        return ()

    @hookspec
    def confiture_executors(self) -> Iterable[Provider[Executor]]:
        """Execution: providers that run a plan on a database."""
        return ()

    @hookspec
    def confiture_transfer_engines(self) -> Iterable[Provider[TransferEngine]]:
        """Data transfer: providers that move rows between databases."""
        return ()

    @hookspec
    def confiture_anonymizers(self) -> Iterable[Provider[Anonymizer]]:
        """Anonymization: providers that compile masking rules to SQL."""
        return ()

    @hookspec
    def confiture_captures(self) -> Iterable[Provider[Capture]]:
        """Capture: providers that tell which rows change while a database goes on serving."""
        return ()

    @hookspec
    def confiture_switches(self) -> Iterable[Provider[Switch]]:
        """Switching: providers that lead applications from one database to another."""
        return ()

    @hookspec
    def confiture_servers(self) -> Iterable[Provider[Server]]:
        """Servers: providers that find or run the PostgreSQL server of an environment."""
        return ()

    @hookspec
    def confiture_mediums(self) -> Iterable[Provider[Medium]]:
        """Mediums: providers that carry out a whole way of migrating."""
        return ()

    @hookspec
    def confiture_commands(self) -> Iterable[Command]:
        """Commands of the command line."""
        return ()

    @hookspec
    def confiture_review(self, plan: Plan) -> Iterable[Hazard]:
        """Looks at a plan before it runs and returns hazards: linters and policies. Never changes the plan."""
        return ()

    @hookspec
    def confiture_event(self, event: Event) -> None:
        """Hears every event of every run. Must be quick; what it raises is logged and dropped."""
