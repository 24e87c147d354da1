"""A value of a type, by number: the same number gives the same value everywhere."""

from __future__ import annotations

from collections.abc import Mapping

from confiture.model import SchemaObject
from confiture.quoting import quote_literal

__all__ = ["sample_value"]

#: By type without its modifiers: the text of a literal; ``{n}`` is the number, ``{m}`` ten times as much.
_TEXTS = {
    "smallint": "{n}",
    "integer": "{n}",
    "bigint": "{n}",
    "numeric": "{n}",
    "real": "{n}",
    "double precision": "{n}",
    "money": "{n}",
    "oid": "{n}",
    "date": "2020-01-0{n}",
    "timestamp without time zone": "2020-01-0{n} 10:00",
    "timestamp with time zone": "2020-01-0{n} 10:00+00",
    "time without time zone": "1{n}:00",
    "time with time zone": "1{n}:00+00",
    "interval": "{n} days",
    "uuid": "00000000-0000-4000-8000-00000000000{n}",
    "json": '{{"n": {n}}}',
    "jsonb": '{{"n": {n}}}',
    "xml": "<n>{n}</n>",
    "bytea": "\\x0{n}",
    "inet": "10.0.0.{n}",
    "cidr": "10.0.{n}.0/24",
    "macaddr": "08:00:2b:01:02:0{n}",
    "macaddr8": "08:00:2b:01:02:03:04:0{n}",
    "point": "({n},{n})",
    "box": "({n},{n}),({m},{m})",
    "circle": "<({n},{n}),1>",
    "lseg": "[({n},{n}),({m},{m})]",
    "path": "(({n},{n}),({m},{m}))",
    "polygon": "(({n},{n}),({m},{m}))",
    "line": "{{1,-1,{n}}}",
    "tsvector": "w{n}",
    "tsquery": "w{n}",
    "int4range": "[{m},{m}5)",
    "int8range": "[{m},{m}5)",
    "numrange": "[{m},{m}5)",
    "daterange": "[2020-0{n}-01,2020-0{n}-20)",
    "tsrange": "[2020-0{n}-01,2020-0{n}-20)",
    "tstzrange": "[2020-0{n}-01,2020-0{n}-20)",
    "pg_lsn": "0/{n}",
    "hstore": "n=>{n}",
}


def sample_value(type_: str, number: int, types: Mapping[str, SchemaObject]) -> str:
    """An SQL expression of the type. ``types``: the schema's enums, domains and ranges, by identity."""
    if type_.endswith("[]"):
        return f"ARRAY[{sample_value(type_[:-2], number, types)}]::{type_}"
    known = types.get(type_)
    if known is not None and known.kind == "domain":
        return sample_value(str(known.properties.get("type", "text")), number, types)
    return f"{quote_literal(_text(type_, number, known))}::{type_}"


def _text(type_: str, number: int, known: SchemaObject | None) -> str:
    if known is not None and known.kind == "enum":
        labels = known.properties.get("labels")
        return str(labels[number % len(labels)]) if isinstance(labels, tuple) and labels else ""
    if known is not None:
        return "empty"
    base, length = _split(type_)
    if base == "boolean":
        return "true" if number % 2 else "false"
    if base in ("bit", "bit varying"):
        return format(number, "b").rjust(length or 1, "0")[-(length or 1) :]
    if base in _TEXTS:
        return _TEXTS[base].format(n=number, m=number * 10)
    # Text, and whatever reads text. Many checks of texts want an address.
    text = f"{number}@example.com"
    return text if length is None else text[:length]


def _split(type_: str) -> tuple[str, int | None]:
    """``character varying(20)`` in its name and first modifier; the words behind the modifier are the name's."""
    before, parenthesis, rest = type_.partition("(")
    if not parenthesis:
        return type_, None
    inner, _, behind = rest.partition(")")
    first = inner.split(",")[0].strip()
    return before.strip() + behind, int(first) if first.isdigit() else None
