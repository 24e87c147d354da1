"""Finds plugins and keeps what they registered. One object, no module state; the kernel and tests make their own.

A broken plugin never breaks the others: it is set aside with the reason, ``confiture plugins`` shows it, and
``CONFITURE_STRICT_PLUGINS=1`` makes it fatal. Nothing of a plugin that was set aside stays registered
(simonw/llm #1351 is what happens otherwise). The disable list is applied before anything is imported.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pluggy

from confiture.errors import ConfitureError, PluginBroken, ProviderConflict, UnknownProvider
from confiture.hooks import API_VERSION, ENTRY_POINT_GROUP, KINDS, Command, Hooks, Kind, Provider

if TYPE_CHECKING:
    from confiture.model import Event, Hazard, Plan

__all__ = ["PluginInfo", "Registry", "closest"]

P = TypeVar("P")
R = TypeVar("R", Provider[Any], Command)


def closest(name: str, choices: Iterable[str]) -> str | None:
    """The choice that ``name`` is most likely a slip of, or None."""
    import difflib  # only where something went wrong: every start would pay for it

    found = difflib.get_close_matches(name, list(choices), n=1, cutoff=0.6)
    return found[0] if found else None


@dataclass(slots=True)
class PluginInfo:
    """What is known of one plugin. ``name`` is its entry point's, ``distribution`` the package that has it."""

    name: str
    module: str
    distribution: str = ""
    version: str = ""
    status: Literal["active", "disabled", "set aside"] = "active"
    reason: str | None = None
    hooks: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


@dataclass(slots=True)
class _Offers:
    """Who offers what: by kind and name, every plugin that registered it."""

    providers: dict[tuple[str, str], list[tuple[str, Provider[Any]]]] = field(default_factory=dict)
    commands: dict[str, list[tuple[str, Command]]] = field(default_factory=dict)


def _preference(kind: str, name: str, plugin: str) -> str:
    """The line of ``confiture.toml`` that prefers that plugin."""
    key = name if re.fullmatch("[A-Za-z0-9_-]+", name) else _quoted(name)
    return f"prefer.{kind}.{key} = {_quoted(plugin)}"


def _quoted(text: str) -> str:
    import json  # TOML's basic strings take JSON's escapes

    return json.dumps(text, ensure_ascii=False)


class Registry:
    """The plugins of one kernel.

    ``disabled``: names of plugins that are not even imported, ``*`` for all. ``prefer`` maps a kind (or ``command``)
    to names to the plugin whose provider wins, the ``[prefer]`` table of ``confiture.toml``. ``strict`` makes a
    broken plugin raise ``PluginBroken``. ``entry_points`` replaces what the environment has, for tests.
    """

    def __init__(
        self,
        *,
        disabled: Iterable[str] = (),
        prefer: Mapping[str, Mapping[str, str]] | None = None,
        strict: bool = False,
        entry_points: Iterable[importlib.metadata.EntryPoint] | None = None,
    ) -> None:
        self._disabled = frozenset(disabled)
        self._prefer = {kind: dict(names) for kind, names in (prefer or {}).items()}
        self._strict = strict
        self._plugins: dict[str, PluginInfo] = {}
        self._distributions: dict[int, tuple[str, str]] = {}
        self._offers = _Offers()
        self._manager = pluggy.PluginManager(ENTRY_POINT_GROUP)
        self._manager.add_hookspecs(Hooks)
        self._hook_names = frozenset(name for name in vars(Hooks) if name.startswith("confiture_"))
        found = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP) if entry_points is None else entry_points
        # Sorted, so that nothing ever depends on the order in which the file system lists distributions.
        for entry_point in sorted(found, key=lambda e: (e.name, e.value)):
            self._load(entry_point)

    # -- loading ------------------------------------------------------------------------------------------------

    def _load(self, entry_point: importlib.metadata.EntryPoint) -> None:
        info = PluginInfo(name=entry_point.name, module=entry_point.value)
        if entry_point.dist is not None:
            # Both are None where an interrupted uninstall left a dist-info folder without its METADATA.
            info.distribution, info.version = self._named(entry_point.dist)
        if known := self._plugins.get(info.name):
            if (known.module, known.distribution) == (info.module, info.distribution):
                return  # one distribution found twice on the path, as an editable install beside its build
            info.name = f"{info.name} ({info.distribution or info.module})"
            self._plugins[info.name] = info
            reason = f"{known.distribution or known.module!r} already has a plugin named {entry_point.name!r}"
            self._set_aside(info, reason)
            return
        self._plugins[info.name] = info
        if info.name in self._disabled or "*" in self._disabled:
            info.status, info.reason = "disabled", "listed under [plugins] disable or in CONFITURE_DISABLED_PLUGINS"
            return
        try:
            module = entry_point.load()
        except (Exception, SystemExit) as error:  # a stranger's import can raise anything
            self._set_aside(info, f"cannot be imported: {type(error).__name__}: {error}", cause=error)
            return
        self.register(module, info)

    def _named(self, dist: importlib.metadata.Distribution) -> tuple[str, str]:
        """Name and version; read once a distribution: each reading parses its README, a millisecond for each plugin."""
        if id(dist) not in self._distributions:
            self._distributions[id(dist)] = dist.name or "", dist.version or ""
        return self._distributions[id(dist)]

    def register(self, module: ModuleType | object, info: PluginInfo | str) -> None:
        """Register an imported plugin; set it aside, with the reason, when it breaks the contract.

        Raises ``ValueError`` when another plugin has that name already.
        """
        if isinstance(info, str):
            info = PluginInfo(name=info, module=getattr(module, "__name__", type(module).__name__))
        if self._plugins.setdefault(info.name, info) is not info:
            raise ValueError(f"a plugin named {info.name!r} is registered already")
        try:
            reason = self._objection(module)
        except Exception as error:  # a module that makes its attributes when asked for them
            reason = f"{type(error).__name__}: {error}"
        if reason:
            self._set_aside(info, reason)
            return
        try:
            self._manager.register(module, name=info.name)
            self._collect(info)
        except Exception as error:  # whatever a stranger's hook raises
            self._withdraw(module, info.name)
            self._set_aside(info, f"{type(error).__name__}: {error}", cause=error)

    def _objection(self, module: object) -> str | None:
        version = getattr(module, "API_VERSION", None)
        if version != API_VERSION:
            said = "says no API_VERSION" if version is None else f"was written for API_VERSION {version}"
            return f"{said}, this confiture has {API_VERSION}"
        if (known := self._manager.get_name(module)) is not None:
            # Registering it again would fail, and withdrawing the failure would take the first one's hooks away.
            return f"is the same module as plugin {known!r}"
        for name in dir(module):
            options = self._manager.parse_hookimpl_opts(module, name)
            if options is None:
                continue
            if options["wrapper"] or options["hookwrapper"]:
                return f"{name!r} is a hook wrapper; a hook must not depend on what other plugins do"
            if name not in self._hook_names:
                near = closest(name, self._hook_names)
                return f"implements an unknown hook {name!r}" + (f", did you mean {near!r}?" if near else "")
            function = getattr(module, name)
            if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
                return f"hook {name!r} is async; hooks only register, a provider's methods may wait"
        return None

    def _collect(self, info: PluginInfo) -> None:
        implemented = [caller.name for caller in self._manager.get_hookcallers(self._module(info.name)) or ()]
        info.hooks = tuple(sorted(implemented))
        providers: dict[tuple[str, str], Provider[Any]] = {}
        for kind in KINDS.values():
            for record in self._records(info.name, kind.hook, Provider):
                if (kind.name, record.name) in providers:
                    raise PluginBroken(f"offers the {kind.name} {record.name!r} twice")
                providers[kind.name, record.name] = record
        commands = {record.name: record for record in self._records(info.name, "confiture_commands", Command)}
        for key, provider in providers.items():
            self._offers.providers.setdefault(key, []).append((info.name, provider))
        for name, command in commands.items():
            self._offers.commands.setdefault(name, []).append((info.name, command))
        info.providers = tuple(sorted(f"{kind}:{name}" for kind, name in providers))
        info.commands = tuple(sorted(commands))

    def _module(self, plugin: str) -> Any:
        return self._manager.get_plugin(plugin)

    def _records(self, plugin: str, hook: str, type_: type[R]) -> list[R]:
        module = self._module(plugin)
        if hook not in {caller.name for caller in self._manager.get_hookcallers(module) or ()}:
            return []
        records = list(getattr(module, hook)())
        for record in records:
            if not isinstance(record, type_):
                raise PluginBroken(f"hook {hook!r} returned {record!r}, not a {type_.__name__}")
            module_name, colon, attribute = record.target.partition(":")
            if not (module_name and colon and attribute and record.name):
                raise PluginBroken(f"hook {hook!r}: {record.name!r} has the target {record.target!r}, "
                                   'not "module:object"')  # fmt: skip
        return records

    def _withdraw(self, module: object, name: str) -> None:
        # register() of pluggy can fail half-way, with some hooks in place: take out each one that is.
        for hook in self._hook_names:
            caller = getattr(self._manager.hook, hook)
            if any(impl.plugin is module for impl in caller.get_hookimpls()):
                caller._remove_plugin(module)
        self._manager._name2plugin.pop(name, None)

    def _set_aside(self, info: PluginInfo, reason: str, cause: BaseException | None = None) -> None:
        info.status, info.reason = "set aside", reason
        info.hooks = info.providers = info.commands = ()
        if self._strict:
            raise PluginBroken(
                f"plugin {info.name!r} {reason}",
                hint="mend it, or list it under [plugins] disable; CONFITURE_STRICT_PLUGINS=1 makes this fatal",
            ) from cause

    # -- what is there ------------------------------------------------------------------------------------------

    def plugins(self) -> tuple[PluginInfo, ...]:
        """All plugins that were found, by name, those set aside and disabled too."""
        return tuple(self._plugins[name] for name in sorted(self._plugins))

    def names(self, kind: Kind[Any]) -> tuple[str, ...]:
        """The names that can be asked for, sorted."""
        return tuple(sorted(name for kind_name, name in self._offers.providers if kind_name == kind.name))

    def provider(self, kind: Kind[P], name: str) -> Provider[P]:
        """The record of that kind and name. Raises ``UnknownProvider`` or ``ProviderConflict``."""
        offers = self._offers.providers.get((kind.name, name))
        if not offers:
            choices = self.names(kind)
            near = closest(name, choices)
            aside = [info for info in self.plugins() if info.status == "set aside"]
            hint = f"did you mean {near!r}? " if near else ""
            hint += f"there are: {', '.join(choices)}" if choices else f"no plugin offers any {kind.name}"
            if aside:
                hint += f"; set aside: {', '.join(f'{info.name} ({info.reason})' for info in aside)}"
            raise UnknownProvider(f"no {kind.name} is named {name!r}", hint=hint)
        return self._settle(kind.name, name, offers)

    def create(self, kind: Kind[P], name: str) -> P:
        """A new instance of the provider. Raises ``PluginBroken`` when its target does not import or make one."""
        provider = self.provider(kind, name)
        factory = self.resolve(provider.target, f"{kind.name} {name!r}")
        try:
            made: P = factory()
        except ConfitureError:
            raise
        except Exception as error:  # whatever a stranger's constructor raises
            raise PluginBroken(
                f"{kind.name} {name!r} cannot be made from {provider.target!r}: {type(error).__name__}: {error}",
                hint="a target is a class or function that needs no argument",
            ) from error
        return made

    def resolve(self, target: str, what: str) -> Any:
        """Import ``"module:object"``. Raises ``PluginBroken`` naming ``what``."""
        module_name, _, attribute = target.partition(":")
        try:
            found: Any = importlib.import_module(module_name)
            for part in attribute.split("."):
                found = getattr(found, part)
        except Exception as error:  # a stranger's import can raise anything
            raise PluginBroken(
                f"{what} cannot be imported from {target!r}: {type(error).__name__}: {error}",
                hint="update or disable its plugin; `confiture plugins` shows which has it",
            ) from error
        return found

    def commands(self) -> tuple[Command, ...]:
        """The commands that no conflict spoils, by name."""
        settled = []
        for name, offers in sorted(self._offers.commands.items()):
            try:
                settled.append(self._settle("command", name, offers))
            except ProviderConflict:
                continue
        return tuple(settled)

    def conflicts(self) -> tuple[ProviderConflict, ...]:
        """Names that two plugins offer and that ``[prefer]`` does not settle."""
        found: list[ProviderConflict] = []
        everything: list[tuple[str, str, list[Any]]] = [
            (kind, name, offers) for (kind, name), offers in sorted(self._offers.providers.items())
        ]
        everything += [("command", name, offers) for name, offers in sorted(self._offers.commands.items())]
        for kind, name, offers in everything:
            try:
                self._settle(kind, name, offers)
            except ProviderConflict as conflict:
                found.append(conflict)
        return tuple(found)

    def _settle(self, kind: str, name: str, offers: list[tuple[str, R]]) -> R:
        owners = [owner for owner, _ in offers]
        wanted = self._prefer.get(kind, {}).get(name)
        for owner, record in offers:
            # Also with one offer: who chose a plugin that was set aside must not get another's provider instead.
            if owner == (wanted or owner) and (wanted or len(offers) == 1):
                return record
        raise ProviderConflict(
            f"the {kind} {name!r} is offered by {' and '.join(repr(owner) for owner in owners)}"
            + (f", and [prefer] names {wanted!r}" if wanted else ""),
            # A line of its own, which is never wrapped; a dotted key, for a table may be there already further down.
            hint=f"choose at the top of confiture.toml:\n{_preference(kind, name, owners[0])}",
        )

    # -- telling ------------------------------------------------------------------------------------------------

    def review(self, plan: Plan) -> tuple[Hazard, ...]:
        """What all reviewers say of a plan. A reviewer that raises is an error: a policy that fails must not pass.

        Raises ``PluginBroken`` naming the plugin, and the reviewer's own ``ConfitureError`` as it is.
        """
        import msgspec

        from confiture.model import Hazard

        hazards: list[Hazard] = []
        for impl in self._manager.hook.confiture_review.get_hookimpls():
            try:
                found: Any = impl.function(*([plan] if impl.argnames else []))
                hazards += [msgspec.convert(hazard, Hazard) for hazard in found or ()]
            except ConfitureError:
                raise
            except Exception as error:  # whatever a stranger's reviewer raises or returns
                raise PluginBroken(
                    f"plugin {impl.plugin_name!r} could not review the plan: {type(error).__name__}: {error}",
                    hint="update or disable the plugin; a plan that was not reviewed does not run",
                ) from error
        return tuple(sorted(hazards, key=lambda hazard: (hazard.kind, hazard.message)))

    def observers(self) -> tuple[Any, ...]:
        """One callable a plugin that hears events, each taking the event."""
        impls = self._manager.hook.confiture_event.get_hookimpls()
        return tuple(_observer(impl.function, impl.argnames) for impl in impls)


def _observer(function: Any, names: Iterable[str]) -> Any:
    takes_event = "event" in names

    def observe(event: Event) -> None:
        function(event) if takes_event else function()

    return observe
