"""What leads on from a failed statement: what it lacks is made later, what it makes was made before, a near name."""

from __future__ import annotations

from confiture.model import Origin, Plan
from confiture.registry import closest
from confiture.sql.dependencies.building import build_graph
from confiture.sql.dependencies.facts import Name

__all__ = ["made_before", "missing_hint", "nearest_name"]

#: SQLSTATEs of "does not exist", and the kinds of names that each is about.
_STATES = {
    "42P01": ("relation",),
    "42704": ("type", "relation", "role", "collation", "schema", "extension", "operator class", "trigger"),
    "42883": ("function", "operator"),
    "42703": ("column",),
    "3F000": ("schema",),
    "42P06": ("schema",),
    "42830": ("primary key", "unique key"),
}


def missing_hint(
    plan: Plan, failed_index: int, sqlstate: str | None = None, message_name: str | None = None
) -> tuple[str, Origin] | None:
    """What the failed statement lacks and where a later statement defines it; None where none does.

    ``sqlstate`` and the name in PostgreSQL's message choose among several. The object is named as in
    ``relation "public.users"``.
    """
    graph = build_graph(plan)
    missing: list[tuple[Name, int]] = []
    for edge in graph.edges.values():
        if edge.after == failed_index and edge.before > failed_index and edge.name is not None:
            missing.append((edge.name, edge.before))
    # An overloaded function, or one with other arguments: whatever has the name will do for a hint.
    for need in graph.facts[failed_index].needs:
        found = graph.definers_of(need.name, graph.facts[failed_index].path)
        if found and all(definer > failed_index for definer in found[1]):
            missing.append((found[0], found[1][0]))
    if not missing:
        return None
    wanted = message_name.replace('"', "").split("(")[0] if message_name else ""
    spaces = _STATES.get(sqlstate or "", ())

    def rank(item: tuple[Name, int]) -> tuple[bool, bool, int]:
        name, definer = item
        same = wanted in (name.name, f"{name.schema}.{name.name}", name.name.split(".")[-1])
        return (bool(wanted) and not same, bool(spaces) and name.space not in spaces, definer)

    name, definer = min(missing, key=rank)
    origin = graph.statements[definer].origin
    return (str(name), origin) if origin else None


def made_before(plan: Plan, failed_index: int) -> tuple[str, Origin] | None:
    """What the failed statement makes although an earlier one has made it, and where that is; None where none has."""
    graph = build_graph(plan)
    facts = graph.facts[failed_index]
    for name in facts.defines:
        full = graph.full_name(name, facts.path)
        first = min(graph.definers.get(full, [failed_index]))
        origin = graph.statements[first].origin
        if first < failed_index and origin is not None:
            return str(full), origin
    return None


def nearest_name(plan: Plan, name: str) -> tuple[str, Origin] | None:
    """The relation, type or function of the plan that ``name`` is most likely a slip of, and where it is made."""
    graph = build_graph(plan)
    made = {
        full.name: (full, definers[0])
        for full, definers in graph.definers.items()
        if full.space in ("relation", "type", "function")
    }
    near = closest(name.rpartition(".")[2], made)
    if near is None:
        return None
    full, index = made[near]
    origin = graph.statements[index].origin
    return (str(full), origin) if origin else None
