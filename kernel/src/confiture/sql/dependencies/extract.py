"""The facts of a statement: what each kind of statement defines, changes and drops, besides what it refers to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.dependencies.facts import Facts, Name, Need, Strength
from confiture.sql.dependencies.needs import add_need, body_needs, name_of, range_name, tree_needs
from confiture.sql.grammar import children, string_values, unwrap

__all__ = ["LIGHT_KINDS", "facts_of", "object_names"]

Node = Any

#: OBJECT_... of the grammar to the kind of name.
_SPACES = {
    "TABLE": "relation", "VIEW": "relation", "MATVIEW": "relation", "SEQUENCE": "relation", "INDEX": "relation",
    "FOREIGN_TABLE": "relation", "TYPE": "type", "DOMAIN": "type", "FUNCTION": "function", "PROCEDURE": "function",
    "ROUTINE": "function", "AGGREGATE": "function", "SCHEMA": "schema", "EXTENSION": "extension",
    "COLLATION": "collation", "OPERATOR": "operator", "OPCLASS": "operator class", "OPFAMILY": "operator family",
    "ROLE": "role", "STATISTIC_EXT": "statistics", "PUBLICATION": "publication", "EVENT_TRIGGER": "event trigger",
    "FOREIGN_SERVER": "server", "FDW": "wrapper", "LANGUAGE": "language", "TSCONFIGURATION": "configuration",
    "TSDICTIONARY": "dictionary", "TSPARSER": "parser", "TSTEMPLATE": "template", "CONVERSION": "conversion",
    "ACCESS_METHOD": "access method", "SUBSCRIPTION": "subscription",
}  # fmt: skip
#: Objects that belong to a table and are named by it and their own name.
_MEMBERS = {
    "COLUMN": "column", "TABCONSTRAINT": "constraint", "TRIGGER": "trigger", "POLICY": "policy", "RULE": "rule",
    "ATTRIBUTE": "column",
}  # fmt: skip


def facts_of(kind: str, node: Node, path: tuple[str, ...] = ("public",), check_bodies: bool = True) -> Facts:
    """The facts of a parsed statement under that search path. ``kind`` is the node's name."""
    facts = Facts(path=path)
    handler = _HANDLERS.get(kind)
    if handler is not None:
        handler(facts, node)
    else:
        tree_needs(facts, node)
        facts.barrier = kind not in _PLAIN
    if kind in ("CreateFunctionStmt", "DoStmt"):
        body_needs(facts, node, check_bodies)
    for name in facts.defines:  # what is created needs its schema
        schema = name.schema or (path[0] if path and name.space in _IN_SCHEMA else "")
        if schema and schema != "pg_temp":
            facts.needs.append(Need(Name("schema", "", schema)))
    return facts


#: These leave what uses the object alone; among themselves they keep their order (GRANT and REVOKE).
LIGHT_KINDS = frozenset(
    {"AlterOwnerStmt", "CommentStmt", "CreatePolicyStmt", "CreateStatsStmt", "GrantStmt", "IndexStmt", "SecLabelStmt"}
)
_PLAIN = frozenset({"CommentStmt", "SecLabelStmt", "VacuumStmt", "ReindexStmt", "LockStmt", "TruncateStmt"})
_IN_SCHEMA = frozenset({"relation", "type", "function", "collation", "operator", "statistics", "configuration"})


def _member(space: str, table: Name, own: str) -> Name:
    return Name(space, table.schema, f"{table.name}.{own}")


def object_names(objtype: str, node: Node) -> list[tuple[Name, int]]:
    """The names of the object in a COMMENT, DROP, ALTER ... and its number of arguments; its table's for a member."""
    which = objtype.removeprefix("OBJECT_")
    if node is None:
        return []
    kind = type(node).__name__
    if kind == "ObjectWithArgs":
        arguments = -1 if node.args_unspecified else len(node.objargs)
        return [(name_of(_SPACES.get(which, "function"), string_values(node.objname)), arguments)]
    if kind == "TypeName":
        return [(name_of("type", string_values(node.names)), -1)]
    if kind == "String":
        return [(Name(_SPACES.get(which, which.lower()), "", node.sval), -1)]
    if kind == "RangeVar":
        return [(range_name(node), -1)]
    if kind == "List":
        if which == "DOMCONSTRAINT":
            return [(name_of("type", string_values(node.items[0].type_name.names)), -1)]
        items = [unwrap(item) for item in node.items]
        if not all(type(item).__name__ == "String" for item in items):
            return [pair for item in items for pair in object_names("OBJECT_TYPE", item)]
        parts = tuple(item.sval for item in items)
        if which in _MEMBERS and len(parts) > 1:
            table = name_of("relation", parts[:-1])
            return [(table, -1), (_member(_MEMBERS[which], table, parts[-1]), -1)]
        if which in ("OPCLASS", "OPFAMILY"):
            parts = parts[1:]
        return [(name_of(_SPACES.get(which, which.lower()), parts), -1)]
    return []


def _objtype(node: Node, field: str = "objtype") -> str:
    from postgast.pg_query_pb2 import ObjectType

    return str(ObjectType.Name(getattr(node, field)))


def _use(facts: Facts, pairs: list[tuple[Name, int]], change: bool = True) -> None:
    for name, arguments in pairs:
        add_need(facts, name, arguments=arguments)
        if change:
            facts.changes.append(name)


def _comment(facts: Facts, node: Node) -> None:
    _use(facts, object_names(_objtype(node), unwrap(node.object)))


def _owner(facts: Facts, node: Node) -> None:
    field = "object_type"
    pairs = object_names(_objtype(node, field), unwrap(node.object))
    if hasattr(node, "relation") and node.HasField("relation"):
        pairs = [(range_name(node.relation), -1), *pairs]
    _use(facts, pairs)
    _roles(facts, node)


def _move(facts: Facts, node: Node) -> None:
    """RENAME and SET SCHEMA: the old name is gone, a new one is there."""
    rename = type(node).__name__ == "RenameStmt"
    objtype = _objtype(node, "rename_type" if rename else "object_type")
    pairs = object_names(objtype, unwrap(node.object))
    if node.HasField("relation"):
        pairs = [(range_name(node.relation), -1), *pairs]
    for name, arguments in pairs[:1]:
        add_need(facts, name, arguments=arguments)
        if rename and objtype in ("OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_ATTRIBUTE", "OBJECT_TRIGGER",
                                  "OBJECT_POLICY", "OBJECT_RULE", "OBJECT_DOMCONSTRAINT"):  # fmt: skip
            facts.drops.append(_member("column", name, node.subname))
            facts.defines.append(_member("column", name, node.newname))
            facts.changes.append(name)
            continue
        facts.drops.append(name)
        new = Name(name.space, name.schema, node.newname) if rename else Name(name.space, node.newschema, name.name)
        facts.defines.append(new)
        if not rename:
            facts.needs.append(Need(Name("schema", "", node.newschema)))


def _drop(facts: Facts, node: Node) -> None:
    objtype = _objtype(node, "remove_type")
    for item in node.objects:
        for name, _ in object_names(objtype, unwrap(item)):
            facts.drops.append(name)


def _roles(facts: Facts, node: Node) -> None:
    from confiture.sql.grammar import walk

    for item in walk(node):
        if type(item).__name__ == "RoleSpec" and item.rolename:
            facts.needs.append(Need(Name("role", "", item.rolename)))


def _grant(facts: Facts, node: Node) -> None:
    objtype = _objtype(node)
    for item in node.objects:
        pairs = object_names(objtype, unwrap(item))
        _use(facts, pairs)
    if node.targtype == _ALL_IN_SCHEMA:
        # It acts on the objects that are there, whichever these are.
        facts.barrier = True
    _roles(facts, node)


_ALL_IN_SCHEMA = 2  # enum GrantTargetType: ACL_TARGET_ALL_IN_SCHEMA


def _create_table(facts: Facts, node: Node) -> None:
    table = range_name(node.relation)
    facts.defines.append(table)
    for item in node.table_elts:
        column = item.column_def
        if item.WhichOneof("node") == "column_def":
            for constraint in column.constraints:
                _constraint(facts, table, constraint.constraint, (column.colname,))
            if column.HasField("type_name") and column.type_name.names[-1].string.sval.endswith("serial"):
                facts.defines.append(Name("relation", table.schema, f"{table.name}_{column.colname}_seq"))
        elif item.WhichOneof("node") == "constraint":
            _constraint(facts, table, item.constraint)
    for item in node.constraints:
        _constraint(facts, table, item.constraint)
    target = Facts()
    tree_needs(target, node)
    # A table may refer to itself; its own name is defined here.
    facts.needs += [need for need in target.needs if need.name != table and not _is_key_table(facts, need)]
    for item in node.inh_relations:
        add_need(facts, range_name(item.range_var))
    for item in node.table_elts:
        if item.WhichOneof("node") == "table_like_clause":
            add_need(facts, range_name(item.table_like_clause.relation))
    facts.columns |= target.columns
    facts.calls = False  # defaults and checks are stored, not run


def _create_foreign_table(facts: Facts, node: Node) -> None:
    _create_table(facts, node.base_stmt)
    facts.needs.append(Need(Name("server", "", node.servername)))


def _is_key_table(facts: Facts, need: Need) -> bool:
    """Whether the table is already needed by a foreign key, which can be added later: that need stands alone."""
    others = {known.name for known in facts.needs if known.foreign_key}
    return need.name in others


def _constraint(facts: Facts, table: Name, node: Node, columns: tuple[str, ...] = (), inline: bool = True) -> None:
    from postgast.pg_query_pb2 import ConstrType

    kind = ConstrType.Name(node.contype)
    if node.conname:
        facts.defines.append(_member("constraint", table, node.conname))
    keys = string_values(node.keys) or columns
    if kind in ("CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION"):
        facts.defines.append(Name("unique key", table.schema, f"{table.name}({','.join(sorted(keys))})"))
        suffix = "_pkey"
        if kind == "CONSTR_PRIMARY":
            facts.defines.append(Name("primary key", table.schema, table.name))
        else:
            suffix = "_" + "_".join(keys) + ("_key" if kind == "CONSTR_UNIQUE" else "_excl")
        facts.defines.append(Name("relation", table.schema, node.conname or table.name + suffix))
    elif kind == "CONSTR_FOREIGN":
        other = range_name(node.pktable)
        if other == table:
            return
        wanted = string_values(node.pk_attrs)
        if wanted:
            key = Name("unique key", other.schema, f"{other.name}({','.join(sorted(wanted))})")
        else:
            key = Name("primary key", other.schema, other.name)
        facts.needs += [Need(other, foreign_key=inline), Need(key, foreign_key=inline)]
        if other.schema:
            facts.needs.append(Need(Name("schema", "", other.schema), foreign_key=inline))
        if not inline:
            facts.needs.append(Need(table))
    elif kind == "CONSTR_IDENTITY" and columns:
        name = next((string_values(option.def_elem.arg.list.items) for option in node.options
                     if option.def_elem.defname == "sequence_name"), None)  # fmt: skip
        implied = Name("relation", table.schema, f"{table.name}_{columns[0]}_seq")
        facts.defines.append(name_of("relation", name) if name else implied)


def _alter_table(facts: Facts, node: Node) -> None:
    from postgast.pg_query_pb2 import AlterTableType

    table = range_name(node.relation)
    add_need(facts, table)
    facts.changes.append(table)
    tree_needs(facts, node)
    for item in node.cmds:
        command = item.alter_table_cmd
        kind = AlterTableType.Name(command.subtype)
        definition = getattr(command, "def")
        if kind == "AT_AddColumn":
            column = definition.column_def
            facts.defines.append(_member("column", table, column.colname))
            for constraint in column.constraints:
                _constraint(facts, table, constraint.constraint, (column.colname,), inline=False)
        elif kind == "AT_AddConstraint":
            _constraint(facts, table, definition.constraint, inline=False)
            contype = definition.constraint.contype
            if not node.relation.inh and contype in (6, 7):  # enum ConstrType: CONSTR_PRIMARY, CONSTR_UNIQUE
                facts.needs.append(Need(Name("attached", table.schema, table.name), Strength.LIKELY))
        elif kind == "AT_AddIdentity":
            _constraint(facts, table, definition.constraint, (command.name,), inline=False)
        elif kind == "AT_AttachPartition":
            facts.defines.append(Name("attached", table.schema, table.name))
            facts.changes.append(range_name(definition.partition_cmd.name))
        elif kind == "AT_ChangeOwner":
            facts.defines.append(Name("owner", table.schema, table.name))
        elif kind == "AT_DropColumn":
            facts.drops.append(_member("column", table, command.name))
        elif kind in ("AT_ValidateConstraint", "AT_AlterConstraint") and command.name:
            facts.needs.append(Need(_member("constraint", table, command.name)))
        elif kind in ("AT_ClusterOn", "AT_ReplicaIdentity", "AT_EnableTrig", "AT_DisableTrig", "AT_EnableAlwaysTrig"):
            name = command.name or definition.replica_identity_stmt.name
            if name:
                space = "trigger" if "Trig" in kind else "relation"
                need = _member(space, table, name) if space == "trigger" else Name(space, table.schema, name)
                facts.needs.append(Need(need))
        if command.name:
            facts.columns.add(command.name)
    _roles(facts, node)
    facts.calls = False


def _create_index(facts: Facts, node: Node) -> None:
    table = range_name(node.relation)
    tree_needs(facts, node)
    facts.changes.append(table)
    if node.idxname:
        facts.defines.append(Name("relation", table.schema, node.idxname))
    if node.unique:
        keys = sorted(item.index_elem.name for item in node.index_params)
        facts.defines.append(Name("unique key", table.schema, f"{table.name}({','.join(keys)})"))
    if not node.relation.inh:
        facts.needs.append(Need(Name("attached", table.schema, table.name), Strength.LIKELY))


def _create_view(facts: Facts, node: Node) -> None:
    name = range_name(node.view)
    facts.defines.append(name)
    inner = Facts()
    tree_needs(inner, node.query)
    facts.needs += [need for need in inner.needs if need.name != name]
    facts.columns |= inner.columns


def _create_as(facts: Facts, node: Node) -> None:
    facts.defines.append(range_name(node.into.rel))
    tree_needs(facts, node.query)
    facts.calls = True


def _create_sequence(facts: Facts, node: Node) -> None:
    facts.defines.append(range_name(node.sequence))
    _owned_by(facts, node)
    tree_needs(facts, node)
    own = facts.defines[0]
    facts.needs = [need for need in facts.needs if need.name != own]


def _owned_by(facts: Facts, node: Node) -> None:
    for option in node.options:
        if option.def_elem.defname == "owned_by":
            parts = string_values(option.def_elem.arg.list.items)
            if len(parts) > 1:
                table = name_of("relation", parts[:-1])
                add_need(facts, table)
                facts.columns.add(parts[-1])
                # Once it is linked, its owner cannot be changed alone, and both must have the same.
                for owned in (range_name(node.sequence), table):
                    facts.needs.append(Need(owned._replace(space="owner"), Strength.LIKELY))


def _alter_sequence(facts: Facts, node: Node) -> None:
    facts.changes.append(range_name(node.sequence))
    add_need(facts, range_name(node.sequence))
    _owned_by(facts, node)


def _type(field: str) -> Callable[[Facts, Node], None]:
    def handler(facts: Facts, node: Node) -> None:
        facts.defines.append(name_of("type", string_values(getattr(node, field))))
        for child in children(node):
            if type(child).__name__ != "String":
                tree_needs(facts, child)
        facts.calls = False

    return handler


def _composite(facts: Facts, node: Node) -> None:
    facts.defines.append(range_name(node.typevar))
    for item in node.coldeflist:
        tree_needs(facts, item.column_def)


def _alter_enum(facts: Facts, node: Node) -> None:
    name = name_of("type", string_values(node.type_name))
    add_need(facts, name)
    facts.changes.append(name)


def _alter_domain(facts: Facts, node: Node) -> None:
    _alter_enum(facts, node)
    tree_needs(facts, node)
    facts.calls = False


def _create_function(facts: Facts, node: Node) -> None:
    from postgast.pg_query_pb2 import FunctionParameterMode as Mode

    name = name_of("function", string_values(node.funcname))
    facts.defines.append(name)
    least = most = 0
    for item in node.parameters:
        parameter = item.function_parameter
        if parameter.mode in (Mode.FUNC_PARAM_OUT, Mode.FUNC_PARAM_TABLE):
            continue
        most = 1000 if parameter.mode == Mode.FUNC_PARAM_VARIADIC else most + 1
        if not parameter.HasField("defexpr") and parameter.mode != Mode.FUNC_PARAM_VARIADIC:
            least += 1
    facts.overloads = (least, most)
    tree_needs(facts, node)
    facts.calls = False


def _define(facts: Facts, node: Node) -> None:
    """CREATE AGGREGATE, OPERATOR, COLLATION, TYPE and TEXT SEARCH objects."""
    objtype = _objtype(node, "kind")
    space = _SPACES.get(objtype.removeprefix("OBJECT_"), "object")
    facts.defines.append(name_of(space, string_values(node.defnames)))
    if space in ("collation", "configuration", "dictionary", "parser", "template"):
        for item in node.definition:  # their options look like types to the grammar
            if item.def_elem.defname in ("from", "template", "copy", "parser"):
                value = item.def_elem.arg
                parts = string_values(value.type_name.names) if value.HasField("type_name") else ()
                if parts:
                    wanted = space if item.def_elem.defname in ("from", "copy") else item.def_elem.defname
                    add_need(facts, name_of(wanted, parts))
        return
    tree_needs(facts, node)
    facts.calls = False


def _create_trigger(facts: Facts, node: Node) -> None:
    table = range_name(node.relation)
    facts.defines.append(_member("trigger", table, node.trigname))
    facts.changes.append(table)
    add_need(facts, name_of("function", string_values(node.funcname)))
    tree_needs(facts, node)
    facts.columns.update(string_values(node.columns))
    facts.calls = False


def _create_event_trigger(facts: Facts, node: Node) -> None:
    facts.defines.append(Name("event trigger", "", node.trigname))
    add_need(facts, name_of("function", string_values(node.funcname)))
    facts.barrier = True  # from here on it watches every statement


def _create_policy(facts: Facts, node: Node) -> None:
    table = range_name(node.table)
    if type(node).__name__ == "CreatePolicyStmt":
        facts.defines.append(_member("policy", table, node.policy_name))
    else:
        facts.needs.append(Need(_member("policy", table, node.policy_name)))
    facts.changes.append(table)
    tree_needs(facts, node)
    _roles(facts, node)
    facts.calls = False


def _create_rule(facts: Facts, node: Node) -> None:
    table = range_name(node.relation)
    facts.defines.append(_member("rule", table, node.rulename))
    facts.changes.append(table)
    tree_needs(facts, node)
    facts.calls = False


def _create_schema(facts: Facts, node: Node) -> None:
    name = node.schemaname or node.authrole.rolename
    facts.defines.append(Name("schema", "", name))
    facts.early = not node.schema_elts
    for item in node.schema_elts:
        field = item.WhichOneof("node")
        element = getattr(item, field)
        inner = facts_of(type(element).__name__, element, (name, *facts.path))
        for known in inner.defines:
            facts.defines.append(known if known.schema else known._replace(schema=name))
        made = {defined.name for defined in inner.defines}
        facts.needs += [need for need in inner.needs if need.name.schema != name and need.name.name not in made]
    _roles(facts, node)


def _create_extension(facts: Facts, node: Node) -> None:
    facts.defines.append(Name("extension", "", node.extname))
    facts.early = True
    for option in node.options:
        if option.def_elem.defname == "schema":
            facts.needs.append(Need(Name("schema", "", option.def_elem.arg.string.sval)))


def _create_role(facts: Facts, node: Node) -> None:
    facts.defines.append(Name("role", "", node.role))
    facts.early = True
    _roles(facts, node)


def _role_change(facts: Facts, node: Node) -> None:
    _roles(facts, node)
    if hasattr(node, "granted_roles"):
        for item in node.granted_roles:
            facts.needs.append(Need(Name("role", "", item.access_priv.priv_name)))
    for need in facts.needs:
        facts.changes.append(need.name)
    facts.early = True


def _default_privileges(facts: Facts, node: Node) -> None:
    facts.barrier = True  # it holds for what is created after it
    _roles(facts, node)
    for option in node.options:
        if option.def_elem.defname == "schemas":
            for item in option.def_elem.arg.list.items:
                facts.needs.append(Need(Name("schema", "", item.string.sval)))


def _data(facts: Facts, node: Node) -> None:
    """INSERT, UPDATE, DELETE, MERGE, COPY: rows of one table, which triggers and foreign keys look at."""
    tree_needs(facts, node)
    table = range_name(node.relation)
    if hasattr(node, "attlist"):
        facts.columns.update(string_values(node.attlist))
    facts.changes.append(table)
    facts.defines.append(Name("rows", table.schema, table.name))
    facts.calls = True


def _named(space: str, field: str) -> Callable[[Facts, Node], None]:
    def handler(facts: Facts, node: Node) -> None:
        facts.defines.append(Name(space, "", getattr(node, field)))
        tree_needs(facts, node)
        for attribute, wanted in (("fdwname", "wrapper"), ("servername", "server")):
            value = getattr(node, attribute, "")
            if value and attribute != field:
                facts.needs.append(Need(Name(wanted, "", value)))
        _roles(facts, node)

    return handler


def _change_publication(facts: Facts, node: Node) -> None:
    name = Name("publication", "", node.pubname)
    add_need(facts, name)
    facts.changes.append(name)
    tree_needs(facts, node)


def _statistics(facts: Facts, node: Node) -> None:
    facts.defines.append(name_of("statistics", string_values(node.defnames)))
    tree_needs(facts, node)
    for item in node.exprs:
        if item.stats_elem.name:
            facts.columns.add(item.stats_elem.name)


def _function_change(facts: Facts, node: Node) -> None:
    _use(facts, object_names("OBJECT_FUNCTION", node.func))


def _cast(facts: Facts, node: Node) -> None:
    facts.defines.append(Name("cast", "", ""))
    tree_needs(facts, node)
    if node.HasField("func"):
        _use(facts, object_names("OBJECT_FUNCTION", node.func), change=False)


def _operator_class(facts: Facts, node: Node) -> None:
    facts.defines.append(name_of("operator class", string_values(node.opclassname)))
    facts.defines.append(name_of("operator family", string_values(node.opclassname)))
    tree_needs(facts, node.datatype)
    from confiture.sql.dependencies.needs import type_need

    type_need(facts, node.datatype)
    for item in node.items:
        element = item.create_op_class_item
        if element.HasField("name"):
            objtype = "OBJECT_OPERATOR" if element.itemtype == 1 else "OBJECT_FUNCTION"
            _use(facts, object_names(objtype, element.name), change=False)


def _refresh(facts: Facts, node: Node) -> None:
    tree_needs(facts, node)
    facts.changes.append(range_name(node.relation))
    facts.calls = True


_HANDLERS: dict[str, Callable[[Facts, Node], None]] = {
    "AlterDefaultPrivilegesStmt": _default_privileges,
    "AlterDomainStmt": _alter_domain,
    "AlterEnumStmt": _alter_enum,
    "AlterFunctionStmt": _function_change,
    "AlterObjectSchemaStmt": _move,
    "AlterOwnerStmt": _owner,
    "AlterPolicyStmt": _create_policy,
    "AlterPublicationStmt": _change_publication,
    "AlterRoleSetStmt": _role_change,
    "AlterRoleStmt": _role_change,
    "AlterSeqStmt": _alter_sequence,
    "AlterTableStmt": _alter_table,
    "CommentStmt": _comment,
    "CompositeTypeStmt": _composite,
    "CopyStmt": _data,
    "CreateCastStmt": _cast,
    "CreateDomainStmt": _type("domainname"),
    "CreateEnumStmt": _type("type_name"),
    "CreateEventTrigStmt": _create_event_trigger,
    "CreateExtensionStmt": _create_extension,
    "CreateFdwStmt": _named("wrapper", "fdwname"),
    "CreateForeignServerStmt": _named("server", "servername"),
    "CreateForeignTableStmt": _create_foreign_table,
    "CreateFunctionStmt": _create_function,
    "CreateOpClassStmt": _operator_class,
    "CreatePolicyStmt": _create_policy,
    "CreatePublicationStmt": _named("publication", "pubname"),
    "CreateRangeStmt": _type("type_name"),
    "CreateRoleStmt": _create_role,
    "CreateSchemaStmt": _create_schema,
    "CreateSeqStmt": _create_sequence,
    "CreateStatsStmt": _statistics,
    "CreateStmt": _create_table,
    "CreateTableAsStmt": _create_as,
    "CreateTrigStmt": _create_trigger,
    "CreateUserMappingStmt": _named("user mapping", "servername"),
    "DefineStmt": _define,
    "DeleteStmt": _data,
    "DropStmt": _drop,
    "GrantRoleStmt": _role_change,
    "GrantStmt": _grant,
    "IndexStmt": _create_index,
    "InsertStmt": _data,
    "MergeStmt": _data,
    "RefreshMatViewStmt": _refresh,
    "RenameStmt": _move,
    "RuleStmt": _create_rule,
    "SecLabelStmt": _comment,
    "UpdateStmt": _data,
    "ViewStmt": _create_view,
}
