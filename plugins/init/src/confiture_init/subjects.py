"""Which object a statement is about, as PostgreSQL's grammar sees it."""

from __future__ import annotations

from typing import Any, NamedTuple

from confiture.model import Statement
from confiture.sql.dependencies.extract import facts_of
from confiture.sql.grammar import enum_names, kind_of, parse, string_values, unwrap

__all__ = ["Subject", "subject_of"]

#: Spaces of names that belong to a relation: ``table.own``.
_MEMBERS = frozenset({"attached", "column", "constraint", "owner", "policy", "rows", "rule", "trigger", "unique key"})
#: What the grammar calls an object that has no name of its own.
_NAMELESS = {"OBJECT_CAST": "cast", "OBJECT_TRANSFORM": "transform"}


class Subject(NamedTuple):
    """What a statement is about: a kind of name (see ``confiture.sql.dependencies.facts``), its schema and name.

    ``schema`` and ``name`` are "" for what has none. ``statement`` is the grammar's name of the statement.
    """

    space: str
    schema: str
    name: str
    statement: str


def subject_of(statement: Statement) -> Subject:
    """What the statement makes, or else what it changes."""
    raw = parse(statement.sql).stmts[0].stmt
    node, kind = unwrap(raw), kind_of(raw.WhichOneof("node"))
    if (plain := _PLAIN.get(kind)) is not None:
        space, attribute = plain
        names = string_values(getattr(node, attribute)) if attribute else ()
        return Subject(space, names[-2] if len(names) > 1 else "", names[-1] if names else "", kind)
    nameless = _NAMELESS.get(_object_type(node)) if hasattr(node, "objtype") else None
    if nameless is not None:
        return Subject(nameless, "", "", kind)
    partition = _attached(node) if kind == "AlterTableStmt" else None
    if partition is not None:
        return Subject("relation", partition.schemaname, partition.relname, kind)
    facts = facts_of(kind, node)
    found = [name for name in (*facts.changes, *facts.defines, *facts.drops) if name.space not in _MEMBERS]
    return Subject(found[0].space, found[0].schema, found[0].name, kind) if found else Subject("", "", "", kind)


#: Statements that the kernel's facts do not name an object of: its space, and the field that has its name.
_PLAIN: dict[str, tuple[str, str]] = {
    "AlterDefaultPrivilegesStmt": ("default privileges", ""),
    "AlterOperatorStmt": ("operator", ""),
    "AlterTypeStmt": ("type", "type_name"),
    "CreateTransformStmt": ("transform", ""),
    "CreateUserMappingStmt": ("server", ""),
}


def _object_type(node: Any) -> str:
    return enum_names("ObjectType").get(node.objtype, "")


def _attached(node: Any) -> Any:
    """The partition that is attached, or its index: the parent was there before it. None for all other commands."""
    command = node.cmds[0].alter_table_cmd
    if enum_names("AlterTableType").get(command.subtype) != "AT_AttachPartition":
        return None
    return getattr(command, "def").partition_cmd.name  # the field's name is a keyword of Python
