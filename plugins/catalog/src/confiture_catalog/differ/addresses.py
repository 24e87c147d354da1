"""How statements about any object name it: in COMMENT ON, ALTER ... OWNER TO, GRANT and the like."""

from __future__ import annotations

from confiture.model import SchemaObject

__all__ = ["address", "called", "child_name", "grant_target", "is_grantable", "split_last"]

_WORDS = {
    "enum": "TYPE",
    "composite type": "TYPE",
    "range type": "TYPE",
    "base type": "TYPE",
    "shell type": "TYPE",
    "attribute": "COLUMN",
}
_OF_A_TABLE = frozenset({"constraint", "trigger", "rule", "policy"})
#: What GRANT calls each kind that has privileges.
_GRANTED = {
    "table": "TABLE",
    "foreign table": "TABLE",
    "view": "TABLE",
    "materialized view": "TABLE",
    "sequence": "SEQUENCE",
    "function": "FUNCTION",
    "aggregate": "FUNCTION",
    "procedure": "PROCEDURE",
    "enum": "TYPE",
    "domain": "TYPE",
    "composite type": "TYPE",
    "range type": "TYPE",
    "base type": "TYPE",
    "shell type": "TYPE",
    "schema": "SCHEMA",
    "language": "LANGUAGE",
    "foreign data wrapper": "FOREIGN DATA WRAPPER",
    "server": "FOREIGN SERVER",
}


def child_name(found: SchemaObject) -> str:
    """The name of a part within its parent, as SQL text."""
    assert found.parent is not None
    return found.identity[len(found.parent.identity) + 1 :]


def split_last(identity: str) -> tuple[str, str]:
    """What stands before and after the last dot that is no letter of a quoted name."""
    quoted = False
    for at in range(len(identity) - 1, -1, -1):
        if identity[at] == '"':
            quoted = not quoted
        elif identity[at] == "." and not quoted:
            return identity[:at], identity[at + 1 :]
    return "", identity


def called(found: SchemaObject) -> str:
    """A routine's qualified name, without its arguments."""
    quoted = False
    for at, letter in enumerate(found.identity):
        if letter == '"':
            quoted = not quoted
        elif letter == "(" and not quoted:
            return found.identity[:at]
    return found.identity


def address(found: SchemaObject) -> str:
    """Kind and name, as COMMENT ON, SECURITY LABEL ON and ALTER want them."""
    words = _WORDS.get(found.kind, found.kind.upper())
    if found.kind in _OF_A_TABLE and found.parent is not None:
        return f"{words} {child_name(found)} ON {found.parent.identity}"
    if found.kind == "domain constraint" and found.parent is not None:
        return f"CONSTRAINT {child_name(found)} ON DOMAIN {found.parent.identity}"
    if found.kind == "aggregate":
        return f"AGGREGATE {called(found)}({found.properties.get('signature') or '*'})"
    if found.kind == "cast":
        return f"CAST ({found.identity})"
    return f"{words} {found.identity}"


def is_grantable(found: SchemaObject) -> bool:
    """Whether it is of a kind whose objects have privileges."""
    return found.kind in _GRANTED or found.kind in ("column", "privileges", "default privileges")


def grant_target(found: SchemaObject) -> str:
    """What GRANT says after ON; of a column, its table."""
    if found.kind == "column":
        assert found.parent is not None
        return f"TABLE {found.parent.identity}"
    return f"{_GRANTED[found.kind]} {found.identity}"
