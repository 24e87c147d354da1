"""Masks: what replaces the values of columns on their way out of a database.

A *rule* is what somebody wrote for a column (:class:`Rule`). Its *kind* is a provider of the kind ``anonymizer``, which
compiles it to SQL over the source's row (:class:`confiture.model.Mask`), with what its :class:`Scope` gives it: the
column, its value, other columns, and bytes that only the key's owner can foretell. :func:`compile_masks` puts the
masks of a table into one SELECT, and refuses what cannot fit the table.
"""

from __future__ import annotations

from confiture.masking.checking import check_masks, collision_probability
from confiture.masking.compiling import MaskedTable, compile_masks
from confiture.masking.keys import MaskingKey, load_key
from confiture.masking.prf import canonical, canonical_sql, number_of, number_sql
from confiture.masking.reading import read_table
from confiture.masking.rules import inherit, read_rule, read_rules
from confiture.masking.values import MaskColumn, MaskTable, Rule, Scope, ValueType

__all__ = [
    "MaskColumn",
    "MaskTable",
    "MaskedTable",
    "MaskingKey",
    "Rule",
    "Scope",
    "ValueType",
    "canonical",
    "canonical_sql",
    "check_masks",
    "collision_probability",
    "compile_masks",
    "inherit",
    "load_key",
    "number_of",
    "number_sql",
    "read_rule",
    "read_rules",
    "read_table",
]
