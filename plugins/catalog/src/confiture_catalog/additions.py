"""Kinds of objects that others add: entry points of the group ``confiture.catalog``.

Found when a schema is read or compared, so that a start costs nothing. Whatever is wrong with one is an error that
names its distribution: what it would have seen must not go unseen.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Collection, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from confiture.config.light import disabled_by_variable
from confiture.config.project import PluginsConfig
from confiture.errors import ConfitureError, PluginBroken
from confiture.model import Value
from confiture_catalog.differ.handler import Handler

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["GROUP", "Addition", "blame", "check_rows", "find_additions", "read_additions"]

#: The entry points' group.
GROUP = "confiture.catalog"
#: What ``rows.select`` gives, in this order.
COLUMNS = (
    "classid", "oid", "subid", "kind", "schema", "name", "identity", "owner", "parent_class", "parent_oid",
    "position", "properties",
)  # fmt: skip


class Addition(NamedTuple):
    """One module that adds kinds. ``replaces`` are kinds of ours, or of another's, that it does instead.

    ``extensions``: its queries run only where all of these are installed.
    """

    name: str
    distribution: str
    module: ModuleType
    handlers: tuple[type[Handler], ...]
    replaces: frozenset[str]
    extensions: frozenset[str]

    @property
    def kinds(self) -> frozenset[str]:
        """What its handlers are for."""
        return frozenset(kind for handler in self.handlers for kind in handler.kinds)

    def queries(self, version: int) -> list[str]:
        """Its queries for that major version. Raises ``PluginBroken``."""
        if not hasattr(self.module, "queries"):
            return []
        try:
            found = list(self.module.queries(version))
        except ConfitureError:
            raise
        except Exception as error:  # whatever a stranger's function raises
            raise self.broken(f"queries({version}) failed: {type(error).__name__}: {error}") from error
        if not all(isinstance(each, str) for each in found):
            raise self.broken(f"queries({version}) gave something else than texts")
        return found

    def broken(self, reason: str) -> PluginBroken:
        """The error that says what is wrong with it."""
        return _broken(self.name, self.distribution, reason)


def find_additions(ctx: Context) -> tuple[Addition, ...]:
    """Those that are installed and that ``[plugins] disable`` does not name.

    Raises ``PluginBroken`` for a module that cannot be imported or breaks the rules, and for a kind that two are for.
    """
    disabled = {*disabled_by_variable(), *ctx.settings("plugins", PluginsConfig).disable}
    if "*" in disabled:
        return ()
    found: dict[str, Addition] = {}
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
        if point.name in disabled:
            continue
        addition = _load(point)
        known = found.get(point.name)
        if known is None:
            found[point.name] = addition
        elif (known.module, known.distribution) != (addition.module, addition.distribution):
            raise addition.broken(f"{known.distribution!r} has an entry point of that name too")
    if found:
        from confiture_catalog.differ.kinds import handlers

        _keep_kinds_apart(found.values(), handlers().kinds)
    return tuple(found.values())


def _load(point: importlib.metadata.EntryPoint) -> Addition:
    # None where an interrupted uninstall left a dist-info folder without its METADATA.
    distribution: str = getattr(point.dist, "name", None) or point.value
    try:
        module = point.load()
        declared = tuple(getattr(module, each, ()) for each in ("HANDLERS", "REPLACES", "EXTENSIONS"))
    except (Exception, SystemExit) as error:  # a stranger's import can raise anything
        raise _broken(point.name, distribution, f"cannot be imported: {type(error).__name__}: {error}") from error
    if objection := _objection(module, *declared):
        raise _broken(point.name, distribution, objection)
    handlers, replaces, extensions = declared
    return Addition(
        name=point.name,
        distribution=distribution,
        module=module,
        handlers=tuple(handlers),
        replaces=frozenset(replaces),
        extensions=frozenset(extensions),
    )


def _objection(module: Any, handlers: Any, replaces: Any, extensions: Any) -> str | None:
    if not isinstance(module, ModuleType):
        return f"is a {type(module).__name__}, not a module"
    if not hasattr(module, "queries") and not handlers:
        return "has neither queries nor HANDLERS"
    if hasattr(module, "queries") and not callable(module.queries):
        return "has queries that are no function"
    if not isinstance(handlers, (tuple, list)):
        return "has HANDLERS that are no tuple"
    for each in handlers:
        if not (isinstance(each, type) and issubclass(each, Handler)):
            return f"has {each!r} in HANDLERS, which is no subclass of Handler"
        if not _are_texts(getattr(each, "kinds", None)) or not each.kinds:
            return f"has a handler {each.__name__!r} whose kinds are not said"
        try:
            each()
        except Exception as error:  # whatever a stranger's constructor raises
            return f"has a handler {each.__name__!r} that cannot be made: {type(error).__name__}: {error}"
    for name, value in (("REPLACES", replaces), ("EXTENSIONS", extensions)):
        if not _are_texts(value):
            return f"has {name} that are no tuple of texts"
    return None


def _are_texts(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(isinstance(each, str) for each in value)


def _keep_kinds_apart(additions: Iterable[Addition], ours: Collection[str]) -> None:
    whose: dict[str, Addition] = {}
    for each in additions:
        for kind in sorted(each.kinds):
            if kind in ours and kind not in each.replaces:
                raise each.broken(f"has a handler for the kind {kind!r}, which confiture has, and no REPLACES")
            if (other := whose.setdefault(kind, each)) is not each:
                raise each.broken(f"has a handler for the kind {kind!r}, as {other.distribution!r} has")
        if slips := sorted(each.replaces - set(ours)):
            raise each.broken(f"has {slips[0]!r} in REPLACES, which is no kind of confiture's")


async def read_additions(
    connection: Connection, additions: Iterable[Addition], version: int
) -> list[tuple[Addition, list[Any]]]:
    """The rows of all queries, in the transaction of ``connection``. Raises ``PluginBroken``."""
    import asyncpg

    found: list[tuple[Addition, list[Any]]] = []
    installed: frozenset[str] | None = None
    for each in additions:
        if each.extensions and installed is None:
            names = await connection.fetch("SELECT extname FROM pg_catalog.pg_extension")
            installed = frozenset(row[0] for row in names)
        if not each.extensions <= (installed or frozenset()):
            continue
        for query in each.queries(version):
            try:
                found.append((each, await connection.fetch(query)))
            except asyncpg.PostgresError as error:
                raise each.broken(f"a query failed: {error}: {query}") from error
    return found


def check_rows(ours: Iterable[Iterable[Any]], added: Iterable[tuple[Addition, list[Any]]]) -> None:
    """Raise ``PluginBroken`` for rows that are not those of ``select``, or that say another's object in other words."""
    added = list(added)
    if not any(rows for _, rows in added):
        return
    read = {tuple(row)[:3]: row[3] for rows in ours for row in rows}
    addresses: set[tuple[Any, ...]] = set()
    named: set[tuple[str, str]] = set()
    for each, rows in added:
        for row in rows:
            if objection := _row_objection(row):
                raise each.broken(f"a query gives {objection}")
            here, key = tuple(row)[:3], (row["kind"], row["identity"])
            kind = read.get(here, "unsupported:")
            if not kind.startswith("unsupported:") and kind not in each.replaces:
                raise each.broken(f"a query reads {row['identity']!r}, a {kind} that is read already, and no REPLACES")
            if key in named:
                raise each.broken(f"a query gives two objects of the kind {row['kind']!r} named {row['identity']!r}")
            if here in addresses:
                raise each.broken(f"a query gives two objects of one address, one of them {row['identity']!r}")
            addresses.add(here)
            named.add(key)


def _row_objection(row: Any) -> str | None:
    if tuple(row.keys()) != COLUMNS:
        return f"other columns than `select` does: {', '.join(row.keys())}"
    if not all(isinstance(row[column], str) for column in ("kind", "name", "identity", "properties")):
        return f"an object without kind, name, identity or properties: {tuple(row)!r}"
    if not all(isinstance(row[column], int) for column in ("classid", "oid", "subid", "parent_class", "parent_oid")):
        return f"an address, or a parent's, that is no numbers: {tuple(row)!r}"
    try:
        msgspec.json.decode(row["properties"], type=dict[str, Value])
    except msgspec.MsgspecError as error:
        return f"properties that no object can have: {error}: {row['properties']}"
    return None


def blame(error: BaseException, additions: Iterable[Addition]) -> PluginBroken | None:
    """The error that names whose handler raised something that is no ``ConfitureError``; None: nobody's."""
    trace, names = error.__traceback__, set()
    while trace is not None:
        names.add(trace.tb_frame.f_globals.get("__name__"))
        trace = trace.tb_next
    for each in additions:
        if names & {handler.__module__ for handler in each.handlers}:
            return each.broken(f"a handler failed: {type(error).__name__}: {error}")
    return None


def _broken(name: str, distribution: str, reason: str) -> PluginBroken:
    return PluginBroken(
        f"the addition {name!r} of {distribution!r} to the plugin 'catalog' {reason}",
        hint=f"update or remove {distribution!r}, or list {name!r} under [plugins] disable in confiture.toml",
    )
