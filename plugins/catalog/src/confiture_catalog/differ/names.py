"""Names as SQL text, taken from identities: PostgreSQL itself quoted them where that is needed."""

from __future__ import annotations

from confiture.model import SchemaObject

__all__ = ["bare", "beside", "qualifier", "temporary_name"]

#: NAMEDATALEN - 1: longer names are cut by the server, which would let two of them meet.
_LONGEST_BYTES = 63


def bare(found: SchemaObject) -> str:
    """The last part of an identity: the object's own name, quoted where needed. Not for routines and operators."""
    quoted = '"' + found.name.replace('"', '""') + '"'
    return quoted if found.identity.endswith(quoted) else found.name


def qualifier(found: SchemaObject) -> str:
    """What stands before the name, with its dot; "" where there is nothing."""
    return found.identity[: len(found.identity) - len(bare(found))]


def temporary_name(found: SchemaObject) -> str:
    """A bare name, as SQL text, for the old one of two objects of the same name."""
    name = f"confiture_old_{found.name}".encode()[:_LONGEST_BYTES].decode(errors="ignore")
    return '"' + name.replace('"', '""') + '"' if '"' in bare(found) else name


def beside(found: SchemaObject, name: str) -> str:
    """The bare ``name`` qualified as the object is."""
    return qualifier(found) + name
