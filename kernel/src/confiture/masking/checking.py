"""What cannot go well, seen before a row moves: unique columns, lengths, NULL."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from confiture.errors import ConfigError
from confiture.masking.values import MaskTable, Rule
from confiture.model import Mask

__all__ = ["check_masks", "collision_probability"]

#: A chance of one in a million that a run fails at the end of a night's copying is borne.
_ACCEPTED = 1e-6


def collision_probability(rows: int, bits: float) -> float:
    """How likely two of ``rows`` values are alike that are drawn from 2^bits (the birthday bound)."""
    return -math.expm1(-(float(rows) * max(rows - 1, 0)) / 2 ** (bits + 1))


def check_masks(
    source: MaskTable, rules: Mapping[str, Rule], masks: Sequence[Mask], target: MaskTable | None = None
) -> tuple[ConfigError, ...]:
    """All that is wrong with the masks of a table, as errors to raise or to show; () where nothing is.

    ``target`` is the table that takes the rows; by default one like the source.
    """
    table = target or source
    found = [*_nulls(table, rules, masks), *_lengths(table, rules, masks)]
    return (*found, *_collisions(source, table, rules, masks))


def _nulls(table: MaskTable, rules: Mapping[str, Rule], masks: Sequence[Mask]) -> list[ConfigError]:
    return [
        rules[mask.column].error(
            f"{column.label!r} is NOT NULL, and the mask gives NULL", hint="take the kind default or constant"
        )
        for mask in masks
        if mask.nullable and (column := table.column(mask.column)) is not None and column.not_null
    ]


def _lengths(table: MaskTable, rules: Mapping[str, Rule], masks: Sequence[Mask]) -> list[ConfigError]:
    found = []
    for mask in masks:
        column, rule = table.column(mask.column), rules[mask.column]
        if column is None or column.type.length is None or mask.max_length is None or rule.too_long == "truncate":
            continue
        if mask.max_length > column.type.length:
            found.append(
                rule.error(
                    f"the mask has up to {mask.max_length} characters, and {column.label!r} holds {column.type.length}",
                    hint="shorten it, or say too_long: truncate",
                )
            )
    return found


def _collisions(
    source: MaskTable, table: MaskTable, rules: Mapping[str, Rule], masks: Sequence[Mask]
) -> list[ConfigError]:
    by_column = {mask.column: mask for mask in masks}
    keys = list(dict.fromkeys([*table.unique, *source.unique]))
    # A rule that requires it is checked as if the column were a key.
    keys += [(name,) for name, rule in rules.items() if rule.unique == "require" and (name,) not in keys]
    found = []
    for key in keys:
        masked = [by_column[name] for name in key if name in by_column]
        if not masked or all(mask.uniqueness == "preserved" for mask in masked):
            continue
        worst = next((mask for mask in masked if mask.uniqueness == "lossy"), masked[0])
        rule = rules[worst.column]
        if any(rules[mask.column].unique == "allow_loss" for mask in masked):
            continue
        bits = min(mask.bits for mask in masked if mask.uniqueness != "preserved")
        chance = collision_probability(source.rows, bits)
        if worst.uniqueness == "probable" and chance <= _ACCEPTED:
            continue
        names = ", ".join(key)
        message = f"({names}) of {source.label!r} is unique, and the mask gives "
        if bits:
            half = math.sqrt(2 * math.log(2)) * 2 ** (bits / 2)
            message += (
                f"one of {2**bits:.3g} values: two of about {source.rows} rows are alike with a probability of "
                f"{chance:.2g}, and of 0.5 from {half:.3g} rows on"
            )
        else:
            message += "rows that differ the same value"
        hint = "use the key in the template ({id}), {hash} or fpe; or say unique: allow_loss"
        found.append(rule.error(message, hint=hint))
    return found
