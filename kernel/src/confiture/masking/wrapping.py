"""What all kinds have in common, put around what one of them makes: NULL, the empty text, conditions, types."""

from __future__ import annotations

import msgspec

from confiture.masking.expressions import one_expression
from confiture.masking.values import MaskColumn, Rule
from confiture.model import Mask
from confiture.quoting import quote_literal

__all__ = ["wrap"]


def wrap(mask: Mask, rule: Rule, column: MaskColumn, value: str) -> Mask:
    """The mask with the rule's common keys in its expression, which has the column's own type.

    The cast is to the type without its length: one with it would cut what is too long, where the target refuses it.
    """
    if mask.omitted or mask.function is not None:
        if rule.when is not None:
            raise rule.error(f"the kind {rule.kind!r} has no 'when'")
        return mask
    type_ = column.type
    expression, longest = mask.expression, mask.max_length
    if rule.too_long == "truncate" and type_.length is not None:
        expression = f"left(({expression})::text, {type_.length})"
        if longest is None or longest > type_.length:
            mask = msgspec.structs.replace(
                mask, max_length=type_.length, uniqueness="lossy" if mask.uniqueness == "preserved" else mask.uniqueness
            )
    expression = f"({expression})::{type_.sql}"
    cases = []
    # A row of nothing but NULLs "is null" too, and is a value.
    is_null = f"{value} IS NOT DISTINCT FROM NULL" if type_.category == "C" else f"{value} IS NULL"
    if rule.when is not None:
        condition = one_expression(rule.when, rule, "'when'")
        cases.append(f"WHEN ({condition}\n) IS NOT TRUE THEN {value}")
    if rule.on_null == "keep" and not column.not_null:
        cases.append(f"WHEN {is_null} THEN NULL")
    elif rule.on_null == "error":
        # A cast that fails, and is not tried before there is a row: it reads the row's value.
        message = quote_literal(f"NULL in {column.label}, whose rule says on_null: error")
        cases.append(f"WHEN {is_null} THEN ({message} || coalesce({value}::text, ''))::int::text::{type_.sql}")
    if type_.is_text and rule.on_empty != "mask":
        cases.append(f"WHEN ({value})::text = '' THEN {'NULL' if rule.on_empty == 'null' else value}")
    if cases:
        expression = f"CASE {' '.join(cases)} ELSE {expression} END"
    nullable = mask.nullable or (type_.is_text and rule.on_empty == "null")
    # A condition lets raw values stand beside masked ones, and the two may meet.
    uniqueness = "lossy" if rule.when is not None and mask.uniqueness == "preserved" else mask.uniqueness
    return msgspec.structs.replace(mask, expression=expression, nullable=nullable, uniqueness=uniqueness)
