"""PostgreSQL's own grammar (libpg_query through ``postgast``), with the binding's traps taken care of.

``postgast`` takes 100 ms to import: this module does so on first use. It is the only one that calls the parser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from postgast import ParseResult, PgQueryError

__all__ = ["GrammarError", "branches", "children", "enum_names", "kind_of", "parse", "string_values", "unwrap", "walk"]


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
    read, refused, too_deep = _parser()
    zero = sql.find("\0")
    if zero >= 0:  # the C side would read only what stands before it
        raise GrammarError("null character", zero)
    try:
        return read(sql)
    except refused as error:
        # Counts characters from 1, whatever the docstring of postgast 0.2 says; 0 is "not known".
        raise GrammarError(error.message, error.cursorpos - 1 if error.cursorpos else None) from None
    except too_deep:
        # protobuf refuses trees deeper than 100, which `a || b || ...` of fifty terms is. PostgreSQL's own limit
        # is its stack, as here.
        try:
            from google._upb._message import SetAllowOversizeProtos
        except ImportError:
            raise GrammarError("an expression is nested too deeply to be read", None) from None
        SetAllowOversizeProtos(True)
        try:
            return read(sql)
        finally:
            SetAllowOversizeProtos(False)


@lru_cache(maxsize=1)
def _parser() -> tuple[Callable[[str], ParseResult], type[PgQueryError], type[Exception]]:
    """The parser and its errors: an import statement costs a microsecond each time, and files are many."""
    import postgast
    from google.protobuf.message import DecodeError

    return postgast.parse, postgast.PgQueryError, DecodeError


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    from postgast import pg_query_pb2

    fields = pg_query_pb2.Node.DESCRIPTOR.fields
    return {field.name: field.message_type.name for field in fields if field.message_type is not None}


def kind_of(field: str | None) -> str:
    """PostgreSQL's name of a node (``CreateStmt``) from that of the protobuf field (``create_stmt``)."""
    return _names()[field] if field else ""


@lru_cache(maxsize=64)
def enum_names(enum: str) -> dict[int, str]:
    """The names of an enumeration's numbers (``ConstrType``); protobuf's own look-up is five times slower."""
    from postgast import pg_query_pb2

    return {number: name for name, number in getattr(pg_query_pb2, enum).items()}


def unwrap(node: Any) -> Any:
    """The concrete message in a ``Node``; None where it is empty."""
    field = node.WhichOneof("node")
    return getattr(node, field) if field else None


#: Nodes that hold nothing but a value: most of a tree, and of no interest to a walk.
_LEAVES = frozenset({"string", "a_const", "integer", "float", "boolean", "bit_string", "a_star", "param_ref", None})


@lru_cache(maxsize=4096)
def _shape(field: Any) -> tuple[bool, bool, bool]:
    """Of a field's descriptor: whether it holds messages, whether a list, whether of ``Node``."""
    message = field.message_type
    return message is not None, bool(field.is_repeated), message is not None and message.name == "Node"


def children(node: Any) -> list[Any]:
    """The concrete messages directly below a concrete message, without names and constants."""
    found: list[Any] = []
    for field, value in node.ListFields():
        message, repeated, wrapped = _shape(field)
        if not message:
            continue
        if not wrapped:
            if repeated:
                found += value
            else:
                found.append(value)
            continue
        for item in value if repeated else (value,):
            name = item.WhichOneof("node")
            if name not in _LEAVES:
                found.append(getattr(item, name))
    return found


def branches(nodes: Any) -> list[Any]:
    """The concrete messages in a list of ``Node``s, without names and constants."""
    return [getattr(node, name) for node in nodes if (name := node.WhichOneof("node")) not in _LEAVES]


def walk(node: Any) -> Iterator[Any]:
    """The concrete message and all below it, save names and constants. Not recursive: trees can be deep."""
    stack = [node]
    while stack:
        item = stack.pop()
        yield item
        stack.extend(reversed(children(item)))


def string_values(nodes: Any) -> tuple[str, ...]:
    """The strings of a list of ``String`` nodes, such as a qualified name."""
    return tuple([node.string.sval for node in nodes])  # a generator would take twice as long, and this is hot
