"""The one keyed function, HMAC-SHA256, in SQL and in Python, with the same result in both.

``HMAC(key, domain || 0x00 || draw || 0x00 || text)`` is written with PostgreSQL's own ``sha256()``; no extension is
needed, and nothing is created on the source. The key comes as its two padded blocks from settings of the session, never
as a literal, since the text of a statement is in pg_stat_activity and in logs.
"""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import hmac
import ipaddress
import struct
import uuid
from collections.abc import Sequence
from typing import Any

from confiture.masking.values import ValueType
from confiture.quoting import quote_literal

__all__ = [
    "INNER",
    "OUTER",
    "canonical",
    "canonical_sql",
    "message_prefix",
    "number_of",
    "number_sql",
    "prf",
    "prf_sql",
    "row_prf",
    "row_sql",
]

#: The settings that hold the padded key blocks, in hexadecimal.
INNER = "confiture.k1"
OUTER = "confiture.k2"
_MAX = (1 << 63) - 1
#: ``sha256(bytea)`` of bytea, ``'x'::bit(64)``: what the number is made of has a plain cast since PostgreSQL 18.
_BYTEA_TO_INTEGER = 18


def message_prefix(domain: str, draw: str) -> bytes:
    """What stands before the text: neither part can hold a zero byte, so that no two pairs are alike."""
    return domain.encode() + b"\0" + draw.encode() + b"\0"


def prf(key: bytes, domain: str, draw: str, text: str) -> bytes:
    """The 32 bytes, in Python."""
    return hmac.digest(key, message_prefix(domain, draw) + text.encode(), "sha256")


def prf_sql(domain: str, draw: str, text: str, *, inner: str = INNER, outer: str = OUTER) -> str:
    """The 32 bytes, in SQL; ``text`` is SQL of type text, and NULL counts as the empty text.

    The blocks are scalar subqueries, which the server evaluates once a query and not once a row. The text goes through
    ``convert_to``: a cast to bytea would read its backslashes.
    """
    prefix = message_prefix(domain, draw).hex()
    k1 = f"(SELECT decode(current_setting('{inner}'), 'hex'))"
    k2 = f"(SELECT decode(current_setting('{outer}'), 'hex'))"
    # E'' and its backslash: the same bytes whatever standard_conforming_strings says.
    message = f"decode({quote_literal(prefix)}, 'hex') || convert_to(coalesce({text}, ''), 'UTF8')"
    return f"sha256({k2} || sha256({k1} || {message}))"


def row_sql(
    table: str, block: int, key: Sequence[tuple[str, ValueType]], *, inner: str = INNER, outer: str = OUTER
) -> str:
    """32 bytes of a row's own, in SQL: SHA-256 of a key that is the table's and the block's, and of the primary key.

    The server makes that key by :func:`prf_sql` once a query, so that a row costs one short hash in the place of an
    HMAC's two. ``key`` is SQL of the primary key's columns, with their types. No message is the beginning of another
    with its padding: it has one length, or is text, which has no zero byte.
    """
    secret = prf_sql(_row_domain(table), str(block), "''", inner=inner, outer=outer)
    return f"sha256((SELECT {secret}) || {_row_message_sql(key)})"


def row_prf(key: bytes, table: str, block: int, values: Sequence[Any]) -> bytes:
    """The same in Python; ``values`` are the primary key's, as a driver gives them."""
    return hashlib.sha256(prf(key, _row_domain(table), str(block), "") + _row_message(values)).digest()


def _row_domain(table: str) -> str:
    return f"row {table}"


def _row_message_sql(key: Sequence[tuple[str, ValueType]]) -> str:
    if len(key) == 1:
        value, type_ = key[0]
        if type_.is_integer or type_.name == "oid":
            return f"int8send(({value})::bigint)"
        if type_.name == "uuid":
            return f"uuid_send({value})"
    texts = [canonical_sql(value, type_) for value, type_ in key]
    # Each part with its length before it, so that no two keys read alike.
    whole = (
        texts[0] if len(texts) == 1 else " || ".join(f"octet_length({text})::text || ':' || {text}" for text in texts)
    )
    return f"convert_to({whole}, 'UTF8')"


def _row_message(values: Sequence[Any]) -> bytes:
    if len(values) == 1 and isinstance(values[0], int) and not isinstance(values[0], bool):
        return struct.pack(">q", values[0])
    if len(values) == 1 and isinstance(values[0], uuid.UUID):
        return values[0].bytes
    texts = [canonical(value) for value in values]
    whole = "".join(f"{len(text.encode())}:{text}" for text in texts) if texts[1:] else texts[0]
    return whole.encode()


def number_sql(eight: str, version: int = 18) -> str:
    """SQL of a bigint from 0 to 2^63 - 1 from SQL of eight bytes."""
    if version >= _BYTEA_TO_INTEGER:
        return f"(({eight})::bigint & {_MAX})"
    return f"(('x' || encode({eight}, 'hex'))::bit(64)::bigint & {_MAX})"


def number_of(eight: bytes) -> int:
    """The same in Python."""
    return int.from_bytes(eight[:8], "big") & _MAX


def canonical_sql(value: str, type_: ValueType) -> str:
    """SQL of a value's one text, whatever DateStyle, TimeZone or extra_float_digits are.

    Equal values of int4, int8 and numeric have equal texts, so that a foreign key finds its parent.
    """
    match type_.name:
        case "text" | "varchar" | "unknown":
            return f"({value})::text"
        case "citext":
            return f"lower(({value})::text)"
        case "numeric":
            return f"trim_scale({value})::text"
        case "float4" | "float8":
            return f"encode(float8send(({value})::float8), 'hex')"
        case "date":
            return f"coalesce(to_char({value}, 'YYYY-MM-DD'), ({value})::text)"
        case "timestamp":
            return f"coalesce(to_char({value}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), ({value})::text)"
        case "timestamptz":
            utc = f"(({value}) AT TIME ZONE 'UTC')"
            return f'coalesce(to_char({utc}, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\'), ({value})::text)'
        case "bytea":
            return f"encode({value}, 'hex')"
        case "inet":  # as it is written: a cast adds /32
            return f"abbrev({value})"
        case "money":
            return f"({value})::numeric::text"
        case _:
            return f"({value})::text"


def canonical(value: Any) -> str:
    """The same text of a Python value, as a driver gives it. Raises ``TypeError`` for other types."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case decimal.Decimal():
            return _decimal(value)
        case float():
            return struct.pack(">d", value).hex()
        case uuid.UUID():
            return str(value)
        case dt.datetime() if value.tzinfo is not None:
            return _moment(value.astimezone(dt.UTC)) + "Z"
        case dt.datetime():
            return _moment(value)
        case dt.date():
            return f"{value.year:04}-{value.month:02}-{value.day:02}"
        case bytes():
            return value.hex()
        case ipaddress.IPv6Interface():
            return f"{_ipv6(value.ip)}/{value.network.prefixlen}"
        case ipaddress.IPv6Network():
            return f"{_ipv6(value.network_address)}/{value.prefixlen}"
        case ipaddress.IPv6Address():
            return _ipv6(value)
        case ipaddress.IPv4Address() | ipaddress.IPv4Network():
            return str(value)
    raise TypeError(f"{type(value).__name__} has no canonical text")


def _moment(value: dt.datetime) -> str:
    return f"{value.year:04}" + value.strftime("-%m-%dT%H:%M:%S.") + f"{value.microsecond:06}"


def _ipv6(value: ipaddress.IPv6Address) -> str:
    """As PostgreSQL writes it: ``::ffff:1.2.3.4`` and ``::1.2.3.4`` in part as addresses of version 4."""
    packed = value.packed
    mapped = packed[:12] == bytes(10) + b"\xff\xff"
    if not mapped and (any(packed[:12]) or not any(packed[12:14])):
        return str(value)
    return ("::ffff:" if mapped else "::") + str(ipaddress.IPv4Address(packed[12:]))


def _decimal(value: decimal.Decimal) -> str:
    if value.is_nan():
        return "NaN"
    if value.is_infinite():
        return "-Infinity" if value < 0 else "Infinity"
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
