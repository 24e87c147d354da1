"""PostgreSQL's own grammar (libpg_query through ``postgast``), with the binding's traps taken care of.

``postgast`` takes 100 ms to import: this module does so on first use. It is the only one that calls the parser.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from postgast import ParseResult

__all__ = ["GrammarError", "children", "kind_of", "parse", "string_values", "unwrap", "walk"]


class GrammarError(Exception):
    """The text is not SQL. ``position`` is the offset in characters, None where the grammar does not say."""

    def __init__(self, message: str, position: int | None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


def parse(sql: str) -> ParseResult:
    """The parse tree of any number of statements.

    ``stmt_location`` and ``stmt_len`` count *bytes* of the UTF-8 text; a length of 0 means "to the end".
    Raises ``GrammarError``.
    """
    import postgast
    from google.protobuf.message import DecodeError

    zero = sql.find("\0")
    if zero >= 0:  # the C side would read only what stands before it
        raise GrammarError("null character", zero)
    try:
        return postgast.parse(sql)
    except postgast.PgQueryError as error:
        # Counts characters from 1, whatever the docstring of postgast 0.2 says; 0 is "not known".
        raise GrammarError(error.message, error.cursorpos - 1 if error.cursorpos else None) from None
    except DecodeError:
        # protobuf refuses trees deeper than 100, which `a || b || ...` of fifty terms is. PostgreSQL's own limit
        # is its stack, as here.
        try:
            from google._upb._message import SetAllowOversizeProtos
        except ImportError:
            raise GrammarError("an expression is nested too deeply to be read", None) from None
        SetAllowOversizeProtos(True)
        try:
            return postgast.parse(sql)
        finally:
            SetAllowOversizeProtos(False)


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    from postgast import pg_query_pb2

    fields = pg_query_pb2.Node.DESCRIPTOR.fields
    return {field.name: field.message_type.name for field in fields if field.message_type is not None}


def kind_of(field: str | None) -> str:
    """PostgreSQL's name of a node (``CreateStmt``) from that of the protobuf field (``create_stmt``)."""
    return _names()[field] if field else ""


def unwrap(node: Any) -> Any:
    """The concrete message in a ``Node``; None where it is empty."""
    field = node.WhichOneof("node")
    return getattr(node, field) if field else None


def children(node: Any) -> Iterator[Any]:
    """The concrete messages directly below a concrete message."""
    for field, value in node.ListFields():
        if field.message_type is None:
            continue
        for item in value if field.is_repeated else (value,):
            if field.message_type.name == "Node":
                item = unwrap(item)
            if item is not None:
                yield item


def walk(node: Any) -> Iterator[Any]:
    """The concrete message and all below it, in the order of the text. Not recursive: trees can be deep."""
    stack = [node]
    while stack:
        item = stack.pop()
        yield item
        stack.extend(reversed(tuple(children(item))))


def string_values(nodes: Any) -> tuple[str, ...]:
    """The strings of a list of ``String`` nodes, such as a qualified name."""
    return tuple(node.string.sval for node in nodes)
