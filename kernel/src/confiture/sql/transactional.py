"""Which statements PostgreSQL refuses inside a transaction block.

The list is that of ``PreventInTransactionBlock`` in PostgreSQL 18's sources (``tcop/utility.c`` and the commands it
calls), and DO blocks that commit by themselves. Three cases cannot be known from the text and are taken as
transactional: REINDEX and CLUSTER of a *partitioned* table or index, DROP SUBSCRIPTION of one without a slot is taken
as not transactional, and CALL of a procedure that commits by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from confiture.quoting import quote_literal

if TYPE_CHECKING:
    # A protobuf message of the grammar, such as ``pg_query_pb2.IndexStmt``; the classes have no useful common type.
    Node = Any

__all__ = ["commits_before_use", "why_not_transactional"]


def why_not_transactional(node: Node) -> str | None:
    """Why the parsed statement cannot run in a transaction block, as PostgreSQL calls it; None where it can.

    ``node`` is the concrete statement message (``IndexStmt``), not the ``Node`` around it.
    """
    rule = _RULES.get(type(node).__name__)
    return rule(node) if rule is not None else None


def commits_before_use(node: Node) -> bool:
    """Whether what the statement adds can be used only once its transaction has committed.

    ``ALTER TYPE ... ADD VALUE`` runs in a transaction since PostgreSQL 12, yet using the new label in the same one
    fails with 55P04, unless the type itself was created there.
    """
    return type(node).__name__ == "AlterEnumStmt" and bool(node.new_val) and not node.old_val


def _option(options: Any, name: str) -> Any:
    """The ``DefElem`` of that name, else None."""
    return next((item.def_elem for item in options if item.def_elem.defname.lower() == name), None)


def _is_on(options: Any, name: str, default: bool) -> bool:
    """A boolean option's value as ``defGetBoolean`` reads it: bare means true."""
    option = _option(options, name)
    if option is None:
        return default
    return _text(option).lower() in ("", "true", "on", "1", "yes", "t", "y", "tr", "tru", "ye")


def _text(option: Any) -> str:
    """An option's value as written; a bare word is a type's name to the grammar, no value at all is ""."""
    value = option.arg
    which = value.WhichOneof("node")
    if which == "string":
        return str(value.string.sval)
    if which == "type_name":
        return str(value.type_name.names[-1].string.sval)
    if which == "integer":
        return str(value.integer.ival)
    if which == "boolean":
        return str(value.boolean.boolval)
    return ""


def _do(node: Node) -> str | None:
    """A DO block that commits, as a backfill in batches does: PostgreSQL refuses the COMMIT in it (2D000)."""
    body = next((item.def_elem.arg.string.sval for item in node.args if item.def_elem.defname == "as"), "")
    language = next((item.def_elem.arg.string.sval for item in node.args if item.def_elem.defname == "language"), "")
    if language not in ("", "plpgsql") or not any(word in body.lower() for word in ("commit", "rollback")):
        return None
    import postgast

    try:
        tree = postgast.parse_plpgsql(f"DO {quote_literal(body)}")
    except postgast.PgQueryError:
        return None  # PostgreSQL says what is wrong with it
    return "DO with COMMIT in it" if _commits(tree) else None


def _commits(tree: Any) -> bool:
    if isinstance(tree, dict):
        return "PLpgSQL_stmt_commit" in tree or "PLpgSQL_stmt_rollback" in tree or any(map(_commits, tree.values()))
    return isinstance(tree, list) and any(map(_commits, tree))


def _always(what: str) -> Callable[[Node], str | None]:
    return lambda node: what


def _index(node: Node) -> str | None:
    return "CREATE INDEX CONCURRENTLY" if node.concurrent else None


def _drop(node: Node) -> str | None:
    return "DROP INDEX CONCURRENTLY" if node.concurrent else None


def _reindex(node: Node) -> str | None:
    if _is_on(node.params, "concurrently", False):
        return "REINDEX CONCURRENTLY"
    kinds = {3: "REINDEX SCHEMA", 4: "REINDEX SYSTEM", 5: "REINDEX DATABASE"}  # enum ReindexObjectType, 1: index
    return kinds.get(node.kind)


def _vacuum(node: Node) -> str | None:
    return "VACUUM" if node.is_vacuumcmd else None


def _cluster(node: Node) -> str | None:
    return None if node.HasField("relation") else "CLUSTER"


def _discard(node: Node) -> str | None:
    return "DISCARD ALL" if node.target == 1 else None  # enum DiscardMode, 1: DISCARD_ALL


def _alter_database(node: Node) -> str | None:
    return "ALTER DATABASE SET TABLESPACE" if _option(node.options, "tablespace") is not None else None


def _alter_table(node: Node) -> str | None:
    for item in node.cmds:
        definition = getattr(item.alter_table_cmd, "def")
        if definition.WhichOneof("node") == "partition_cmd" and definition.partition_cmd.concurrent:
            return "ALTER TABLE ... DETACH PARTITION CONCURRENTLY"
    return None


def _create_subscription(node: Node) -> str | None:
    # create_slot defaults to connect (parse_subscription_options).
    if _is_on(node.options, "create_slot", _is_on(node.options, "connect", True)):
        return "CREATE SUBSCRIPTION ... WITH (create_slot = true)"
    return None


def _alter_subscription(node: Node) -> str | None:
    from postgast import pg_query_pb2 as pb

    kind = pb.AlterSubscriptionType.Name(node.kind)
    if kind == "ALTER_SUBSCRIPTION_REFRESH":
        return "ALTER SUBSCRIPTION ... REFRESH"
    if kind in ("ALTER_SUBSCRIPTION_SET_PUBLICATION", "ALTER_SUBSCRIPTION_ADD_PUBLICATION",
                "ALTER_SUBSCRIPTION_DROP_PUBLICATION") and _is_on(node.options, "refresh", True):  # fmt: skip
        return "ALTER SUBSCRIPTION with refresh"
    if kind == "ALTER_SUBSCRIPTION_OPTIONS":
        for name in ("failover", "two_phase"):
            if _option(node.options, name) is not None:
                return f"ALTER SUBSCRIPTION ... SET ({name})"
    return None


def _transaction(node: Node) -> str | None:
    from postgast import pg_query_pb2 as pb

    kind = pb.TransactionStmtKind.Name(node.kind)
    return {
        "TRANS_STMT_COMMIT_PREPARED": "COMMIT PREPARED",
        "TRANS_STMT_ROLLBACK_PREPARED": "ROLLBACK PREPARED",
    }.get(kind)


_RULES: dict[str, Callable[[Node], str | None]] = {
    "AlterDatabaseStmt": _alter_database,
    "AlterSubscriptionStmt": _alter_subscription,
    "AlterSystemStmt": _always("ALTER SYSTEM"),
    "AlterTableStmt": _alter_table,
    "ClusterStmt": _cluster,
    "CreateSubscriptionStmt": _create_subscription,
    "CreateTableSpaceStmt": _always("CREATE TABLESPACE"),
    "CreatedbStmt": _always("CREATE DATABASE"),
    "DiscardStmt": _discard,
    "DoStmt": _do,
    "DropStmt": _drop,
    "DropSubscriptionStmt": _always("DROP SUBSCRIPTION"),
    "DropTableSpaceStmt": _always("DROP TABLESPACE"),
    "DropdbStmt": _always("DROP DATABASE"),
    "IndexStmt": _index,
    "ReindexStmt": _reindex,
    "TransactionStmt": _transaction,
    "VacuumStmt": _vacuum,
}
