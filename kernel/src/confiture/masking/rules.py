"""What is written for a column becomes a :class:`Rule`: a template, NULL, a value, or a mapping with a kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from confiture.config.reading import convert, read_file
from confiture.errors import ConfigError
from confiture.masking.values import COMMON_KEYS, MaskTable, Rule
from confiture.registry import closest

__all__ = ["inherit", "read_rule", "read_rules", "split_name"]

COMMON = frozenset(COMMON_KEYS)


def read_rule(value: Any, *, file: str | None = None, line: int | None = None, path: str = "") -> Rule:
    """The rule that a value of YAML, TOML or JSON is.

    A text is a template, null is NULL, a number or a truth value is a constant. A mapping has a ``kind``, or is short
    for one: ``{hash: {length: 8}}`` is ``{kind: hash, length: 8}``, and where the kind's own part is no mapping, it is
    its ``value``: ``{sql: "lower(email)"}``. ``{keep: reason}`` lets the column pass. Raises ``ConfigError``.
    """
    where = Rule(kind="", file=file, line=line, path=path)
    if value is None:
        return _with(where, kind="null")
    if isinstance(value, str):
        return _with(where, kind="template", options={"value": value})
    if isinstance(value, bool | int | float):
        return _with(where, kind="constant", options={"value": value})
    if not isinstance(value, Mapping):
        raise where.error(
            f"a {type(value).__name__} is no rule", hint='write a template, null, {kind: ...} or {keep: "reason"}'
        )
    common = {key: item for key, item in value.items() if key in COMMON}
    own = {str(key): item for key, item in value.items() if key not in COMMON and key != "kind"}
    kind = value.get("kind")
    if kind is None:
        if len(own) != 1:
            typo = next((f"did you mean {near!r}? " for key in own if (near := closest(key, COMMON))), "")
            raise where.error(
                "the rule has no kind" if len(own) < 2 else f"the rule has no kind, or more than one: {', '.join(own)}",
                hint=f"{typo}write {{kind: hash, length: 8}}, or short {{hash: {{length: 8}}}}",
            )
        kind, inner = next(iter(own.items()))
        if kind == "keep":
            common, own = {**common, "reason": inner}, {}
        elif inner is None:
            own = {}
        elif isinstance(inner, Mapping):
            common |= {key: item for key, item in inner.items() if key in COMMON}
            own = {str(key): item for key, item in inner.items() if key not in COMMON}
        else:
            own = {"value": inner}
    try:
        known = convert({"kind": kind, **common}, Rule, file=file or "", section=path, references=False)
    except ConfigError as error:
        raise ConfigError(error.message, hint=error.hint, file=file, line=line) from None
    return msgspec.structs.replace(known, options=own, file=file, line=line, path=path)


def _with(rule: Rule, **values: Any) -> Rule:
    return msgspec.structs.replace(rule, **values)


def read_rules(path: Path, shown: str, *, key: str = "anonymize") -> Mapping[str, Mapping[str, Rule]]:
    """The rules of a file, by the table's and the column's names as they are written there.

    They stand under ``anonymize``, table by table; other keys of the file are not looked at. A column that is written
    twice is an error, where YAML's own reader would take the last one. Raises ``ConfigError`` with file and line.
    """
    document = read_file(path, shown)
    lines = {} if path.suffix == ".toml" else _lines(path.read_text(encoding="utf-8-sig"), shown)
    section = document.get(key) or {}
    if not isinstance(section, Mapping):
        raise ConfigError(f"{key!r} must have tables below it", file=shown, line=lines.get((key,)))
    found: dict[str, dict[str, Rule]] = {}
    for table, columns in section.items():
        if not isinstance(columns, Mapping):
            line = lines.get((key, str(table)))
            raise ConfigError(f"'{key}.{table}' must have columns below it", file=shown, line=line)
        found[str(table)] = {
            str(column): read_rule(
                value, file=shown, line=lines.get((key, str(table), str(column))), path=f"{key}.{table}.{column}"
            )
            for column, value in columns.items()
        }
    return found


def _lines(text: str, shown: str) -> dict[tuple[str, ...], int]:
    """The line of each key of a YAML text, by the keys that lead to it. Raises ``ConfigError`` for one given twice."""
    import yaml

    def keys(node: Any, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
        if not isinstance(node, yaml.MappingNode):
            return
        seen: dict[str, int] = {}
        for name, value in node.value:
            line = name.start_mark.line + 1
            if name.value in seen:
                first = seen[name.value]
                raise ConfigError(
                    f"{'.'.join((*above, name.value))!r} is written twice, first on line {first}", file=shown, line=line
                )
            seen[name.value] = line
            yield (*above, name.value), line
            yield from keys(value, (*above, name.value))

    return dict(keys(yaml.compose(text, Loader=yaml.SafeLoader), ()))


def split_name(name: str) -> tuple[str, ...]:
    """The parts of ``schema.table`` or ``"Mixed.Case".column``: folded to lower case where not quoted.

    Raises ``ConfigError`` for a name that PostgreSQL would not read.
    """
    parts: list[str] = []
    rest = name.strip()
    while True:
        if rest.startswith('"'):
            end = 1
            while (end := rest.find('"', end)) >= 0 and rest[end + 1 : end + 2] == '"':
                end += 2
            if end < 0:
                raise ConfigError(f"the quotes of {name!r} are not closed")
            part, rest = rest[1:end].replace('""', '"'), rest[end + 1 :]
        else:
            part, dot, rest = rest.partition(".")
            part, rest = part.lower(), dot + rest
        if not part or (rest and not rest.startswith(".")):
            raise ConfigError(f"{name!r} is not a name", hint='write table.column, and quote what is odd: "My Table"')
        parts.append(part)
        if not rest:
            return tuple(parts)
        rest = rest[1:]


def inherit(tables: Sequence[MaskTable], rules: Mapping[str, Mapping[str, Rule]]) -> Mapping[str, Mapping[str, Rule]]:
    """The rules with those that columns of foreign keys take over from the columns that they reference.

    ``rules`` are by the tables' labels (``schema.table``) and the columns' names. A rule with ``when`` is refused where
    it would be taken over: the same condition need not hold for the row of the child, and then the two would part.
    """
    found = {label: dict(columns) for label, columns in rules.items()}
    by_domain: dict[str, Rule] = {}
    for table in tables:
        for column in table.columns:
            if column.domain == column.label and column.name in found.get(table.label, {}):
                by_domain[column.domain] = found[table.label][column.name]
    for table in tables:
        for column in table.columns:
            rule = by_domain.get(column.domain)
            if rule is None or column.domain == column.label:
                continue
            if rule.when is not None:
                raise rule.error(
                    f"the column is referenced by {column.label!r}, and a rule with 'when' cannot go with it",
                    hint="mask all rows, or give both columns rules of their own",
                )
            own = found.setdefault(table.label, {})
            own.setdefault(column.name, rule)
    return found
