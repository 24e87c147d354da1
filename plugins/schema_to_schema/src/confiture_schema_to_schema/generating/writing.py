"""A draft as YAML or TOML, with what is open as comments in the place where it would stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from confiture_schema_to_schema.generating.drafting import Draft, Open, TableDraft

__all__ = ["as_toml", "as_yaml"]

_ABOUT = (
    "# Tables and columns that are not named here go to those of the same name.",
    "# Lines that begin with # and no blank are proposals: take the # of one away, where that is what you want.",
)
_KEYLESS = "It has no key: it is copied whole whenever it changes. With a primary key it would be followed row by row"


def as_yaml(draft: Draft, head: str) -> str:
    """The map. ``head`` is the first comment."""
    lines = list(_head(draft, head))
    lines.append("tables:")
    for table in draft.tables:
        lines += _indented(_yaml_table(table), "  ")
    if draft.drop or draft.open_drop:
        lines.append("drop:")
        lines += _indented(_list(draft.drop, draft.open_drop, _yaml_item), "  ")
    return "\n".join(lines) + "\n"


def as_toml(draft: Draft, head: str) -> str:
    """The same as TOML: what belongs to the top comes first there."""
    lines = list(_head(draft, head))
    if draft.drop or draft.open_drop:
        lines += ["drop = [", *_indented(_list(draft.drop, draft.open_drop, _toml_item), "  "), "]"]
    for table in draft.tables:
        lines += ["", *_toml_table(table)]
    return "\n".join(lines) + "\n"


def _head(draft: Draft, head: str) -> Iterator[str]:
    yield _comment(head)
    yield from _ABOUT
    if draft.unfilled:
        yield _comment(f"New tables that no old one fills: {', '.join(draft.unfilled)}")
    yield from map(_comment, draft.remarks)


def _yaml_table(table: TableDraft) -> Iterator[str]:
    yield f"{_yaml_key(table.source)}:"
    yield from _indented(_yaml_keys(table), "  ")


def _yaml_keys(table: TableDraft) -> Iterator[str]:
    if table.target is not None:
        yield _yaml_pair("target", table.target)
    if table.keyless:
        yield from (_comment(_KEYLESS), "full_refresh: true")
    if table.columns or table.open_columns:
        yield "columns:"
        yield from _indented(_pairs(table.columns, table.open_columns, _yaml_pair), "  ")
    if table.drop or table.open_drop:
        yield "drop:"
        yield from _indented(_list(table.drop, table.open_drop, _yaml_item), "  ")
    if table.open_defaults:
        yield "defaults:"
        yield from _indented(_pairs({}, table.open_defaults, _yaml_pair), "  ")


def _toml_table(table: TableDraft) -> Iterator[str]:
    name = f"tables.{_toml_key(table.source)}"
    yield f"[{name}]"
    if table.target is not None:
        yield _toml_pair("target", table.target)
    if table.keyless:
        yield from (_comment(_KEYLESS), "full_refresh = true")
    if table.drop or table.open_drop:
        yield from ["drop = [", *_indented(_list(table.drop, table.open_drop, _toml_item), "  "), "]"]
    if table.columns or table.open_columns:
        yield f"[{name}.columns]"
        yield from _pairs(table.columns, table.open_columns, _toml_pair)
    if table.open_defaults:
        yield f"[{name}.defaults]"
        yield from _pairs({}, table.open_defaults, _toml_pair)


def _pairs(written: Mapping[str, str], opens: Sequence[Open], pair: Callable[[str, Any], str]) -> Iterator[str]:
    for key, value in written.items():
        yield pair(key, value)
    for each in opens:
        yield _comment(each.text)
        yield from (f"#{pair(key, value)}" for key, value in each.lines)


def _list(written: Sequence[str], opens: Sequence[Open], item: Callable[[str], str]) -> Iterator[str]:
    for name in written:
        yield item(name)
    for each in opens:
        yield _comment(each.text)
        yield from (f"#{item(name)}" for name, _ in each.lines)


def _comment(text: str) -> str:
    """On one line: a line break in a name must not end it."""
    return f"# {' '.join(text.split())}"


def _indented(lines: Iterable[str], indent: str) -> Iterator[str]:
    return (indent + line for line in lines)


def _yaml(value: Any) -> str:
    """On one line, whatever is in it."""
    import yaml

    style = '"' if any(not character.isprintable() for text in _texts(value) for character in text) else None
    text: str = yaml.safe_dump(
        value, default_flow_style=None, default_style=style, allow_unicode=True, sort_keys=False, width=10**9
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.items() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ():
        yield from _texts(part)


def _yaml_pair(key: str, value: str | Mapping[str, str]) -> str:
    if isinstance(value, str):
        return f"{_yaml_key(key)}: {_yaml(value)}"
    return f"{_yaml_key(key)}: {_yaml(dict(value))}"


def _yaml_key(key: str) -> str:
    return _yaml(key)


def _yaml_item(name: str) -> str:
    return f"- {_yaml(name)}"


def _toml_pair(key: str, value: str | Mapping[str, str]) -> str:
    if isinstance(value, str):
        return f"{_toml_key(key)} = {_toml_value(value)}"
    inner = ", ".join(_toml_pair(name, text) for name, text in value.items())
    return f"{_toml_key(key)} = {{{inner}}}"


def _toml_key(key: str) -> str:
    import tomli_w

    return tomli_w.dumps({key: 1}).removesuffix(" = 1\n")


def _toml_value(text: str) -> str:
    import tomli_w

    return tomli_w.dumps({"a": text}).removeprefix("a = ").removesuffix("\n")


def _toml_item(name: str) -> str:
    return f"{_toml_value(name)},"
