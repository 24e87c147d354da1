"""Expressions in statements: as text, with names replaced, and whether they give another value for every row."""

from __future__ import annotations

from typing import Any

from confiture.sql.effects.known import Known
from confiture.sql.grammar import string_values, unwrap, walk

__all__ = ["cast_chain", "column_names", "constant", "is_volatile", "sql_of", "with_value"]

#: Volatile functions (pg_proc.provolatile) of PostgreSQL and its contrib modules that defaults are made of.
_VOLATILE = frozenset(
    {"random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7", "clock_timestamp", "timeofday", "nextval",
     "setval", "currval", "lastval", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4", "gen_salt",
     "gen_random_bytes", "pg_sleep", "set_config", "txid_current", "pg_current_xact_id", "setseed", "xid8"}
)  # fmt: skip


def sql_of(expression: Any) -> str:
    """The SQL text of an expression: a ``Node``."""
    import postgast
    from postgast import pg_query_pb2 as pb

    select = pb.SelectStmt(limit_option="LIMIT_OPTION_DEFAULT", op="SETOP_NONE")
    select.target_list.add().res_target.val.CopyFrom(expression)
    tree = pb.ParseResult()
    tree.stmts.add().stmt.select_stmt.CopyFrom(select)
    return postgast.deparse(tree).removeprefix("SELECT ")


def with_value(expression: Any, column: str) -> str:
    """The text of a domain's CHECK with the column in the place of VALUE."""
    from postgast import pg_query_pb2 as pb

    copy = pb.Node()
    copy.CopyFrom(expression)
    holder = pb.SelectStmt()
    holder.target_list.add().res_target.val.CopyFrom(copy)
    for node in walk(holder):
        if type(node).__name__ == "ColumnRef" and len(node.fields) == 1 and node.fields[0].string.sval == "value":
            node.fields[0].string.sval = column
    return sql_of(holder.target_list[0].res_target.val)


def is_volatile(expression: Any, known: Known) -> bool:
    """Whether a default must be worked out for every row that is there.

    A function that nobody knows is taken to be volatile, as PostgreSQL takes it where nothing is said.
    """
    from postgast import pg_query_pb2 as pb

    holder = pb.SelectStmt()
    holder.target_list.add().res_target.val.CopyFrom(expression)
    for node in walk(holder):
        if type(node).__name__ != "FuncCall":
            continue
        parts = string_values(node.funcname)
        if parts[-1] in _VOLATILE:
            return True
        if parts[0] == "pg_catalog" and len(parts) > 1:
            continue
        if parts[-1] in known.volatile:
            if known.volatile[parts[-1]] == "volatile":
                return True
        elif len(parts) > 1 or (not known.complete and parts[-1] not in _STEADY):
            return True
    return False


#: Where no schema is at hand: functions that are PostgreSQL's own by any likelihood, stable or immutable.
_STEADY = frozenset(
    {"now", "transaction_timestamp", "statement_timestamp", "date_trunc", "date_part", "make_date", "make_interval",
     "make_timestamp", "make_timestamptz", "timezone", "to_timestamp", "to_date", "to_char", "lower", "upper", "md5",
     "concat", "format", "length", "substr", "substring", "replace", "repeat", "round", "floor", "ceil", "abs",
     "array_fill", "jsonb_build_object", "jsonb_build_array", "json_build_object", "json_build_array", "to_json",
     "to_jsonb", "to_tsvector", "current_setting", "current_schema", "current_database", "int4range", "int8range",
     "numrange",
     "daterange", "tsrange", "tstzrange", "point", "encode", "decode", "string_to_array", "sha256", "coalesce"}
)  # fmt: skip


def column_names(expression: Any) -> set[str]:
    """The names of columns in an expression."""
    from postgast import pg_query_pb2 as pb

    holder = pb.SelectStmt()
    holder.target_list.add().res_target.val.CopyFrom(expression)
    found = set()
    for node in walk(holder):
        if type(node).__name__ == "ColumnRef" and node.fields[-1].string.sval:
            found.add(node.fields[-1].string.sval)
    return found


def cast_chain(expression: Any, column: str) -> list[Any] | None:
    """The ``TypeName``s that the bare column is cast to, the first one first; None where there is more to it."""
    types: list[Any] = []
    node = unwrap(expression)
    while type(node).__name__ == "TypeCast":
        types.insert(0, node.type_name)
        node = unwrap(node.arg)
    if type(node).__name__ == "ColumnRef" and node.fields[-1].string.sval == column:
        return types
    return None


def constant(expression: Any) -> str | None:
    """A constant below casts, as text; None for anything else."""
    node = unwrap(expression)
    while type(node).__name__ == "TypeCast":
        node = unwrap(node.arg)
    if type(node).__name__ != "A_Const" or node.isnull:
        return None
    which = node.WhichOneof("val")
    if which == "ival":
        return str(node.ival.ival)
    if which == "fval":
        return str(node.fval.fval)
    if which == "boolval":
        return str(node.boolval.boolval).lower()
    return str(node.sval.sval) if which == "sval" else None
