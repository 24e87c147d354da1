"""Functions that an expression calls: which give another result each time, which are aggregates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from confiture.sql.grammar import children, enum_names, walk
from confiture_schema_to_schema.compiling import trees

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Functions", "calls", "read_functions"]

_FUNCTIONS = """
SELECT n.nspname::text AS schema, p.proname::text AS name, p.provolatile::text AS volatility, p.prokind::text AS kind,
       p.pronargs - p.pronargdefaults AS least,
       CASE WHEN p.provariadic = 0 THEN p.pronargs::integer END AS most
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE p.proname = ANY($1::text[])
"""
#: Stable within a statement or a transaction, and another in the next one: each chunk has its own.
_OF_THE_MOMENT: Final = frozenset(
    {"now", "transaction_timestamp", "statement_timestamp", "txid_current", "txid_current_if_assigned"}
    | {"txid_current_snapshot", "pg_current_xact_id", "pg_current_xact_id_if_assigned", "pg_current_snapshot"}
    | {"pg_backend_pid", "current_query", "inet_client_addr", "inet_client_port", "pg_export_snapshot"}
)
#: Strings that a date or a timestamp reads as a moment.
_MOMENTS: Final = frozenset({"now", "today", "tomorrow", "yesterday"})
_TIMES: Final = frozenset({"date", "time", "timetz", "timestamp", "timestamptz"})


class Functions(msgspec.Struct, frozen=True):
    """What pg_proc of the source says, by bare name: schema, volatility, kind, least and most arguments."""

    rows: Mapping[str, tuple[tuple[str, str, str, int, int | None], ...]]

    def _of(self, call: Any) -> list[tuple[str, str]]:
        """Volatility and kind of all that a call may mean."""
        names = [each.string.sval for each in call.funcname]
        count = len(call.args) + (len(call.agg_order) if call.agg_within_group else 0)
        return [
            (volatility, kind)
            for schema, volatility, kind, least, most in self.rows.get(names[-1], ())
            if (len(names) == 1 or names[-2] == schema) and least <= count and (most is None or count <= most)
        ]

    def volatile(self, written: Iterable[Any]) -> tuple[str, ...]:
        """Names of those whose result is another one each time, or in each transaction."""
        found: dict[str, None] = {}
        for node in (each for tree in written for each in walk(_message(tree))):
            kind = node.DESCRIPTOR.name
            if kind == "FuncCall":
                name = node.funcname[-1].string.sval
                own = any(volatility == "v" for volatility, _ in self._of(node))
                moment = name in _OF_THE_MOMENT or (name == "age" and len(node.args) == 1)
                if own or moment:
                    found[f"{name}()"] = None
            elif kind == "SQLValueFunction":
                name = enum_names("SQLValueFunctionOp")[node.op].removeprefix("SVFOP_").lower()
                found[name.removesuffix("_n")] = None
            elif kind == "TypeCast" and node.type_name.names[-1].string.sval in _TIMES:
                text = (trees.literal_text(trees.without_cast(node.arg)) or "").strip().lower()
                found |= {f"'{text}'": None} if text in _MOMENTS else {}
        return tuple(found)

    def immutable(self, tree: Any) -> bool:
        """Whether nothing that it calls depends on anything but its arguments."""
        if self.volatile([tree]):
            return False
        return all(
            bool(of := self._of(node)) and all(volatility == "i" for volatility, _ in of) for node in calls(tree)
        )

    def aggregates(self, select: Any) -> bool:
        """Whether the SELECT itself has an aggregate, so that a row of it is many."""
        stack = children(select)
        while stack:
            node = stack.pop()
            if node.DESCRIPTOR.name == "SelectStmt":
                continue  # a subquery's
            if node.DESCRIPTOR.name == "FuncCall" and not node.HasField("over"):
                if node.agg_star or node.agg_within_group or any(kind == "a" for _, kind in self._of(node)):
                    return True
            elif node.DESCRIPTOR.name in ("JsonObjectAgg", "JsonArrayAgg"):
                return True
            stack += children(node)
        return False


def calls(tree: Any) -> Iterator[Any]:
    """The ``FuncCall`` nodes of a tree."""
    return (node for node in walk(_message(tree)) if node.DESCRIPTOR.name == "FuncCall")


def _message(tree: Any) -> Any:
    return getattr(tree, tree.WhichOneof("node")) if tree.DESCRIPTOR.name == "Node" else tree


async def read_functions(source: Connection, written: Iterable[Any]) -> Functions:
    """Ask the source about every function that is called there."""
    names = {call.funcname[-1].string.sval for tree in written for call in calls(tree)}
    rows: dict[str, list[tuple[str, str, str, int, int | None]]] = {}
    for row in await source.fetch(_FUNCTIONS, list(names)) if names else []:
        rows.setdefault(row["name"], []).append(
            (row["schema"], row["volatility"], row["kind"], row["least"], row["most"])
        )
    return Functions({name: tuple(each) for name, each in rows.items()})
