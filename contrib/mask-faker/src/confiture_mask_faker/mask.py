"""The kind ``faker``: a pool is drawn once, and the server picks from it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask
from confiture.quoting import quote_literal
from confiture.registry import closest

__all__ = ["FakerMask", "Options", "pool"]

#: The constant is part of the statement: some hundred kilobytes are no matter, many megabytes are.
_LARGEST = 100_000


class Options(msgspec.Struct, frozen=True):
    """``provider`` is a method of Faker, ``args`` its keyword arguments; ``draw`` tells uses in one template apart."""

    provider: str
    locale: str = "en_US"
    args: Mapping[str, Any] = {}
    size: int = 4096
    draw: int = 0


def pool(options: Options, seed: bytes, rule: Rule) -> list[str]:
    """The values, in the order in which they are drawn. Raises ``ConfigError`` for what Faker has not."""
    try:
        import faker
    except ImportError:
        raise rule.error("the package Faker is not installed", hint="pip install Faker") from None
    try:
        source = faker.Faker(options.locale)
    except (AttributeError, ValueError, ImportError):
        raise rule.error(f"Faker has no locale {options.locale!r}", hint="write it as de_DE") from None
    names = {
        name for provider in source.get_providers() for name in dir(provider) if not name.startswith("_")
    }  # fmt: skip
    if options.provider not in names or not callable(getattr(source, options.provider, None)):
        near = closest(options.provider, names)
        raise rule.error(
            f"Faker has no {options.provider!r} for {options.locale}", hint=f"did you mean {near!r}?" if near else None
        )
    source.seed_instance(int.from_bytes(seed, "big"))
    method = getattr(source, options.provider)
    try:
        return [str(method(**options.args)) for _ in range(options.size)]
    except Exception as error:  # providers raise whatever their arguments make them
        raise rule.error(f"Faker's {options.provider!r} failed: {type(error).__name__}: {error}") from error


class FakerMask:
    """``"{faker.name}"``, or ``{faker: {provider: name, locale: de_DE}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """By the row, or by the value where the rule has a domain."""
        options = rule.read(Options)
        if not 1 <= options.size <= _LARGEST:
            raise rule.error(f"a pool has 1 to {_LARGEST} values")
        label = (
            f"faker {options.provider} {options.locale} {json.dumps(dict(options.args), sort_keys=True, default=str)}"
        )
        values = pool(options, scope.seed(label), rule)
        room = scope.column.type.length
        fitting = values if room is None else [value for value in values if len(value) <= room]
        if not fitting:
            raise rule.error(f"no value of {options.provider!r} has room in {scope.column.type.shown}")
        number = scope.number(per="row", draw=f"faker {options.draw}")
        constant = quote_literal(json.dumps(fitting, ensure_ascii=False))
        return Mask(
            # An index into jsonb; an array would be walked from its beginning.
            expression=f"({constant}::jsonb ->> ({number} % {len(fitting)})::int)",
            max_length=max(map(len, fitting)),
            bits=math.log2(len(set(fitting))),
        )
