"""Aggregates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement, Value
from confiture.quoting import quote_literal
from confiture_catalog.differ.addresses import address, called
from confiture_catalog.differ.handler import Alteration, Handler, Way, same_properties, sql
from confiture_catalog.differ.names import operator_reference
from confiture_catalog.differ.world import World

__all__ = ["AggregateHandler"]

#: Properties whose values stand as they are.
_PLAIN = (
    ("transition", "SFUNC"),
    ("state", "STYPE"),
    ("state_size", "SSPACE"),
    ("final", "FINALFUNC"),
    ("combine", "COMBINEFUNC"),
    ("serial", "SERIALFUNC"),
    ("deserial", "DESERIALFUNC"),
    ("moving_transition", "MSFUNC"),
    ("moving_inverse", "MINVFUNC"),
    ("moving_state", "MSTYPE"),
    ("moving_state_size", "MSSPACE"),
    ("moving_final", "MFINALFUNC"),
)
_FLAGS = (("final_extra", "FINALFUNC_EXTRA"), ("moving_final_extra", "MFINALFUNC_EXTRA"))
_TEXTS = (("initial", "INITCOND"), ("moving_initial", "MINITCOND"))
_MODIFIES: dict[Value, str] = {None: "READ_ONLY", "shareable": "SHAREABLE", "read write": "READ_WRITE"}


class AggregateHandler(Handler):
    """CREATE, CREATE OR REPLACE and DROP AGGREGATE."""

    kinds = ("aggregate",)
    rank = 28

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE AGGREGATE."""
        return (sql(f"CREATE {_definition(new)}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP AGGREGATE."""
        return (sql(f"DROP {address(old)}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """CREATE OR REPLACE, where callers see nothing of it."""
        if same_properties(old, new):
            return ()
        if any(old.properties.get(each) != new.properties.get(each) for each in _OUTSIDE):
            return Way.REPLACE
        return (sql(f"CREATE OR REPLACE {_definition(new)}", undo=f"CREATE OR REPLACE {_definition(old)}"),)


_OUTSIDE = ("arguments", "result", "type", "direct_arguments")


def _definition(found: SchemaObject) -> str:
    values = found.properties
    said = [f"{word} = {values[name]}" for name, word in _PLAIN if values.get(name) is not None]
    said += [word for name, word in _FLAGS if values.get(name)]
    said += [f"{word} = {quote_literal(str(values[name]))}" for name, word in _TEXTS if values.get(name) is not None]
    for name, word in (("final_modify", "FINALFUNC_MODIFY"), ("moving_final_modify", "MFINALFUNC_MODIFY")):
        # What an ordered set's does unless told is another thing than a plain one's (pg_aggregate.c).
        if values.get(name) != ("read write" if values.get("type") else None):
            said.append(f"{word} = {_MODIFIES[values.get(name)]}")
    if operator := values.get("sort_operator"):
        said.append(f"SORTOP = {operator_reference(str(operator))}")
    if parallel := values.get("parallel"):
        said.append(f"PARALLEL = {str(parallel).upper()}")
    if values.get("type") == "hypothetical set":
        said.append("HYPOTHETICAL")
    return f"AGGREGATE {called(found)}({values.get('arguments') or '*'}) (\n    " + ",\n    ".join(said) + "\n)"
