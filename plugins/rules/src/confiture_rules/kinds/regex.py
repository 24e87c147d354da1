"""``regex``: what a regular expression finds is replaced."""

from __future__ import annotations

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask
from confiture.quoting import quote_literal

__all__ = ["Regex"]


class Options(msgspec.Struct, frozen=True):
    r"""``pattern`` is PostgreSQL's, ``replacement`` may have ``\1``; ``flags`` as in regexp_replace."""

    pattern: str
    replacement: str = "***"
    flags: str = "g"


class Regex:
    """``{regex: {pattern: "[^@ ]+@[^ ]+", replacement: "(an address)"}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """A value in which nothing is found leaves as it is."""
        options = rule.read(Options)
        if not options.pattern:
            raise rule.error("the pattern is empty")
        arguments = ", ".join(quote_literal(text) for text in (options.pattern, options.replacement, options.flags))
        return Mask(expression=f"regexp_replace({scope.text}, {arguments})")
