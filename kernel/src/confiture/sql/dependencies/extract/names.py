"""Statements about an object of any kind: COMMENT, DROP, RENAME, SET SCHEMA; schemas, extensions, servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.dependencies.extract.objects import cast_name, object_names, object_type, role_needs, use
from confiture.sql.dependencies.facts import Facts, Name, Need
from confiture.sql.dependencies.needs import add_need, member, name_of, range_name
from confiture.sql.dependencies.trees import tree_needs
from confiture.sql.grammar import string_values, unwrap

__all__ = ["HANDLERS"]

Node = Any


def _comment(facts: Facts, node: Node) -> None:
    pairs = object_names(object_type(node), unwrap(node.object))
    use(facts, pairs)
    if object_type(node) == "OBJECT_CAST":
        facts.needs.append(Need(cast_name(name for name, _ in pairs)))


def _move(facts: Facts, node: Node) -> None:
    """RENAME and SET SCHEMA: the old name is gone, a new one is there."""
    rename = type(node).__name__ == "RenameStmt"
    objtype = object_type(node, "rename_type" if rename else "object_type")
    pairs = object_names(objtype, unwrap(node.object))
    if node.HasField("relation"):
        pairs = [(range_name(node.relation), -1), *pairs]
    for name, arguments in pairs[:1]:
        add_need(facts, name, arguments=arguments)
        if rename and objtype in ("OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_ATTRIBUTE", "OBJECT_TRIGGER",
                                  "OBJECT_POLICY", "OBJECT_RULE", "OBJECT_DOMCONSTRAINT"):  # fmt: skip
            facts.drops.append(member("column", name, node.subname))
            facts.defines.append(member("column", name, node.newname))
            facts.changes.append(name)
            continue
        facts.drops.append(name)
        new = Name(name.space, name.schema, node.newname) if rename else Name(name.space, node.newschema, name.name)
        facts.defines.append(new)
        if not rename:
            facts.needs.append(Need(Name("schema", "", node.newschema)))


def _drop(facts: Facts, node: Node) -> None:
    objtype = object_type(node, "remove_type")
    for item in node.objects:
        for name, _ in object_names(objtype, unwrap(item)):
            facts.drops.append(name)


def _create_extension(facts: Facts, node: Node) -> None:
    facts.defines.append(Name("extension", "", node.extname))
    facts.early = True
    for option in node.options:
        if option.def_elem.defname == "schema":
            facts.needs.append(Need(Name("schema", "", option.def_elem.arg.string.sval)))


def _named(space: str, field: str) -> Callable[[Facts, Node], None]:
    def handler(facts: Facts, node: Node) -> None:
        facts.defines.append(Name(space, "", getattr(node, field)))
        tree_needs(facts, node)
        for attribute, wanted in (("fdwname", "wrapper"), ("servername", "server")):
            value = getattr(node, attribute, "")
            if value and attribute != field:
                facts.needs.append(Need(Name(wanted, "", value)))
        for option in getattr(node, "func_options", ()):
            if parts := string_values(option.def_elem.arg.list.items):
                add_need(facts, name_of("function", parts))
        role_needs(facts, node)

    return handler


def _change_publication(facts: Facts, node: Node) -> None:
    name = Name("publication", "", node.pubname)
    add_need(facts, name)
    facts.changes.append(name)
    tree_needs(facts, node)


HANDLERS: dict[str, Callable[[Facts, Node], None]] = {
    "AlterObjectSchemaStmt": _move,
    "AlterPublicationStmt": _change_publication,
    "CommentStmt": _comment,
    "CreateExtensionStmt": _create_extension,
    "CreateFdwStmt": _named("wrapper", "fdwname"),
    "CreateForeignServerStmt": _named("server", "servername"),
    "CreatePublicationStmt": _named("publication", "pubname"),
    "CreateUserMappingStmt": _named("user mapping", "servername"),
    "DropStmt": _drop,
    "RenameStmt": _move,
    "SecLabelStmt": _comment,
}
