"""How names are written in a parse tree, and how the need of one is recorded."""

from __future__ import annotations

from typing import Any

from confiture.sql.dependencies.facts import Facts, Name, Need, Strength
from confiture.sql.grammar import GrammarError, parse, string_values

__all__ = ["add_need", "member", "name_of", "range_name", "relation_in", "type_need"]

_ALWAYS_THERE = ("pg_catalog", "information_schema")


def name_of(space: str, parts: tuple[str, ...]) -> Name:
    """A qualified name; of three parts the first is the database."""
    return Name(space, parts[-2] if len(parts) > 1 else "", parts[-1])


def range_name(node: Any, space: str = "relation") -> Name:
    """The name of a ``RangeVar``."""
    schema = "pg_temp" if node.relpersistence == "t" else node.schemaname
    return Name(space, schema, node.relname)


def member(space: str, table: Name, own: str) -> Name:
    """The name of what belongs to a table: a column, a constraint, a trigger."""
    return Name(space, table.schema, f"{table.name}.{own}")


def add_need(facts: Facts, name: Name, strength: Strength = Strength.NEEDED, arguments: int = -1) -> None:
    """Record a need, and that of its schema; what lies in ``pg_catalog`` is always there."""
    schema = name.schema
    if schema in _ALWAYS_THERE:
        return
    facts.needs.append(Need(name, strength, arguments))
    if schema:
        facts.needs.append(Need(Name("schema", "", schema), strength))


def relation_in(text: str, space: str = "relation") -> Name | None:
    """The name that a string such as ``'s."T"'`` writes, read by the grammar; None where it is none."""
    try:
        tree = parse(f"TABLE {text.split('(')[0]}")
        target = tree.stmts[0].stmt.select_stmt.from_clause[0].range_var
    except (GrammarError, IndexError):
        return None
    return Name(space, target.schemaname, target.relname)


def type_need(facts: Facts, node: Any, strength: Strength = Strength.NEEDED) -> tuple[str, ...]:
    """Record the need of a ``TypeName`` and return its parts; ``t.c%TYPE`` needs the table."""
    parts = string_values(node.names)
    if not parts or parts[0] == "pg_catalog":
        return parts
    if node.pct_type:
        add_need(facts, name_of("relation", parts[:-1]), strength)
        facts.columns.add(parts[-1])
    else:
        add_need(facts, name_of("type", parts), strength)
    return parts
