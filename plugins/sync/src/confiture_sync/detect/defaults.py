"""The rule that a class has where nobody wrote one: the first of some that fits the column's type, length and keys."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from confiture.errors import ConfigError
from confiture.masking import MaskColumn, MaskingKey, MaskTable, Rule, ValueType, compile_masks, read_rule

if TYPE_CHECKING:
    from confiture.protocols import Anonymizer

__all__ = ["Default", "default_rule", "shown_rule"]

#: What a file of rules says: text, None, or a mapping.
Default = Any
#: Syllables of a pseudonym, from what reads well to what keeps a million apart, and then what is short.
_SYLLABLES: Final = (5, 8, 11, 14, 4, 3, 2, 1)
_HASH: Final[Mapping[str, Any]] = {"hash": {}}


def default_rule(
    get: Callable[[str], Anonymizer],
    table: MaskTable,
    column: MaskColumn,
    what: str,
    *,
    within: bool = False,
    others: Sequence[tuple[MaskTable, MaskColumn]] = (),
) -> tuple[bool, Default]:
    """Whether there is a rule, and what a file would say for it.

    ``what`` is the class, ``within`` whether it stands within longer text. ``others`` are columns that take the rule
    over, by foreign keys: it must fit them too. ``get`` finds a kind of masks.
    """
    # Only whether it compiles is of interest: the key is nobody's.
    key = MaskingKey(secrets.token_bytes(32))
    for value in _candidates(column, what, within):
        rule = read_rule(value)
        if all(_works(get, place, each, rule, key) for place, each in ((table, column), *others)):
            return True, value
    return False, None


def _works(get: Callable[[str], Anonymizer], table: MaskTable, column: MaskColumn, rule: Rule, key: MaskingKey) -> bool:
    if rule.kind == "default" and column.default is None and column.not_null:
        return False
    try:
        compile_masks(get, table, {column.name: rule}, key)
    except ConfigError:
        return False
    return True


def _candidates(column: MaskColumn, what: str, within: bool) -> Iterator[Default]:
    type_ = column.type
    if type_.element is not None:
        for each in _of_type(type_.element, what, within):
            yield {"array": {"each": each}}
    elif type_.name in ("json", "jsonb"):
        yield {"kind": "constant", "value": {}}
    elif type_.name == "tsvector":
        yield None
        yield {"sql": "''::pg_catalog.tsvector"}
    elif type_.category == "C":
        yield None
        yield {"default": None}
        # A row of nothing: all its fields are NULL.
        yield {"sql": f"pg_catalog.jsonb_populate_record(NULL::{type_.sql}, '{{}}')"}
    else:
        yield from _of_type(type_, what, within)
    yield None
    yield {"default": None}


def _of_type(type_: ValueType, what: str, within: bool) -> Iterator[Default]:
    """By class, then what the type has for any."""
    if type_.is_text or type_.name == "bpchar":
        if within:
            yield "(removed)"
        else:
            yield from _of_text(type_, what)
        yield _HASH
    elif type_.name in ("date", "timestamp", "timestamptz"):
        yield {"date_shift": {"days": 180}}
        yield {"constant": "1970-01-01"}
    elif type_.category == "E":
        yield {"enum": {}}
    elif what == "pay":
        yield {"noise": {"ratio": 0.2}}
    elif what == "age":
        yield {"generalize": {"range": 10}}
    elif what == "birth":
        yield {"noise": {"abs": 5}}
    elif what == "geo":
        yield {"generalize": {"range": 1}}
        yield {"constant": "(0,0)"}
    elif type_.name in ("inet", "cidr"):
        yield {"ip": {}}
    elif type_.name == "macaddr":
        yield {"mac": {}}
    elif what in ("phone", "card", "national-id", "bank", "postcode", "secret"):
        yield _HASH
    if type_.name in ("uuid", "bytea"):
        yield _HASH


def _of_text(type_: ValueType, what: str) -> Iterator[Default]:
    room = type_.length
    match what:
        case "email":
            yield "u_{hash(20)}@example.com"
            yield {"email": {}}
        case "phone":
            yield "+1-555-{random(4)}"
            yield "+1-555-{hash(20)}"
            yield "555-{random(4)}"
        case "name":
            yield from _pseudonyms()
        case "username":
            yield "user_{hash(20)}"
        case "address":
            yield "{random(3)} Example Street"
            yield "{hash(20)} Street"
        case "postcode":
            yield f"{{random({min(room or 5, 5)})}}"
        case "birth":
            yield "1970-01-01"
        case "national-id":
            yield "XXX-XX-{random(4)}"
        case "card":
            yield {"card": {}}
        case "ip":
            yield {"ip": {}}
        case "mac":
            yield {"mac": {}}
        case "secret":
            yield {"hash": {"length": 40}}
        case "photo":
            yield "https://example.com/{hash(20)}"
        case "gender" | "sensitive" | "text-search":
            yield None
            yield "(removed)"
        case "geo":
            yield "0.0000, 0.0000"
        case _:
            pass


def _pseudonyms() -> Iterator[Default]:
    for syllables in _SYLLABLES:
        yield {"pseudonym": {"syllables": syllables}}


def shown_rule(value: Default) -> str:
    """The rule as one writes it in YAML, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {shown_rule(item)}" for key, item in value.items()) + "}"
    return "null" if value is None else json.dumps(value, ensure_ascii=False)
