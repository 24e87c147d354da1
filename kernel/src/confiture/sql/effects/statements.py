"""What a statement does, by its kind. ``ALTER TABLE`` and ``DROP`` have modules of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.effects import hazards as kinds
from confiture.sql.effects.altering import alter_table
from confiture.sql.effects.constraints import duplicates
from confiture.sql.effects.domains import alter_domain
from confiture.sql.effects.dropping import drop, truncate
from confiture.sql.effects.expressions import sql_of
from confiture.sql.effects.found import Found
from confiture.sql.effects.known import written
from confiture.sql.effects.locks import (
    ACCESS_EXCLUSIVE,
    EXCLUSIVE,
    MODES,
    ROW_EXCLUSIVE,
    ROW_SHARE,
    SHARE,
    SHARE_ROW,
    SHARE_UPDATE,
)
from confiture.sql.effects.renaming import move, rename
from confiture.sql.grammar import children, enum_names, string_values, unwrap, walk

__all__ = ["look_at"]


def look_at(found: Found, node: Any) -> None:
    """Collect what the statement, the concrete message, does. A kind that is not here does nothing to tables."""
    rule = _RULES.get(type(node).__name__)
    if rule is not None:
        rule(found, node)


def _create_table(found: Found, node: Any) -> None:
    if node.if_not_exists and found.known.named(node.relation).kind:
        return
    for each in children(node):
        holder = (item.constraint for item in each.constraints) if type(each).__name__ == "ColumnDef" else (each,)
        for constraint in holder:
            if type(constraint).__name__ == "Constraint" and constraint.HasField("pktable"):
                found.lock(found.known.named(constraint.pktable), SHARE_ROW, below=True)
    for item in node.inh_relations:
        parent = found.known.named(item.range_var)
        if not node.HasField("partbound"):
            found.lock(parent, SHARE_UPDATE)
            continue
        # sql-createtable: PARTITION OF requires ACCESS EXCLUSIVE on the parent, ATTACH PARTITION does not.
        found.lock(parent, ACCESS_EXCLUSIVE)
        for key in parent.constraints.values():
            if key.references:
                found.lock(found.known.at(key.references), SHARE_ROW, below=True)
        for other in found.known.below(parent):
            if parent.key in other.parents and other.partition_bound == "DEFAULT":
                found.lock(other, ACCESS_EXCLUSIVE)
                found.scan(other, ACCESS_EXCLUSIVE)
                found.fail(other, f'rows of the default partition "{other.identity}" may belong to the new one')


def _view(found: Found, node: Any) -> None:
    view = found.known.named(node.view)
    if node.replace and (view.kind or not found.known.complete):
        found.lock(view, ACCESS_EXCLUSIVE)


def _index(found: Found, node: Any) -> None:
    table = found.known.named(node.relation)
    mode = SHARE_UPDATE if node.concurrent else SHARE
    found.lock(table, mode, below=node.relation.inh)
    if node.if_not_exists and node.idxname and found.known.find(table.schema, node.idxname) is not None:
        return
    if not (table.partition_key and not node.relation.inh):
        found.scan(table, mode, below=node.relation.inh)
    if node.unique:
        keys = [written(e.index_elem.name) if e.index_elem.name else f"({sql_of(e.index_elem.expr)})"
                for e in node.index_params]  # fmt: skip
        where = sql_of(node.where_clause) if node.HasField("where_clause") else ""
        query = duplicates(table, keys, nulls=node.nulls_not_distinct, where=where)
        found.fail(table, f'rows of "{table.identity}" may have the same values', query)


def _trigger(found: Found, node: Any) -> None:
    table = found.known.named(node.relation)
    found.lock(table, SHARE_ROW, below=node.row and bool(table.partition_key))
    if node.HasField("constrrel"):
        found.lock(found.known.named(node.constrrel), SHARE_ROW)


def _policy(found: Found, node: Any) -> None:
    table = found.known.named(node.table)
    found.lock(table, ACCESS_EXCLUSIVE)
    found.hazard(kinds.CHANGES_ACCESS, f'which rows of "{table.identity}" may be seen changes')


def _rule(found: Found, node: Any) -> None:
    found.lock(found.known.named(node.relation), ACCESS_EXCLUSIVE)


_RELATIONS = frozenset({"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE", "OBJECT_SEQUENCE",
                        "OBJECT_INDEX"})  # fmt: skip


def _comment(found: Found, node: Any) -> None:
    """COMMENT ON and SECURITY LABEL ON a relation or a column take SHARE UPDATE EXCLUSIVE (explicit-locking)."""
    kind = enum_names("ObjectType")[node.objtype]
    if kind not in _RELATIONS and kind != "OBJECT_COLUMN":
        return
    parts = string_values(unwrap(node.object).items)
    if kind == "OBJECT_COLUMN":
        parts = parts[:-1]
    found.lock(found.known.relation(parts[-2] if len(parts) > 1 else "", parts[-1]), SHARE_UPDATE)


def _statistics(found: Found, node: Any) -> None:
    for item in node.relations:
        if item.HasField("range_var"):
            found.lock(found.known.named(item.range_var), SHARE_UPDATE)


def _refresh(found: Found, node: Any) -> None:
    view = found.known.named(node.relation)
    found.lock(view, EXCLUSIVE if node.concurrent else ACCESS_EXCLUSIVE)
    if not node.concurrent:
        found.rewrite(view)


def _cluster(found: Found, node: Any) -> None:
    if node.HasField("relation"):
        table = found.known.named(node.relation)
        found.lock(table, ACCESS_EXCLUSIVE)
        found.rewrite(table)
    else:
        found.hazard(kinds.UNKNOWN_EFFECTS, "every table that was clustered before is written anew")


def _vacuum(found: Found, node: Any) -> None:
    options = {item.def_elem.defname.lower() for item in node.options}
    for item in node.rels:
        if not item.vacuum_relation.HasField("relation"):
            continue
        table = found.known.named(item.vacuum_relation.relation)
        if node.is_vacuumcmd and "full" in options:
            found.lock(table, ACCESS_EXCLUSIVE, below=True)
            found.rewrite(table)
        else:
            found.lock(table, SHARE_UPDATE, below=not node.is_vacuumcmd)


def _reindex(found: Found, node: Any) -> None:
    kind = enum_names("ReindexObjectType")[node.kind]
    concurrently = any(item.def_elem.defname.lower() == "concurrently" for item in node.params)
    mode = SHARE_UPDATE if concurrently else SHARE
    if not node.HasField("relation"):
        found.hazard(kinds.UNKNOWN_EFFECTS, "every index of the schema or database is built again, under its lock")
        return
    target = found.known.named(node.relation)
    table = found.known.relation(*target.table) if target.table is not None else target
    if kind == "REINDEX_OBJECT_INDEX" and target.table is None and not concurrently:
        mode = ACCESS_EXCLUSIVE  # of the index itself: whose it is, nobody knows
    found.lock(table, mode, below=kind != "REINDEX_OBJECT_INDEX" or bool(table.partition_key))
    found.scan(table, mode)
    if target.unique:
        found.fail(table, f'rows of "{table.identity}" may have the same values')


def _lock_table(found: Found, node: Any) -> None:
    for item in node.relations:
        found.lock(found.known.named(item.range_var), MODES[node.mode], below=item.range_var.inh)


def _write(found: Found, node: Any) -> None:
    table = found.known.named(node.relation)
    found.lock(table, ROW_EXCLUSIVE)
    if type(node).__name__ == "DeleteStmt" or (
        type(node).__name__ == "MergeStmt"
        and any(enum_names("CmdType")[item.merge_when_clause.command_type] == "CMD_DELETE"
                for item in node.merge_when_clauses)
    ):  # fmt: skip
        found.lock(table, ROW_EXCLUSIVE, below=node.relation.inh)
        found.lose(table, f'rows of "{table.identity}" go')
    elif type(node).__name__ == "UpdateStmt":
        found.lock(table, ROW_EXCLUSIVE, below=node.relation.inh)
    _select(found, node)


def _copy(found: Found, node: Any) -> None:
    if node.is_from and node.HasField("relation"):
        found.lock(found.known.named(node.relation), ROW_EXCLUSIVE)


def _select(found: Found, node: Any) -> None:
    """Queries with FOR UPDATE, and WITH queries that write."""
    for each in walk(node):
        name = type(each).__name__
        if name == "SelectStmt" and each.locking_clause:
            _locked_rows(found, each)
        elif name in ("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt") and each is not node:
            found.lock(found.known.named(each.relation), ROW_EXCLUSIVE)
            if name == "DeleteStmt":
                table = found.known.named(each.relation)
                found.lose(table, f'rows of "{table.identity}" go')


def _locked_rows(found: Found, node: Any) -> None:
    for item in node.from_clause:
        for each in walk(unwrap(item)):
            if type(each).__name__ == "RangeVar":
                found.lock(found.known.named(each), ROW_SHARE, below=each.inh)


def _sequence(found: Found, node: Any) -> None:
    found.lock(found.known.named(node.sequence), SHARE_ROW)


def _enum(found: Found, node: Any) -> None:
    if node.old_val and not found.known.made("", string_values(node.type_name)[-1]):
        found.breaks(None, f'the value "{node.old_val}" has another name')


def _access(found: Found, node: Any) -> None:
    found.hazard(kinds.CHANGES_ACCESS, "privileges change")


def _owner(found: Found, node: Any) -> None:
    found.hazard(kinds.CHANGES_ACCESS, "it belongs to another role")


def _publication(found: Found, node: Any) -> None:
    for item in node.pubobjects:
        table = item.publication_obj_spec.pubtable
        if table.HasField("relation"):
            found.lock(found.known.named(table.relation), SHARE_UPDATE, below=table.relation.inh)


def _move_all(found: Found, node: Any) -> None:
    found.hazard(kinds.UNKNOWN_EFFECTS, "every table of the tablespace is copied, under ACCESS EXCLUSIVE")


def _drop_owned(found: Found, node: Any) -> None:
    found.lose(None, "all that the role owns goes, with its rows")
    found.breaks(None, "all that the role owns goes")
    _access(found, node)


def _drop_database(found: Found, node: Any) -> None:
    found.lose(None, f'the database "{node.dbname}" goes, with all its rows')


def _unknown(found: Found, node: Any) -> None:
    found.hazard(kinds.UNKNOWN_EFFECTS, "it runs code, whose effects are not known from the statement's text")


def _explain(found: Found, node: Any) -> None:
    if any(item.def_elem.defname.lower() == "analyze" for item in node.options):
        look_at(found, unwrap(node.query))


def _inner(found: Found, node: Any) -> None:
    for each in node.schema_elts:
        look_at(found, unwrap(each))


_RULES: dict[str, Callable[[Found, Any], None]] = {
    "AlterDefaultPrivilegesStmt": _access,
    "AlterDomainStmt": alter_domain,
    "AlterEnumStmt": _enum,
    "AlterObjectSchemaStmt": move,
    "AlterOwnerStmt": _owner,
    "AlterPolicyStmt": _policy,
    "AlterPublicationStmt": _publication,
    "AlterSeqStmt": _sequence,
    "AlterTableMoveAllStmt": _move_all,
    "AlterTableStmt": alter_table,
    "CallStmt": _unknown,
    "ClusterStmt": _cluster,
    "CommentStmt": _comment,
    "CopyStmt": _copy,
    "CreateForeignTableStmt": lambda found, node: _create_table(found, node.base_stmt),
    "CreatePolicyStmt": _policy,
    "CreatePublicationStmt": _publication,
    "CreateSchemaStmt": _inner,
    "CreateStatsStmt": _statistics,
    "CreateStmt": _create_table,
    "CreateTrigStmt": _trigger,
    "DeleteStmt": _write,
    "DoStmt": _unknown,
    "DropOwnedStmt": _drop_owned,
    "DropStmt": drop,
    "DropdbStmt": _drop_database,
    "ExecuteStmt": _unknown,
    "ExplainStmt": _explain,
    "GrantRoleStmt": _access,
    "GrantStmt": _access,
    "IndexStmt": _index,
    "InsertStmt": _write,
    "LockStmt": _lock_table,
    "MergeStmt": _write,
    "ReassignOwnedStmt": _owner,
    "RefreshMatViewStmt": _refresh,
    "ReindexStmt": _reindex,
    "RenameStmt": rename,
    "RuleStmt": _rule,
    "SecLabelStmt": _comment,
    "SelectStmt": _select,
    "TruncateStmt": truncate,
    "UpdateStmt": _write,
    "VacuumStmt": _vacuum,
    "ViewStmt": _view,
}
