"""Lists of ``name=value``: storage parameters, and the options of foreign objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confiture.model import SchemaObject, Statement, Value
from confiture.quoting import quote_literal
from confiture_catalog.differ.handler import sql

__all__ = ["as_given", "change_options", "change_relation_options", "foreign_options", "storage_options"]


def _pairs(options: Value) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for each in options if isinstance(options, tuple) else ():
        name, _, value = str(each).partition("=")
        found[name] = value
    return found


def as_given(found: SchemaObject) -> Value:
    """The storage parameters of a relation in the order in which they were given."""
    return found.state.get("options") or found.properties.get("options")


def storage_options(options: Value) -> str:
    """``fillfactor='70', toast.autovacuum_enabled='off'``: what stands in WITH (...) and SET (...)."""
    return ", ".join(f"{name}={quote_literal(value).strip()}" for name, value in _pairs(options).items())


def change_options(prefix: str, old: Value, new: Value) -> Iterable[Statement]:
    """``prefix SET (...)`` and ``prefix RESET (...)`` from the one list to the other; nothing for equal ones."""
    was, becomes = _pairs(old), _pairs(new)
    if gone := [name for name in was if name not in becomes]:
        back = storage_options(tuple(f"{name}={was[name]}" for name in gone))
        yield sql(f"{prefix} RESET ({', '.join(gone)})", undo=f"{prefix} SET ({back})")
    if changed := tuple(f"{name}={value}" for name, value in becomes.items() if was.get(name) != value):
        names = [name for name in becomes if was.get(name) != becomes[name]]
        kept = storage_options(tuple(f"{name}={was[name]}" for name in names if name in was))
        fresh = ", ".join(name for name in names if name not in was)
        undo = [f"{prefix} SET ({kept})"] if kept else []
        undo += [f"{prefix} RESET ({fresh})"] if fresh else []
        yield sql(f"{prefix} SET ({storage_options(changed)})", undo=";\n".join(undo))


def change_relation_options(prefix: str, old: SchemaObject, new: SchemaObject) -> Iterable[Statement]:
    """From the parameters of a relation to others, in the order in which those were given.

    SET appends what it changes; where that gives another order, all are reset first.
    """
    was, becomes = _pairs(as_given(old)), _pairs(as_given(new))
    if was == becomes:
        return
    changed = [name for name in becomes if was.get(name) != becomes[name]]
    if [name for name in was if name in becomes and name not in changed] + changed != list(becomes) and was:
        yield from change_options(prefix, as_given(old), ())
        yield from change_options(prefix, (), as_given(new))
    else:
        yield from change_options(prefix, as_given(old), as_given(new))


def foreign_options(new: Value, old: Value = None) -> str:
    """What stands in OPTIONS (...): the list itself, or with ``old`` the way from that to it."""
    was, becomes = _pairs(old), _pairs(new)
    if not was:
        return ", ".join(f"{_name(name)} {quote_literal(value).strip()}" for name, value in becomes.items())
    said = [f"DROP {_name(name)}" for name in was if name not in becomes]
    said += [
        f"{'SET' if name in was else 'ADD'} {_name(name)} {quote_literal(value).strip()}"
        for name, value in becomes.items()
        if was.get(name) != value
    ]
    return ", ".join(said)


def _name(name: str) -> str:
    return name if name.isidentifier() and name.islower() else '"' + name.replace('"', '""') + '"'
