"""``python``: a function of one's own, which runs in the client: the value leaves the source for it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask

__all__ = ["Python"]

_INTEGERS = {"int2": 2, "int4": 4, "int8": 8}


class Options(msgspec.Struct, frozen=True):
    """``value`` is ``module:function``."""

    value: str


class Python:
    """``{python: "our.masks:shorten"}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """Text comes as str, whole numbers as int, bytea as bytes. NULL is given only with ``on_null: mask``."""
        name, type_ = rule.read(Options).value, scope.column.type
        function = _find(name, rule)
        if type_.is_text:
            return Mask(function=_wrapped(function, bytes.decode, str.encode, rule))
        if type_.name in _INTEGERS:
            size = _INTEGERS[type_.name]
            return Mask(
                function=_wrapped(
                    function,
                    lambda data: int.from_bytes(data, "big", signed=True),
                    lambda value: int(value).to_bytes(size, "big", signed=True),
                    rule,
                )
            )
        if type_.name == "bytea":
            return Mask(function=_wrapped(function, bytes, bytes, rule))
        raise rule.error(f"python masks text, whole numbers and bytea, and {type_.shown} is another type")


def _find(name: str, rule: Rule) -> Callable[[Any], Any]:
    module, _, attribute = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # a stranger's import can raise anything
        raise rule.error(
            f"{name!r} cannot be imported: {type(error).__name__}: {error}",
            hint="write it as module:function, and see that the module can be imported from here",
        ) from error
    if not callable(found):
        raise rule.error(f"{name!r} is not a function")
    function: Callable[[Any], Any] = found
    return function


def _wrapped(
    function: Callable[[Any], Any], read: Callable[[bytes], Any], write: Callable[[Any], bytes], rule: Rule
) -> Callable[[bytes | None], bytes | None]:
    def masked(data: bytes | None) -> bytes | None:
        if data is None:
            if rule.on_null == "error":
                raise ValueError("NULL, where the rule says on_null: error")
            if rule.on_null == "keep":
                return None
        made = function(None if data is None else read(bytes(data)))
        return None if made is None else write(made)

    return masked
