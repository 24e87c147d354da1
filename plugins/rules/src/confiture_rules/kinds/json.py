"""``json``: values at paths of a document, each after a rule of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from confiture.masking import Rule, Scope, ValueType, read_rule
from confiture.model import Mask
from confiture.quoting import quote_literal

__all__ = ["Json", "mask_path"]

_TEXT = ValueType(sql='"pg_catalog"."text"', name="text", category="S", shown="text")


class Options(msgspec.Struct, frozen=True):
    """``paths``: rules by ``key.key``, where ``*`` is each element of an array."""

    paths: dict[str, Any]


def mask_path(document: Any, path: str, mask: Callable[[Any], Any]) -> Any:
    """The document with what is at the path put through ``mask``: in Python what the kind does with one path.

    ``mask`` gets strings as they are, None for null, and the text of anything else.
    """
    if not isinstance(document, dict | list):
        return None
    return _walked(document, path.split("."), mask)


def _walked(value: Any, path: list[str], mask: Callable[[Any], Any]) -> Any:
    if not path:
        plain = value is None or isinstance(value, str)
        return mask(value if plain else json.dumps(value, ensure_ascii=False))
    key, rest = path[0], path[1:]
    if key == "*":
        return [_walked(item, rest, mask) for item in value] if isinstance(value, list) else value
    if isinstance(value, dict) and key in value:
        return {**value, key: _walked(value[key], rest, mask)}
    return value


class Json:
    """``{json: {paths: {contact.email: {email: {}}, "items.*.name": null}}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """A path that a document has not is not made; an object or an array at one is masked as its text."""
        if scope.column.type.name not in ("json", "jsonb"):
            raise rule.error(f"{scope.column.type.shown} is no json")
        paths = rule.read(Options).paths
        if not paths:
            raise rule.error("there are no paths")
        sql = f"({scope.value})::jsonb"
        for path, given in paths.items():
            inner = read_rule(given, file=rule.file, line=rule.line, path=f"{rule.path}.{path}")
            if not all(path.split(".")):
                raise rule.error(f"{path!r} is no path", hint="write key.key, with * for each element of an array")
            sql = _at(path.split("."), sql, scope, inner)
        # A document that is a plain value has no paths, and may be what should be masked.
        top = f"jsonb_typeof(({scope.value})::jsonb)"
        return Mask(expression=f"CASE WHEN {top} IN ('object', 'array') THEN {sql} ELSE 'null'::jsonb END")


def _at(path: list[str], document: str, scope: Scope, rule: Rule) -> str:
    """SQL of the document with what is at the path masked."""
    if not path:
        return _leaf(document, scope, rule)
    if path[0] == "*":
        each = _at(path[1:], "confiture_item.confiture_e", scope, rule)
        whole = "confiture_of.confiture_d"
        items = f"jsonb_array_elements({whole}) WITH ORDINALITY AS confiture_item(confiture_e, confiture_o)"
        made = f"(SELECT coalesce(jsonb_agg({each} ORDER BY confiture_item.confiture_o), '[]') FROM {items})"
        # Once by a name: the document is spoken of twice, and may be long to make.
        return (
            f"(SELECT CASE WHEN jsonb_typeof({whole}) = 'array' THEN {made} ELSE {whole} END "
            f"FROM (SELECT {document} AS confiture_d OFFSET 0) AS confiture_of)"
        )
    keys = path[: path.index("*")] if "*" in path else path
    names = f"ARRAY[{', '.join(quote_literal(key) for key in keys)}]::text[]"
    inner = _at(path[len(keys) :], f"(confiture_in.confiture_d #> {names})", scope, rule)
    # jsonb_set makes NULL of the whole document for a NULL, and is right only where the path is there.
    return (
        f"(SELECT CASE WHEN confiture_in.confiture_d #> {names} IS NULL THEN confiture_in.confiture_d "
        f"ELSE jsonb_set(confiture_in.confiture_d, {names}, coalesce({inner}, 'null'::jsonb), false) END "
        f"FROM (SELECT {document} AS confiture_d OFFSET 0) AS confiture_in)"
    )


def _leaf(value: str, scope: Scope, rule: Rule) -> str:
    mask = scope.compile(rule, f"({value} #>> '{{}}')", _TEXT)
    if rule.kind == "constant" and not isinstance(rule.options.get("value"), str):
        return f"({mask.expression})::jsonb"
    if rule.kind == "keep":
        return value
    return f"to_jsonb({mask.expression})"
