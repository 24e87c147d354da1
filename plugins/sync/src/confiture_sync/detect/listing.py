"""The coverage file: name and type of every column that somebody has looked at."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from confiture.errors import ConfigError
from confiture_sync.values import SyncTable

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Listing", "differences", "format_listing", "read_listing", "types_of"]

#: By the tables' labels, and the columns' names: their types, as SQL has them.
Listing = Mapping[str, Mapping[str, str]]

# What is on the search path has no schema in front: so that two roles see one type, only pg_catalog is on it.
_TYPES: Final = """
SELECT a.attrelid::bigint AS oid, a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type
  FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
"""
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_HEAD: Final = """\
# The columns that somebody has looked at, for `confiture sync`: once this file exists, a column that is not in it,
# or has another type, stops the sync. Keep it in version control. `confiture sync init --accept` brings it up to date.
"""


async def types_of(connection: Connection, tables: Iterable[SyncTable]) -> Listing:
    """What the source has. ``connection`` is in a transaction, as those of a snapshot are."""
    by_oid = {table.oid: table.label for table in tables}
    path = await connection.fetchval("SELECT pg_catalog.current_setting('search_path')")
    await connection.execute("SET LOCAL search_path = pg_catalog")
    rows = await connection.fetch(_TYPES, list(by_oid))
    await connection.fetchval("SELECT pg_catalog.set_config('search_path', $1, true)", path)
    found: dict[str, dict[str, str]] = {label: {} for label in sorted(by_oid.values())}
    for row in rows:
        found[by_oid[row["oid"]]][row["name"]] = row["type"]
    return found


def read_listing(path: Path, shown: str) -> Listing | None:
    """What the file says; None where there is none. Raises ``ConfigError`` for one that says nothing."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigError(f"the list of columns cannot be read: {error}", file=shown, hint=_AGAIN) from None
    for label, columns in document.items():
        if not isinstance(columns, dict) or not all(isinstance(type_, str) for type_ in columns.values()):
            raise ConfigError(f"{label!r} must have a type for each column below it", file=shown, hint=_AGAIN)
    return document


_AGAIN = "`confiture sync init --accept` writes it anew"


def format_listing(listing: Listing) -> str:
    """The file's text: sorted, so that a difference in version control is one of the columns."""
    lines = [_HEAD]
    for label in sorted(listing):
        lines.append(f"[{_key(label)}]")
        lines += [f"{_key(name)} = {_text(listing[label][name])}" for name in sorted(listing[label])]
        lines.append("")
    return "\n".join(lines)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    """A basic string of TOML: JSON's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def differences(listed: Listing, found: Listing) -> tuple[str, ...]:
    """What is new, gone or of another type in the tables of ``found``, one line each."""
    lines = []
    for label in sorted(found):
        if label not in listed:
            lines.append(f"{label}: a table that nobody has looked at ({', '.join(sorted(found[label]))})")
            continue
        old, new = listed[label], found[label]
        lines += [f"{label}.{name}: is new ({new[name]})" for name in sorted(new.keys() - old.keys())]
        lines += [f"{label}.{name}: is gone" for name in sorted(old.keys() - new.keys())]
        lines += [
            f"{label}.{name}: is {new[name]}, and was {old[name]}"
            for name in sorted(old.keys() & new.keys())
            if old[name] != new[name]
        ]
    return tuple(lines)
