"""CREATE and ALTER TABLE, their constraints, foreign tables and indexes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.dependencies.extract.objects import role_needs
from confiture.sql.dependencies.facts import Facts, Name, Need, Strength
from confiture.sql.dependencies.needs import add_need, member, name_of, range_name, type_need
from confiture.sql.dependencies.trees import tree_needs, trees_needs
from confiture.sql.grammar import branches, enum_names, string_values

__all__ = ["HANDLERS"]

Node = Any

#: Constraints of a column of which only an expression can refer to anything.
_EXPRESSIONS = frozenset({"CONSTR_CHECK", "CONSTR_DEFAULT", "CONSTR_GENERATED"})


def _create_table(facts: Facts, node: Node) -> None:
    table = range_name(node.relation)
    facts.defines.append(table)
    target = Facts()
    parts: list[Node] = []  # what may refer to something
    bases = [item.range_var for item in node.inh_relations]
    parts += bases
    for item in node.table_elts:
        field = item.WhichOneof("node")
        element = getattr(item, field)
        if field == "column_def":
            _column(facts, target, parts, table, element)
            continue
        parts.append(element)
        if field == "constraint":
            _constraint(facts, table, element)
        elif field == "table_like_clause":
            bases.append(element.relation)
    for item in node.constraints:
        _constraint(facts, table, item.constraint)
        parts.append(item.constraint)
    for field in ("partbound", "partspec", "of_typename"):
        if node.HasField(field):
            parts.append(getattr(node, field))
    parts += [item.def_elem for item in node.options]
    trees_needs(target, parts)
    # A table may refer to itself; its own name is defined here. What a foreign key needs stands alone: it can be
    # added later.
    left_out = {table, *(need.name for need in facts.needs if need.foreign_key)}
    facts.needs += [need for need in target.needs if need.name not in left_out]
    for base in bases:
        add_need(facts, range_name(base))
        if node.HasField("partbound"):
            facts.defines.append(range_name(base, "attached"))
    if node.access_method:
        facts.needs.append(Need(Name("access method", "", node.access_method)))
    facts.columns |= target.columns
    facts.calls = False  # defaults and checks are stored, not run


def _column(facts: Facts, target: Facts, parts: list[Node], table: Name, node: Node) -> None:
    """A column of CREATE TABLE: what it defines into ``facts``, its type's need into ``target``, the rest to read."""
    own = node.colname
    if node.HasField("type_name"):
        kind = node.type_name
        names = type_need(target, kind)
        if names and names[-1].endswith("serial"):
            facts.defines.append(Name("relation", table.schema, f"{table.name}_{own}_seq"))
        if kind.typmods:
            parts += branches(kind.typmods)
    if node.HasField("coll_clause"):
        parts.append(node.coll_clause)
    for item in node.constraints:
        constraint = item.constraint
        which = enum_names("ConstrType")[constraint.contype]
        if which in _EXPRESSIONS:
            if constraint.conname:
                facts.defines.append(member("constraint", table, constraint.conname))
            parts += branches((constraint.raw_expr,))
        else:
            _constraint(facts, table, constraint, (own,))
            if which == "CONSTR_FOREIGN" or constraint.options:
                parts.append(constraint)


def _create_foreign_table(facts: Facts, node: Node) -> None:
    _create_table(facts, node.base_stmt)
    facts.needs.append(Need(Name("server", "", node.servername)))


def _constraint(facts: Facts, table: Name, node: Node, columns: tuple[str, ...] = (), inline: bool = True) -> None:
    kind = enum_names("ConstrType")[node.contype]
    if node.conname:
        facts.defines.append(member("constraint", table, node.conname))
    if kind in ("CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION"):
        keys = string_values(node.keys) or columns
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
    table = range_name(node.relation)
    add_need(facts, table)
    facts.changes.append(table)
    tree_needs(facts, node)
    for item in node.cmds:
        command = item.alter_table_cmd
        kind = enum_names("AlterTableType")[command.subtype]
        definition = getattr(command, "def")
        if kind == "AT_AddColumn":
            column = definition.column_def
            facts.defines.append(member("column", table, column.colname))
            for constraint in column.constraints:
                _constraint(facts, table, constraint.constraint, (column.colname,), inline=False)
        elif kind == "AT_AddConstraint":
            _constraint(facts, table, definition.constraint, inline=False)
            added = enum_names("ConstrType")[definition.constraint.contype]
            if not node.relation.inh and added in ("CONSTR_PRIMARY", "CONSTR_UNIQUE"):
                facts.needs.append(Need(Name("attached", table.schema, table.name), Strength.LIKELY))
        elif kind == "AT_AddIdentity":
            _constraint(facts, table, definition.constraint, (command.name,), inline=False)
        elif kind == "AT_AttachPartition":
            facts.defines.append(Name("attached", table.schema, table.name))
            facts.changes.append(range_name(definition.partition_cmd.name))
        elif kind == "AT_ChangeOwner":
            facts.defines.append(Name("owner", table.schema, table.name))
        elif kind == "AT_DropColumn":
            facts.drops.append(member("column", table, command.name))
        elif kind in ("AT_ValidateConstraint", "AT_AlterConstraint") and command.name:
            facts.needs.append(Need(member("constraint", table, command.name)))
        elif kind in ("AT_ClusterOn", "AT_ReplicaIdentity", "AT_EnableTrig", "AT_DisableTrig", "AT_EnableAlwaysTrig"):
            name = command.name or definition.replica_identity_stmt.name
            if name:
                space = "trigger" if "Trig" in kind else "relation"
                need = member(space, table, name) if space == "trigger" else Name(space, table.schema, name)
                facts.needs.append(Need(need))
        if command.name:
            facts.columns.add(command.name)
    role_needs(facts, node)
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


def _statistics(facts: Facts, node: Node) -> None:
    facts.defines.append(name_of("statistics", string_values(node.defnames)))
    tree_needs(facts, node)
    for item in node.exprs:
        if item.stats_elem.name:
            facts.columns.add(item.stats_elem.name)


HANDLERS: dict[str, Callable[[Facts, Node], None]] = {
    "AlterTableStmt": _alter_table,
    "CreateForeignTableStmt": _create_foreign_table,
    "CreateStatsStmt": _statistics,
    "CreateStmt": _create_table,
    "IndexStmt": _create_index,
}
