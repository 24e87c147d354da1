"""``default``: the column is not copied, and the target's DEFAULT takes its place."""

from __future__ import annotations

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask

__all__ = ["Default"]


class Options(msgspec.Struct, frozen=True):
    """None."""


class Default:
    """``{default: }``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """A default may be a sequence's next value, which only the target can take."""
        rule.read(Options)
        column = scope.column
        if column.not_null and column.default is None:
            raise rule.error(f"{column.label!r} is NOT NULL and has no default", hint="take the kind constant")
        # A default that is computed may differ from row to row; one that is not there is NULL.
        apart = column.default is None or "nextval(" in column.default or "uuid" in column.default
        return Mask(omitted=True, uniqueness="preserved" if apart else "lossy", nullable=column.default is None)
