"""What a statement acts on, by name, and what PostgreSQL asks of a role for that. Pure: from parse trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from confiture.sql.dependencies.extract.objects import object_names, object_type
from confiture.sql.dependencies.facts import Name
from confiture.sql.grammar import enum_names, string_values, unwrap, walk

__all__ = ["AUTHORITY", "CREATE", "DROP", "OWN", "TOUCH", "Act", "acts_of"]

#: It makes the object; it alters it, which its owner may; it drops it, which its schema's owner may as well; it acts
#: on it with rights that are not looked at here. Other rights are privileges by their names (INSERT).
CREATE, OWN, DROP, TOUCH = "create", "own", "drop", "touch"
#: After these, who may do what is no longer what it was before the run.
AUTHORITY = frozenset({
    "AlterOwnerStmt", "AlterRoleStmt", "CallStmt", "CreateExtensionStmt", "DoStmt", "GrantRoleStmt", "GrantStmt",
    "ReassignOwnedStmt",
})  # fmt: skip
_ROLES = frozenset({"role", "session_authorization"})


class Act(msgspec.Struct, frozen=True, gc=False):
    """A statement acts on an object: ``space`` is relation, type, function or schema, ``schema`` "" where not given.

    ``right`` is one of the words above, or a privilege. ``new`` is the name that it has afterwards, where it changes.
    """

    space: str
    schema: str
    name: str
    right: str
    new: tuple[str, str] | None = None


def acts_of(node: Any) -> Iterator[Act]:
    """What the statement, the concrete message, acts on, as far as that is known; of temporary ones the schema is
    ``pg_temp``."""  # noqa: D205, D209
    rule = _RULES.get(type(node).__name__)
    if rule is not None:
        yield from rule(node)


def is_authority(node: Any) -> bool:
    """Whether the statement may change what later ones may do: a role, a grant, code."""
    kind = type(node).__name__
    if kind == "VariableSetStmt":
        return node.name in _ROLES
    if kind == "AlterTableStmt":
        return any(enum_names("AlterTableType")[i.alter_table_cmd.subtype] == "AT_ChangeOwner" for i in node.cmds)
    if kind == "SelectStmt":
        return any(type(each).__name__ == "FuncCall" for each in walk(node))
    return kind in AUTHORITY


def _relation(var: Any, right: str, new: tuple[str, str] | None = None) -> Iterator[Act]:
    yield Act("relation", "pg_temp" if var.relpersistence == "t" else var.schemaname, var.relname, right, new)


def _named(space: str, parts: tuple[str, ...], right: str) -> Iterator[Act]:
    if parts:
        yield Act(space, parts[-2] if len(parts) > 1 else "", parts[-1], right)


def _relation_in(field: str, right: str) -> Callable[[Any], Iterator[Act]]:
    return lambda node: _relation(getattr(node, field), right)


def _list_in(space: str, field: str, right: str) -> Callable[[Any], Iterator[Act]]:
    return lambda node: _named(space, string_values(getattr(node, field)), right)


def _foreign_keys(definition: Any) -> Iterator[Act]:
    """Of a column's definition, or of a constraint; a walk through the whole tree would take ten times as long."""
    name = type(definition).__name__
    if name == "Constraint":
        if definition.HasField("pktable"):
            yield from _relation(definition.pktable, "REFERENCES")
    elif name == "ColumnDef":
        for item in definition.constraints:
            yield from _foreign_keys(item.constraint)


def _create_table(node: Any) -> Iterator[Act]:
    yield from _relation(node.relation, CREATE)
    for item in node.inh_relations:
        yield from _relation(item.range_var, OWN)
    for item in node.table_elts:
        yield from _foreign_keys(unwrap(item))


def _alter_table(node: Any) -> Iterator[Act]:
    if enum_names("ObjectType")[node.objtype] == "OBJECT_TYPE":
        yield Act("type", node.relation.schemaname, node.relation.relname, OWN)
        return
    yield from _relation(node.relation, OWN)
    for item in node.cmds:
        definition = unwrap(getattr(item.alter_table_cmd, "def"))
        if type(definition).__name__ == "PartitionCmd" and definition.HasField("name"):
            yield from _relation(definition.name, OWN)
        yield from _foreign_keys(definition)


def _index(node: Any) -> Iterator[Act]:
    yield from _relation(node.relation, OWN)
    if node.idxname:
        yield Act("relation", node.relation.schemaname, node.idxname, TOUCH)


def _create_as(node: Any) -> Iterator[Act]:
    return _relation(node.into.rel, CREATE)


def _named_pairs(pairs: list[tuple[Name, int]], right: str) -> Iterator[Act]:
    for name, _ in pairs[:1]:
        if name.space in ("relation", "type", "function", "schema"):
            yield Act(name.space, name.schema, name.name, right)


def _comment(node: Any) -> Iterator[Act]:
    return _named_pairs(object_names(object_type(node), unwrap(node.object)), OWN)


def _drop(node: Any) -> Iterator[Act]:
    kind = object_type(node, "remove_type")
    member = kind in ("OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE")
    for item in node.objects:
        yield from _named_pairs(object_names(kind, unwrap(item)), OWN if member else DROP)


def _rename(node: Any) -> Iterator[Act]:
    kind = object_type(node, "rename_type")
    whole = kind in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX", "OBJECT_SEQUENCE",
                     "OBJECT_FOREIGN_TABLE")  # fmt: skip
    if node.HasField("relation"):
        new = (node.relation.schemaname, node.newname) if whole else None
        yield from _relation(node.relation, OWN, new)
    elif kind == "OBJECT_SCHEMA":
        yield Act("schema", "", node.subname, OWN, ("", node.newname))
    else:
        for act in _named_pairs(object_names(kind, unwrap(node.object)), OWN):
            moved = (act.schema, node.newname) if kind in ("OBJECT_TYPE", "OBJECT_DOMAIN") else None
            yield msgspec.structs.replace(act, new=moved)


def _move(node: Any) -> Iterator[Act]:
    if node.HasField("relation"):
        yield from _relation(node.relation, OWN, (node.newschema, node.relation.relname))
    else:
        for act in _named_pairs(object_names(object_type(node, "object_type"), unwrap(node.object)), OWN):
            yield msgspec.structs.replace(act, new=(node.newschema, act.name))


def _owner(node: Any) -> Iterator[Act]:
    if node.HasField("relation"):
        return _relation(node.relation, OWN)
    return _named_pairs(object_names(object_type(node, "object_type"), unwrap(node.object)), OWN)


def _create_schema(node: Any) -> Iterator[Act]:
    yield Act("schema", "", node.schemaname or node.authrole.rolename, CREATE)


def _statistics(node: Any) -> Iterator[Act]:
    for item in node.relations:
        if item.HasField("range_var"):
            yield from _relation(item.range_var, OWN)


def _truncate(node: Any) -> Iterator[Act]:
    for item in node.relations:
        yield from _relation(item.range_var, "TRUNCATE")


def _copy(node: Any) -> Iterator[Act]:
    if node.is_from and node.HasField("relation"):
        yield from _relation(node.relation, "INSERT")


def _function(node: Any) -> Iterator[Act]:
    return _named("function", string_values(node.func.objname), TOUCH)


_RULES: dict[str, Callable[[Any], Iterator[Act]]] = {
    "AlterDomainStmt": _list_in("type", "type_name", OWN),
    "AlterEnumStmt": _list_in("type", "type_name", OWN),
    "AlterFunctionStmt": _function,
    "AlterObjectSchemaStmt": _move,
    "AlterOwnerStmt": _owner,
    "AlterPolicyStmt": _relation_in("table", OWN),
    "AlterSeqStmt": _relation_in("sequence", OWN),
    "AlterTableStmt": _alter_table,
    "ClusterStmt": _relation_in("relation", TOUCH),
    "CommentStmt": _comment,
    "CompositeTypeStmt": lambda node: _named("type", (node.typevar.schemaname, node.typevar.relname), CREATE),
    "CopyStmt": _copy,
    "CreateDomainStmt": _list_in("type", "domainname", CREATE),
    "CreateEnumStmt": _list_in("type", "type_name", CREATE),
    "CreateForeignTableStmt": lambda node: _create_table(node.base_stmt),
    "CreateFunctionStmt": _list_in("function", "funcname", CREATE),
    "CreatePolicyStmt": _relation_in("table", OWN),
    "CreateRangeStmt": _list_in("type", "type_name", CREATE),
    "CreateSchemaStmt": _create_schema,
    "CreateSeqStmt": _relation_in("sequence", CREATE),
    "CreateStatsStmt": _statistics,
    "CreateStmt": _create_table,
    "CreateTableAsStmt": _create_as,
    "CreateTrigStmt": _relation_in("relation", "TRIGGER"),
    "DeleteStmt": _relation_in("relation", "DELETE"),
    "DropStmt": _drop,
    "IndexStmt": _index,
    "InsertStmt": _relation_in("relation", "INSERT"),
    "MergeStmt": _relation_in("relation", TOUCH),
    "RefreshMatViewStmt": _relation_in("relation", TOUCH),
    "RenameStmt": _rename,
    "RuleStmt": _relation_in("relation", OWN),
    "TruncateStmt": _truncate,
    "UpdateStmt": _relation_in("relation", "UPDATE"),
    "ViewStmt": _relation_in("view", CREATE),
}
