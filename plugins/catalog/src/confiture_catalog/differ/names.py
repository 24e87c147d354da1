"""Names as SQL text, taken from identities: PostgreSQL itself quoted them where that is needed."""

from __future__ import annotations

from confiture.model import SchemaObject

__all__ = ["bare", "beside", "operator_reference", "qualifier", "temporary_name"]

#: NAMEDATALEN - 1: longer names are cut by the server, which would let two of them meet.
_LONGEST_BYTES = 63


def bare(found: SchemaObject) -> str:
    """The last part of an identity: the object's own name, quoted where needed. Not for routines and operators."""
    quoted = '"' + found.name.replace('"', '""') + '"'
    return quoted if found.identity.endswith(quoted) else found.name


def qualifier(found: SchemaObject) -> str:
    """What stands before the name, with its dot; "" where there is nothing."""
    return found.identity[: len(found.identity) - len(bare(found))]


def temporary_name(found: SchemaObject, prefix: str = "confiture_old_") -> str:
    """A bare name, as SQL text, for the old one of two objects of the same name."""
    name = f"{prefix}{found.name}".encode()[:_LONGEST_BYTES].decode(errors="ignore")
    return '"' + name.replace('"', '""') + '"' if '"' in bare(found) else name


def beside(found: SchemaObject, name: str) -> str:
    """The bare ``name`` qualified as the object is."""
    return qualifier(found) + name


def operator_reference(signature: str) -> str:
    """``OPERATOR(schema.name)`` for what ``regoperator`` prints with an empty search path: ``public.<%(a,b)``."""
    quoted = False
    for at, letter in enumerate(signature):
        if letter == '"':
            quoted = not quoted
        elif letter == "(" and not quoted:
            name = signature[:at]
            # A dot is no letter of an operator's name.
            return f"OPERATOR({name if '.' in name else f'pg_catalog.{name}'})"
    return f"OPERATOR({signature})"
