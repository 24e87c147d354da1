"""A YAML or TOML file as entries that know their path and line, and refuse what they do not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from confiture.config.reading import read_file
from confiture.errors import ConfigError
from confiture.masking.rules import split_name
from confiture.registry import closest

__all__ = ["Entry", "read_document", "shown_path"]

Way = tuple[str | int, ...]


class _File(msgspec.Struct, frozen=True):
    """``lines``: of each key (from 1). ``blocks``: of the first line of texts that stand as blocks, below their key."""

    shown: str
    lines: Mapping[Way, int] = {}
    blocks: Mapping[Way, int] = {}


def read_document(path: Path, shown: str) -> Entry:
    """The file's top level. Raises ``ConfigError`` where it cannot be read, or has a key twice."""
    if path.suffix == ".toml":
        return Entry(read_file(path, shown), (), _File(shown))
    read_file(path, shown)  # for its errors only: YAML's own reader makes True of the key `on`
    value, lines, blocks = _read_yaml(path.read_text(encoding="utf-8-sig"), shown)
    if value is None:
        value = {}
    return Entry(value, (), _File(shown, lines, blocks))


def shown_path(way: Iterable[str | int]) -> str:
    """``tables.customers.into[0].filter``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in way).removeprefix(".")


class Entry:
    """A value of the file, with the ways to take it apart. All of them raise ``ConfigError`` with file and line."""

    def __init__(self, value: Any, way: Way, file: _File) -> None:
        self.value = value
        self.way = way
        self._file = file

    @property
    def path(self) -> str:
        """Where it is in the file."""
        return shown_path(self.way)

    @property
    def line(self) -> int | None:
        """The line of its key, else of what it is in; None where the file's format does not say."""
        return next((self._file.lines[way] for way in self._above() if way in self._file.lines), None)

    @property
    def name(self) -> str:
        """Its own key."""
        return str(self.way[-1])

    def _above(self) -> Iterator[Way]:
        return (self.way[:length] for length in range(len(self.way), 0, -1))

    def error(self, message: str, *, hint: str | None = None, text_line: int | None = None) -> ConfigError:
        """An error about it. ``text_line``: the line within its text (from 0), used where that can be told."""
        line = self.line
        if text_line is not None and self.way in self._file.blocks:
            line = self._file.blocks[self.way] + text_line
        return ConfigError(
            f"{self.path!r}: {message}" if self.way else message, file=self._file.shown, line=line, hint=hint
        )

    def keys(self, *known: str) -> Mapping[str, Entry]:
        """What is below it, where nothing but ``known`` may be."""
        found = self.entries("the keys are: " + ", ".join(known))
        for key, entry in found.items():
            if key in known:
                continue
            near = closest(key, dict.fromkeys(known))
            hint = (f"did you mean {near!r}? " if near else "") + f"the keys are: {', '.join(known)}"
            if near is None and isinstance(entry.value, Mapping) and self.way[:1] == ("tables",):
                hint += f'; a table of another schema is one name, in quotes: "{self.name}.{key}"'
            raise ConfigError(f"unknown key {entry.path!r}", file=self._file.shown, line=entry.line, hint=hint)
        return found

    def entries(self, hint: str) -> Mapping[str, Entry]:
        """What is below it, by any name."""
        if not isinstance(self.value, Mapping):
            raise self.error(f"must have keys below it, not {_kind(self.value)}", hint=hint)
        return {str(key): Entry(value, (*self.way, str(key)), self._file) for key, value in self.value.items()}

    def items(self, hint: str) -> tuple[Entry, ...]:
        """The members of a list."""
        if not isinstance(self.value, list):
            raise self.error(f"must be a list, not {_kind(self.value)}", hint=hint)
        return tuple(Entry(value, (*self.way, number), self._file) for number, value in enumerate(self.value))

    def text(self, hint: str = "write a text in quotes") -> str:
        """A text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.error(f"must be a text, not {_kind(self.value)}", hint=hint)
        return self.value

    def truth(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.error(f"must be true or false, not {_kind(self.value)}", hint="write it without quotes")
        return self.value

    def choice(self, *choices: str) -> str:
        """One of some words."""
        if self.value not in choices:
            near = closest(str(self.value), dict.fromkeys(choices))
            hint = (f"did you mean {near!r}? " if near else "") + f"there are: {', '.join(choices)}"
            raise self.error(f"{self.value!r} is none of the choices", hint=hint)
        return str(self.value)

    def table(self) -> str:
        """A table's name, as it is written."""
        name = self.text("write a table's name: users, or schema.users")
        self._parts(name, 2, "table")
        return name

    def column(self) -> str:
        """A column's name without its quotes. Whether its case is meant where it has none, is seen by the columns."""
        name = self.text("write a column's name")
        return _unquoted(name, self._parts(name, 1, "column"))

    def columns(self) -> tuple[str, ...]:
        """The names of a list of columns, as :meth:`column` gives them."""
        return tuple(_once(self.items("write a list of columns: [one, two]"), Entry.column))

    def tables(self) -> tuple[str, ...]:
        """The names of a list of tables, as they are written."""
        return tuple(_once(self.items("write a list of tables: [one, two]"), Entry.table))

    def by_name(self, hint: str, *, tables: bool = False) -> Mapping[str, Entry]:
        """What is below it by names of columns (or of tables, as they are written), none of them twice."""
        found: dict[str, Entry] = {}
        seen: dict[tuple[str, ...], Entry] = {}
        for key, entry in self.entries(hint).items():
            parts = entry._parts(key, 2 if tables else 1, "table" if tables else "column")
            if parts in seen:
                raise entry.error(
                    f"is the same name as {seen[parts].name!r}",
                    hint=f"names are folded to lower case; put one in double quotes where its case counts: '\"{key}\"'",
                )
            seen[parts] = entry
            found[key if tables else _unquoted(key, parts)] = entry
        return found

    def _parts(self, name: str, most: int, what: str) -> tuple[str, ...]:
        try:
            parts = split_name(name)
        except ConfigError as error:
            raise self.error(error.message, hint=_NAMES[what]) from None
        if len(parts) > most:
            raise self.error(f"{name!r} is no {what}'s name", hint=_NAMES[what])
        return parts


_NAMES = {
    "table": "write users, or schema.users; put odd names in double quotes of their own: '\"My Table\"'",
    "column": "write the column alone, without its table; put odd names in double quotes of their own: '\"My Column\"'",
}


def _unquoted(name: str, parts: tuple[str, ...]) -> str:
    """A name of one part, whose case is kept."""
    return parts[0] if '"' in name else name.strip()


def _once(entries: Iterable[Entry], read: Callable[[Entry], str]) -> Iterator[str]:
    seen: set[tuple[str, ...]] = set()
    for entry in entries:
        name = read(entry)
        parts = split_name(str(entry.value))
        if parts in seen:
            raise entry.error(f"{name!r} is written twice", hint="take one of them out")
        seen.add(parts)
        yield name


def _kind(value: Any) -> str:
    """How a value is called in a message; texts are not repeated, they may be long."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return "a text" if value.strip() else "an empty text"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, list):
        return "a list"
    return "a table of keys" if isinstance(value, Mapping) else f"a {type(value).__name__}"


def _read_yaml(text: str, shown: str) -> tuple[Any, Mapping[Way, int], Mapping[Way, int]]:
    """The value, with keys as they are written, and the lines of keys and of texts that are blocks."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            self.flatten_mapping(node)
            # The keys are names: `on`, `no`, `null` and `2024` too.
            return {name.value: self.construct_object(value, deep=deep) for name, value in node.value}

    lines: dict[Way, int] = {}
    blocks: dict[Way, int] = {}
    visited: set[int] = set()

    def visit(node: Any, above: Way) -> None:
        if id(node) in visited:  # an alias, maybe of what it stands in
            return
        visited.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                lines[(*above, number)] = item.start_mark.line + 1
                visit(item, (*above, number))
        if isinstance(node, yaml.ScalarNode) and node.style == "|":
            blocks[above] = node.start_mark.line + 2
        if not isinstance(node, yaml.MappingNode):
            return
        seen: dict[str, int] = {}
        for name, value in node.value:
            line = name.start_mark.line + 1
            way = (*above, str(name.value))
            if not isinstance(name, yaml.ScalarNode):
                raise ConfigError("a key must be a name", file=shown, line=line)
            if name.value in seen:
                raise ConfigError(
                    f"{shown_path(way)!r} is written twice, first on line {seen[name.value]}", file=shown, line=line
                )
            seen[name.value] = lines[way] = line
            visit(value, way)

    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if node is None:
        return None, lines, blocks
    visit(node, ())
    return yaml.load(text, Loader=Loader), lines, blocks  # noqa: S506 - it is a SafeLoader
