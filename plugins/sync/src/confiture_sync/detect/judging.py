"""Puts together what the name, the type and the content of each column say, and what its table is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from confiture.masking import MaskColumn, ValueType
from confiture_sync.detect.patterns import PATTERNS
from confiture_sync.detect.sampling import Content, sample
from confiture_sync.detect.words import is_of_organisations, is_of_people, name_class, words_of
from confiture_sync.values import SyncTable

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Personal", "find_personal", "judge"]

Because = Literal["name", "type", "content"]

#: From this part of a column's values on they are of a class themselves, and not texts that mention one.
_WHOLE_SHARE: Final = 0.5
#: A key of JSON in fewer documents is no part of their form.
_KEY_SHARE: Final = 0.01
#: Next to one of these a column is about a person.
_OF_A_PERSON: Final = frozenset(
    {"email", "phone", "name", "username", "address", "birth", "national-id", "bank", "card"}
)
#: These say so even of a firm's table: a firm has no first name.
_ONLY_OF_A_PERSON: Final = frozenset({"name", "username", "birth", "national-id"})
#: What a text index is made of, where it is about a person.
_WORDS: Final = frozenset({"email", "phone", "name", "username", "address"})


class Personal(msgspec.Struct, frozen=True, kw_only=True):
    """A column that looks personal. ``within``: its values are texts that have something personal in them."""

    what: str
    because: tuple[Because, ...]
    within: bool = False


async def find_personal(
    connection: Connection, tables: Iterable[SyncTable], *, decided: Mapping[str, Collection[str]] | None = None
) -> Mapping[str, Mapping[str, Personal]]:
    """The columns that look personal, by the tables' labels. ``connection`` is a session that reads the source.

    ``decided`` are columns that are not looked into: their names and types are enough. One query a table.
    """
    # Compiling so many tests to machine code takes a second a table, and running them takes some milliseconds.
    await connection.execute("SET LOCAL jit = off")
    found = {}
    for table in tables:
        skipped = (decided or {}).get(table.label, ())
        columns = [column.name for column in table.mask.columns if column.name not in skipped]
        found[table.label] = judge(table, await sample(connection, table, columns))
    return found


def judge(table: SyncTable, contents: Mapping[str, Content]) -> Mapping[str, Personal]:
    """The columns of one table that look personal. ``contents`` is what :func:`sample` saw."""
    found: dict[str, Personal] = {}
    waiting: list[tuple[MaskColumn, str, bool]] = []
    for column in table.mask.columns:
        by_type = _class_of_type(column.type)
        by_content = _class_of_content(contents.get(column.name))
        named = name_class(column.name)
        if named is not None and not _fits(named.what, column.type):
            named = None
        by_name = named.what if named is not None and named.strong else None
        if named is not None and not named.strong:
            waiting.append((column, named.what, named.doubtful))
        if personal := _together(by_name, by_type, by_content):
            found[column.name] = personal
    about_people = _is_about_people(table, found)
    for column, what, doubtful in waiting:
        if column.name in found:
            continue
        if _is_name_of_somebody(table, found) if doubtful else about_people:
            found[column.name] = Personal(what=what, because=("name",))
    if about_people and any(personal.what in _WORDS for personal in found.values()):
        for column in table.mask.columns:
            if column.type.name == "tsvector" and column.name not in found:
                found[column.name] = Personal(what="text-search", because=("type",))
    return {column.name: found[column.name] for column in table.mask.columns if column.name in found}


def _together(by_name: str | None, by_type: str | None, by_content: tuple[str, bool] | None) -> Personal | None:
    content, within = by_content or (None, False)
    because: list[Because] = []
    if by_name is not None:
        because.append("name")
    if by_type is not None:
        because.append("type")
    if content is not None:
        because.append("content")
    if not because:
        return None
    # What the values are says more than the name, and a text that mentions something says less.
    what = by_type or (content if content is not None and not within else None) or by_name or content
    assert what is not None
    return Personal(what=what, because=tuple(because), within=within and by_name is None and by_type is None)


def _class_of_content(content: Content | None) -> tuple[str, bool] | None:
    """The class, and whether it stands within longer text."""
    if content is None or not content.rows:
        return None
    for whole in (True, False):
        for pattern, hits in zip(PATTERNS, content.hits, strict=True):
            least = max(_WHOLE_SHARE, pattern.share) if whole else pattern.share
            if hits and hits >= least * content.rows and not (whole and pattern.within):
                return pattern.what, not whole and (pattern.within or pattern.share < _WHOLE_SHARE)
    keys = {what: count for what, count in content.keys.items() if count >= _KEY_SHARE * content.rows}
    if keys:
        return max(keys, key=lambda what: (keys[what], what)), True
    return None


def _class_of_type(type_: ValueType) -> str | None:
    """What the type says, of itself (addresses of machines) or by the name that somebody gave it (domains)."""
    inner = type_.element or type_
    if inner.name == "inet":
        return "ip"
    if inner.name in ("macaddr", "macaddr8"):
        return "mac"
    # format_type() has a schema in front of what is not on the search path, and the length behind.
    shown = type_.shown.partition("(")[0].removesuffix("[]").rpartition(".")[2].strip('"')
    if inner.name in ("geometry", "geography", "citext", "point", "box"):
        return None
    named = name_class(shown)
    return named.what if named is not None and named.strong and _fits(named.what, type_) else None


_NUMBERS: Final = frozenset({"int2", "int4", "int8", "numeric"})
_FITTING: Final[Mapping[str, frozenset[str]]] = {
    "phone": _NUMBERS,
    "national-id": _NUMBERS,
    "card": _NUMBERS,
    "bank": _NUMBERS,
    "postcode": frozenset({"int4", "int8"}),
    "birth": frozenset({"date", "timestamp", "timestamptz", "int2", "int4"}),
    "age": _NUMBERS,
    "pay": _NUMBERS | {"money", "float4", "float8"},
    "geo": frozenset({"float4", "float8", "numeric", "point", "geometry", "geography"}),
    "secret": frozenset({"bytea", "uuid"}),
    "photo": frozenset({"bytea"}),
    "ip": frozenset({"inet", "cidr"}),
    "mac": frozenset({"macaddr", "macaddr8"}),
    "sensitive": frozenset({"bytea"}),
}
#: Classes whose values are a few words of a list.
_LISTED: Final = frozenset({"gender", "sensitive"})
_SHORT_CLASSES: Final = frozenset({"age", "pay"})


def _fits(what: str, type_: ValueType) -> bool:
    """Whether a column of the type can hold what its name says: no truth value is an e-mail address."""
    inner = type_.element or type_
    if inner.name in _FITTING.get(what, ()):
        return True
    if what in _SHORT_CLASSES:
        return False
    if inner.category == "E":
        return what in _LISTED
    return inner.is_text or inner.name in ("bpchar", "json", "jsonb", "hstore", "xml") or inner.category == "C"


def _is_about_people(table: SyncTable, found: Mapping[str, Personal]) -> bool:
    """Whether its rows are people, or belong to one: by the table's name, its other columns, or what it references."""
    if is_of_people(table.mask.name):
        return True
    if any(personal.what in _OF_A_PERSON and "name" in personal.because for personal in found.values()):
        return True
    return any(words[-1:] == ("id",) and is_of_people(" ".join(words[:-1])) for words in map(words_of, _names(table)))


def _names(table: SyncTable) -> Sequence[str]:
    return [column.name for column in table.mask.columns]


def _is_name_of_somebody(table: SyncTable, found: Mapping[str, Personal]) -> bool:
    """Whether ``name`` is a person's: of ``members``, and of what has an e-mail address and is no firm."""
    if is_of_people(table.mask.name):
        return True
    classes = {personal.what for personal in found.values() if "name" in personal.because}
    if classes & _ONLY_OF_A_PERSON:
        return True
    return not is_of_organisations(table.mask.name) and bool(classes & {"email", "phone"})
