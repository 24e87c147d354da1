"""Follows a plan: what the database is like once a statement has run, as far as later statements need to know.

A column that a validated CHECK has proved, a table with a new name, an enum made a line above: without these, the
statements of an online plan would be taken for what they would be on their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.effects.constraints import kind_of_constraint
from confiture.sql.effects.expressions import column_names
from confiture.sql.effects.known import (
    Column,
    Constraint,
    Known,
    Relation,
    describe_index,
    identity_of,
    read_index,
)
from confiture.sql.effects.types import type_text
from confiture.sql.grammar import enum_names, string_values, unwrap

__all__ = ["follow"]

_CONSTRAINTS = {"CHECK": "check", "NOTNULL": "not null", "PRIMARY": "primary key", "UNIQUE": "unique",
                "FOREIGN": "foreign key", "EXCLUSION": "exclude"}  # fmt: skip


def follow(known: Known, node: Any) -> None:
    """The statement has run."""
    rule = _RULES.get(type(node).__name__)
    if rule is not None:
        rule(known, node)


def _make(known: Known, var: Any, kind: str) -> Relation | None:
    """A new relation; None where it was there already (IF NOT EXISTS, OR REPLACE)."""
    there = known.named(var)
    if there.kind or there.schema == "pg_temp":
        return None
    made = Relation(there.schema, there.name, there.identity, kind, created=True)
    known.add(made)
    return made


def _create_table(known: Known, node: Any) -> None:
    table = _make(known, node.relation, "table")
    if table is None:
        return
    if node.inh_relations:
        known.remove(table)
        table.parents += [known.named(item.range_var).key for item in node.inh_relations]
        known.add(table)
    if node.HasField("partspec"):
        table.partition_key = "?"
    if node.HasField("partbound"):
        table.partition_bound = "DEFAULT" if node.partbound.is_default else "?"
    for item in node.table_elts:
        each = unwrap(item)
        if type(each).__name__ == "ColumnDef":
            _add_column(known, table, each)
        elif type(each).__name__ == "Constraint":
            _add_constraint(known, table, each)


def _create_as(known: Known, node: Any) -> None:
    _make(known, node.into.rel, "materialized view" if enum_names("ObjectType")[node.objtype] == "OBJECT_MATVIEW"
          else "table")  # fmt: skip


def _view(known: Known, node: Any) -> None:
    _make(known, node.view, "view")


def _sequence(known: Known, node: Any) -> None:
    _make(known, node.sequence, "sequence")


def _index(known: Known, node: Any) -> None:
    table = known.named(node.relation)
    if not node.idxname or known.find(table.schema, node.idxname) is not None:
        return

    made = Relation(table.schema, node.idxname, identity_of(table.schema, node.idxname), "index", created=True)
    made.table = table.key
    describe_index(made, node)
    known.add(made)


def _add_column(known: Known, table: Relation, definition: Any) -> None:
    column = Column(definition.colname, type_text(definition.type_name), created=True)
    table.columns[column.name] = column
    for item in definition.constraints:
        kind = kind_of_constraint(item.constraint)
        if kind in ("NOTNULL", "PRIMARY", "IDENTITY"):
            column.not_null = True
        elif kind == "GENERATED":
            column.generated = "virtual" if item.constraint.generated_kind == "v" else "stored"
        if kind in _CONSTRAINTS:
            _add_constraint(known, table, item.constraint, column.name)


def _add_constraint(known: Known, table: Relation, node: Any, column: str = "") -> None:
    kind = kind_of_constraint(node)
    columns = string_values(node.fk_attrs) or string_values(node.keys) or ((column,) if column else ())
    if kind == "CHECK":
        columns = tuple(sorted(column_names(node.raw_expr)))
    references = known.named(node.pktable).identity if node.HasField("pktable") else ""
    enforced = kind not in ("CHECK", "FOREIGN") or node.is_enforced
    valid = not node.skip_validation and enforced
    if node.indexname and (index := known.find(table.schema, node.indexname)) is not None:
        columns = read_index(index).keys
    if valid and kind in ("NOTNULL", "PRIMARY"):
        for name in columns:
            table.columns.setdefault(name, Column(name)).not_null = True
    name = node.conname or f"{table.name}_{'_'.join(columns)}_{_SUFFIXES.get(kind, '')}"
    added = Constraint(name, _CONSTRAINTS.get(kind, ""), "", columns, references, valid, enforced)
    # Of a column's own constraint the node does not name the column.
    added.node = node if kind == "CHECK" or not column else None
    table.constraints[name] = added


_SUFFIXES = {"CHECK": "check", "PRIMARY": "pkey", "UNIQUE": "key", "FOREIGN": "fkey", "EXCLUSION": "excl",
             "NOTNULL": "not_null"}  # fmt: skip


def _alter_table(known: Known, node: Any) -> None:
    table = known.named(node.relation)
    if not table.kind and enum_names("ObjectType")[node.objtype] != "OBJECT_TYPE":
        # Nobody had said anything of it; from now on something is known. It is no table made by the plan.
        table.kind = "table" if known.complete else ""
        known.add(table)
    for item in node.cmds:
        command = item.alter_table_cmd
        rule = _COMMANDS.get(enum_names("AlterTableType")[command.subtype])
        if rule is not None:
            for one in (table, *(known.below(table) if node.relation.inh else ())):
                rule(known, one, command)


def _column_added(known: Known, table: Relation, command: Any) -> None:
    definition = getattr(command, "def").column_def
    if definition.colname not in table.columns:
        _add_column(known, table, definition)


def _column_dropped(known: Known, table: Relation, command: Any) -> None:
    table.columns.pop(command.name, None)
    for one in list(table.constraints.values()):
        if command.name in one.columns:
            del table.constraints[one.name]
    for index in known.indexes(table):
        if command.name in index.keys or command.name in index.mentioned:
            known.remove(index)


def _type_changed(known: Known, table: Relation, command: Any) -> None:
    column = table.columns.setdefault(command.name, Column(command.name))
    column.type = type_text(getattr(command, "def").column_def.type_name)


def _not_null(known: Known, table: Relation, command: Any) -> None:
    table.columns.setdefault(command.name, Column(command.name)).not_null = True


def _nullable(known: Known, table: Relation, command: Any) -> None:
    table.columns.setdefault(command.name, Column(command.name)).not_null = False
    for one in list(table.constraints.values()):
        if one.type == "not null" and command.name in one.columns:
            del table.constraints[one.name]


def _constraint_added(known: Known, table: Relation, command: Any) -> None:
    _add_constraint(known, table, getattr(command, "def").constraint)


def _constraint_dropped(known: Known, table: Relation, command: Any) -> None:
    gone = table.constraints.pop(command.name, None)
    if gone is not None and gone.type == "not null":
        for name in gone.columns:
            if name in table.columns:
                table.columns[name].not_null = False


def _validated(known: Known, table: Relation, command: Any) -> None:
    one = table.constraints.get(command.name)
    if one is not None:
        one.valid = True
        if one.type == "not null":
            for name in one.columns:
                table.columns.setdefault(name, Column(name)).not_null = True


def _attached(known: Known, table: Relation, command: Any) -> None:
    part = getattr(command, "def").partition_cmd
    child = known.named(part.name)
    if child.kind:
        known.remove(child)
        child.parents.append(table.key)
        child.partition_bound = "DEFAULT" if part.bound.is_default else "?"
        known.add(child)


def _detached(known: Known, table: Relation, command: Any) -> None:
    child = known.named(getattr(command, "def").partition_cmd.name)
    if table.key in child.parents:
        known.remove(child)
        child.parents.remove(table.key)
        child.partition_bound = ""
        known.add(child)


def _logged(known: Known, table: Relation, command: Any) -> None:
    table.unlogged = enum_names("AlterTableType")[command.subtype] == "AT_SetUnLogged"


def _expression_dropped(known: Known, table: Relation, command: Any) -> None:
    if command.name in table.columns:
        table.columns[command.name].generated = ""


_COMMANDS: dict[str, Callable[[Known, Relation, Any], None]] = {
    "AT_AddColumn": _column_added,
    "AT_DropColumn": _column_dropped,
    "AT_AlterColumnType": _type_changed,
    "AT_SetNotNull": _not_null,
    "AT_DropNotNull": _nullable,
    "AT_AddConstraint": _constraint_added,
    "AT_DropConstraint": _constraint_dropped,
    "AT_ValidateConstraint": _validated,
    "AT_AttachPartition": _attached,
    "AT_DetachPartition": _detached,
    "AT_SetLogged": _logged,
    "AT_SetUnLogged": _logged,
    "AT_DropExpression": _expression_dropped,
}


def _rename(known: Known, node: Any) -> None:
    kind = enum_names("ObjectType")[node.rename_type]
    if node.HasField("relation") and kind in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX",
                                              "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE"):  # fmt: skip
        table = known.named(node.relation)
        if table.kind:
            known.rename(table, table.schema, node.newname)
    elif kind == "OBJECT_COLUMN":
        table = known.named(node.relation)
        for one in (table, *known.below(table)):
            _rename_column(known, one, node.subname, node.newname)
    elif kind == "OBJECT_TABCONSTRAINT":
        table = known.named(node.relation)
        constraint = table.constraints.pop(node.subname, None)
        if constraint is not None:
            constraint.name = node.newname
            table.constraints[node.newname] = constraint
    elif kind == "OBJECT_SCHEMA":
        for one in [each for each in known.relations.values() if each.schema == node.subname]:
            if one.kind != "index":
                known.rename(one, node.newname, one.name)
        known.enums = {(_new(key[0], node), key[1]): labels for key, labels in known.enums.items()}
        known.domains = {(_new(key[0], node), key[1]): domain for key, domain in known.domains.items()}
    elif kind in ("OBJECT_TYPE", "OBJECT_DOMAIN"):
        _rename_type(known, string_values(unwrap(node.object).items), node.newname)


def _new(name: str, node: Any) -> str:
    return str(node.newname) if name == node.subname else name


def _rename_column(known: Known, table: Relation, old: str, new: str) -> None:
    column = table.columns.pop(old, None)
    if column is None:
        return
    column.name = new
    table.columns[new] = column
    for one in table.constraints.values():
        if old in one.columns:
            one.columns = tuple(new if name == old else name for name in one.columns)
            one.definition, one.node = "", None  # its text names the column as it was
    for index in known.indexes(table):
        index.keys = tuple(new if name == old else name for name in index.keys)
        if old in index.mentioned:
            index.mentioned = index.mentioned - {old} | {new}


def _rename_type(known: Known, parts: tuple[str, ...], new: str) -> None:
    schema, old = (parts[-2] if len(parts) > 1 else "public"), parts[-1]
    users = list(known.users_of_type(schema, old))
    labels = known.enums.pop((schema, old), None)
    if labels is not None:
        known.enums[(schema, new)] = labels
    domain = known.domains.pop((schema, old), None)
    if domain is not None:
        known.domains[(schema, new)] = domain
    if (schema, old) in known.made_types:
        known.made_types.remove((schema, old))
        known.made_types.add((schema, new))

    known.renamed_types.discard((schema, old))
    known.renamed_types.add((schema, new))
    for _, column in users:
        column.type = identity_of(schema, new) + ("[]" if (column.type or "").endswith("[]") else "")


def _move(known: Known, node: Any) -> None:
    if node.HasField("relation"):
        table = known.named(node.relation)
        if table.kind:
            known.rename(table, node.newschema, table.name)


def _drop(known: Known, node: Any) -> None:
    kind = enum_names("ObjectType")[node.remove_type]
    for item in node.objects:
        target = unwrap(item)
        name = type(target).__name__
        if name == "List":
            parts = string_values(target.items)
        elif name == "TypeName":
            parts = string_values(target.names)
        else:
            continue
        schema = parts[-2] if len(parts) > 1 else ""
        if kind in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX", "OBJECT_SEQUENCE",
                    "OBJECT_FOREIGN_TABLE"):  # fmt: skip
            gone = known.find(schema, parts[-1])
            if gone is not None:
                for index in known.indexes(gone):
                    known.remove(index)
                known.remove(gone)
        elif kind in ("OBJECT_TYPE", "OBJECT_DOMAIN"):
            known.enums.pop((schema or "public", parts[-1]), None)
            known.domains.pop((schema or "public", parts[-1]), None)
            known.made_types.discard((schema or "public", parts[-1]))
            known.renamed_types.discard((schema or "public", parts[-1]))


def _type_key(parts: tuple[str, ...]) -> tuple[str, str]:
    return (parts[-2] if len(parts) > 1 else "public", parts[-1])


def _create_enum(known: Known, node: Any) -> None:
    key = _type_key(string_values(node.type_name))
    known.enums[key] = string_values(node.vals)
    known.made_types.add(key)


def _alter_enum(known: Known, node: Any) -> None:
    key = _type_key(string_values(node.type_name))
    labels = known.enums.get(key)
    if labels is None:
        return
    if node.old_val:
        known.enums[key] = tuple(node.new_val if label == node.old_val else label for label in labels)
    elif node.new_val not in labels:
        known.enums[key] = (*labels, node.new_val)


def _create_domain(known: Known, node: Any) -> None:
    key = _type_key(string_values(node.domainname))
    checked = any(kind_of_constraint(item.constraint) in ("CHECK", "NOTNULL") for item in node.constraints)
    known.domains[key] = (type_text(node.type_name), checked)
    known.made_types.add(key)


def _create_composite(known: Known, node: Any) -> None:
    known.made_types.add((node.typevar.schemaname or "public", node.typevar.relname))


def _create_range(known: Known, node: Any) -> None:
    known.made_types.add(_type_key(string_values(node.type_name)))


def _create_schema(known: Known, node: Any) -> None:
    if not node.if_not_exists:
        known.made_schemas.add(node.schemaname or node.authrole.rolename)
    for item in node.schema_elts:
        follow(known, unwrap(item))


def _create_function(known: Known, node: Any) -> None:
    said = "volatile"
    for item in node.options:
        if item.def_elem.defname == "volatility":
            said = item.def_elem.arg.string.sval
    name = string_values(node.funcname)[-1]
    # Of several of one name only some may be new.
    if name not in known.volatile and (known.complete or not node.replace):
        known.made_functions.add(name)
    known.volatile[name] = said


_RULES: dict[str, Callable[[Known, Any], None]] = {
    "AlterEnumStmt": _alter_enum,
    "AlterObjectSchemaStmt": _move,
    "AlterTableStmt": _alter_table,
    "CompositeTypeStmt": _create_composite,
    "CreateDomainStmt": _create_domain,
    "CreateEnumStmt": _create_enum,
    "CreateForeignTableStmt": lambda known, node: _create_table(known, node.base_stmt),
    "CreateFunctionStmt": _create_function,
    "CreateRangeStmt": _create_range,
    "CreateSchemaStmt": _create_schema,
    "CreateSeqStmt": _sequence,
    "CreateStmt": _create_table,
    "CreateTableAsStmt": _create_as,
    "DropStmt": _drop,
    "IndexStmt": _index,
    "RenameStmt": _rename,
    "ViewStmt": _view,
}
