"""ALTER TABLE and its like, one subcommand at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.effects import hazards as kinds
from confiture.sql.effects.columns import add_column, change_expression, change_type, drop_column, set_not_null
from confiture.sql.effects.constraints import (
    add_constraint,
    constraint_named,
    failing_rows,
    kind_of_constraint,
    proves_bound,
    validate,
)
from confiture.sql.effects.found import Found
from confiture.sql.effects.known import Relation, referring
from confiture.sql.effects.locks import (
    ACCESS_EXCLUSIVE,
    ALTER_TABLE,
    SHARE_ROW,
    SHARE_UPDATE,
    LockFact,
    option_lock,
)
from confiture.sql.grammar import GrammarError, enum_names, parse

__all__ = ["alter_table"]

#: What the manual does not except from its rule takes the strongest lock (sql-altertable).
_OTHERWISE = LockFact(ACCESS_EXCLUSIVE, False, "sql-altertable: ACCESS EXCLUSIVE unless explicitly noted")


def alter_table(found: Found, node: Any) -> None:
    """ALTER TABLE, FOREIGN TABLE, VIEW, MATERIALIZED VIEW, INDEX, SEQUENCE, and TYPE of a composite one."""
    table = found.known.named(node.relation)
    object_type = enum_names("ObjectType")[node.objtype]
    for item in node.cmds:
        command = item.alter_table_cmd
        name = enum_names("AlterTableType")[command.subtype]
        if object_type == "OBJECT_TYPE":
            _alter_composite(found, table, command, name)
            continue
        fact = ALTER_TABLE.get(name, _OTHERWISE)
        recurses = fact.recurses and node.relation.inh
        rule = _RULES.get(name)
        if rule is not None:
            rule(found, table, command, recurses)
        else:
            found.lock(table, fact.mode, below=recurses)


def _constraint(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    add_constraint(found, table, getattr(command, "def").constraint, inherits=recurses)


def _validate(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    validate(found, table, command.name, inherits=recurses)


def _drop_constraint(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    found.lock(table, ACCESS_EXCLUSIVE, below=recurses)
    known = table.constraints.get(command.name)
    if known is None:
        return
    if known.held:
        found.lock(found.known.at(known.held), ACCESS_EXCLUSIVE, below=True)
    if known.type in ("primary key", "unique", "exclude"):
        if not table.created:
            found.hazard(kinds.INDEX_DROPPED, f'the index of "{known.name}" goes')
        if enum_names("DropBehavior")[command.behavior] == "DROP_CASCADE":
            for other in referring(found.known, table):
                found.lock(other, ACCESS_EXCLUSIVE)


def _alter_constraint(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    found.lock(table, ACCESS_EXCLUSIVE, below=recurses)
    change = getattr(command, "def").atalter_constraint
    known = table.constraints.get(change.conname)
    if known is None:
        return
    if change.alter_enforceability and change.is_enforced and not known.valid:
        found.scan(table, ACCESS_EXCLUSIVE, below=recurses)
        node = constraint_named(table, known.name)
        query = failing_rows(found.known, table, node, kind_of_constraint(node)) if node is not None else None
        found.fail(table, f'rows of "{table.identity}" may violate "{known.name}"', query)


def _set_not_null(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    set_not_null(found, table, command.name, recurses)


def _copies(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    """SET TABLESPACE, SET LOGGED, SET UNLOGGED: every block is written to a new file (sql-altertable)."""
    found.lock(table, ACCESS_EXCLUSIVE)
    if table.partition_key:
        return
    name = enum_names("AlterTableType")[command.subtype]
    if found.known.complete and table.kind and name == ("AT_SetUnLogged" if table.unlogged else "AT_SetLogged"):
        return  # it is so already
    found.rewrite(table, below=False)


def _access_method(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    found.lock(table, ACCESS_EXCLUSIVE)
    same = bool(table.kind) and (command.name or "heap") == table.access_method
    if not same and not table.partition_key:
        found.rewrite(table, below=False)


def _options(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    names = [item.def_elem.defname for item in getattr(command, "def").list.items]
    found.lock(table, ACCESS_EXCLUSIVE if table.kind == "view" else option_lock(names))


def _inherit(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    found.lock(table, ACCESS_EXCLUSIVE)
    found.lock(found.known.named(getattr(command, "def").range_var), SHARE_UPDATE)


def _attach(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    part = getattr(command, "def").partition_cmd
    child = found.known.named(part.name)
    if child.kind == "index":  # ALTER INDEX ... ATTACH PARTITION
        found.lock(table, SHARE_UPDATE)
        found.lock(child, ACCESS_EXCLUSIVE)
        if child.table is not None:
            found.lock(found.known.relation(*child.table), "ACCESS SHARE")
        return
    found.lock(table, SHARE_UPDATE)
    found.lock(child, ACCESS_EXCLUSIVE, below=True)
    for one in table.constraints.values():
        if one.references:  # the partition gets the same key
            found.lock(found.known.at(one.references), SHARE_ROW, below=True)
    for other in found.known.below(table):
        if table.key in other.parents and other.partition_bound == "DEFAULT":
            found.lock(other, ACCESS_EXCLUSIVE, below=True)
            found.scan(other, ACCESS_EXCLUSIVE)
            found.fail(other, f'rows of the default partition "{other.identity}" may belong to the new one')
    column = _partition_column(table)
    if column is not None and proves_bound(child, column, part.bound):
        return
    if part.bound.is_default and table.kind and not found.known.below(table):
        return  # the only partition takes every row
    found.scan(child, ACCESS_EXCLUSIVE)
    found.fail(child, f'rows of "{child.identity}" may lie outside of the partition\'s bounds')


def _partition_column(table: Relation) -> str | None:
    """The one column that the table is partitioned by; None where it is not one, or nobody knows."""
    if not table.partition_key:
        return None
    try:
        tree = parse(f"CREATE TABLE t () PARTITION BY {table.partition_key}")
    except GrammarError:
        return None
    elements = tree.stmts[0].stmt.create_stmt.partspec.part_params
    return elements[0].partition_elem.name or None if len(elements) == 1 else None


def _detach(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    part = getattr(command, "def").partition_cmd
    child = found.known.named(part.name)
    found.lock(table, SHARE_UPDATE if part.concurrent else ACCESS_EXCLUSIVE)
    found.lock(child, ACCESS_EXCLUSIVE)
    for one in table.constraints.values():
        if one.references:
            found.lock(found.known.at(one.references), SHARE_ROW, below=True)
    for other in found.known.below(table):
        if not part.concurrent and table.key in other.parents and other.partition_bound == "DEFAULT":
            found.lock(other, ACCESS_EXCLUSIVE)
    if found.known.complete and any(
        one.references == table.identity
        for other in found.known.relations.values()
        for one in other.constraints.values()
    ):
        found.fail(child, f'rows may refer to those of "{child.identity}"')
    found.breaks(child, f'the rows of "{child.identity}" are no longer seen through "{table.identity}"')


def _finalize(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    found.lock(table, SHARE_UPDATE)
    found.lock(found.known.named(getattr(command, "def").partition_cmd.name), ACCESS_EXCLUSIVE)


def _row_security(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    found.lock(table, ACCESS_EXCLUSIVE)
    found.hazard(kinds.CHANGES_ACCESS, f'which rows of "{table.identity}" may be seen changes')


def _owner(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    found.lock(table, ACCESS_EXCLUSIVE)
    for sequence in found.known.owned(table):
        found.lock(sequence, ACCESS_EXCLUSIVE)
    found.hazard(kinds.CHANGES_ACCESS, f'"{table.identity}" belongs to another role')


def _alter_composite(found: Found, table: Relation, command: Any, name: str) -> None:
    """ALTER TYPE ... ATTRIBUTE: the values that columns hold are read by the type as it is then."""
    if table.created or name != "AT_DropColumn":
        return
    users = list(found.known.users_of_type(table.schema, table.name))
    for user, _ in users:
        if not user.created:
            found.lose(user, f'the attribute "{command.name}" goes, with its values in "{user.identity}"')
    if not found.known.complete:
        found.lose(None, f'the attribute "{command.name}" goes, with its values in every table')
    found.breaks(table, f'the attribute "{command.name}" of "{table.identity}" goes')


_RULES: dict[str, Callable[[Found, Relation, Any, bool], None]] = {
    "AT_AddColumn": add_column,
    "AT_DropColumn": drop_column,
    "AT_AddConstraint": _constraint,
    "AT_ValidateConstraint": _validate,
    "AT_DropConstraint": _drop_constraint,
    "AT_AlterConstraint": _alter_constraint,
    "AT_SetNotNull": _set_not_null,
    "AT_AlterColumnType": change_type,
    "AT_SetExpression": change_expression,
    "AT_SetTableSpace": _copies,
    "AT_SetLogged": _copies,
    "AT_SetUnLogged": _copies,
    "AT_SetAccessMethod": _access_method,
    "AT_SetRelOptions": _options,
    "AT_ResetRelOptions": _options,
    "AT_AddInherit": _inherit,
    "AT_DropInherit": _inherit,
    "AT_AttachPartition": _attach,
    "AT_DetachPartition": _detach,
    "AT_DetachPartitionFinalize": _finalize,
    "AT_EnableRowSecurity": _row_security,
    "AT_DisableRowSecurity": _row_security,
    "AT_ForceRowSecurity": _row_security,
    "AT_NoForceRowSecurity": _row_security,
    "AT_ChangeOwner": _owner,
}
