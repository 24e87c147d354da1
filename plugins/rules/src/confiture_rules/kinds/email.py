"""``email``: an address at a domain that nobody can have."""

from __future__ import annotations

from typing import Literal

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask
from confiture_rules.pieces import hash_sql, lower

__all__ = ["Email", "email"]

#: Reserved (RFC 2606): mail to it goes nowhere.
_EXAMPLE = "example.com"


class Options(msgspec.Struct, frozen=True):
    """``to`` ``keep``: the value's own domain stays, and may be a real one. ``length`` in hexadecimal digits.

    ``domain: keep`` is the same: a domain of values that is called so would be a strange one.
    """

    to: Literal["example", "keep"] = "example"
    length: int = 20


def email(text: str, h: bytes, length: int = 20, to: str = "example") -> str:
    """In Python what the mask is in SQL."""
    domain = lower([*text.split("@"), "", ""][1]) if to == "keep" else ""
    return f"u_{h.hex()[:length]}@{domain or _EXAMPLE}"


class Email:
    """``{email: {}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """Lower case, so that an index over lower(email) is no trap."""
        options, room = rule.read(Options), scope.column.type.length
        if not 1 <= options.length <= 64:
            raise rule.error("a hash has 1 to 64 digits")
        length = options.length
        to = rule.domain if rule.domain in ("keep", "example") else options.to
        if to == "example" and room is not None and "length" not in rule.options:
            length = min(length, room - len(f"u_@{_EXAMPLE}"))
            if length < 1:
                raise rule.error(f"no address has room in {scope.column.type.shown}")
        local = f"'u_' || {hash_sql(scope, length)}"
        if to == "keep":
            domain = f"coalesce(nullif(lower(split_part({scope.text}, '@', 2)), ''), '{_EXAMPLE}')"
            return Mask(expression=f"{local} || '@' || {domain}", uniqueness="probable", bits=4.0 * length)
        return Mask(
            expression=f"{local} || '@{_EXAMPLE}'",
            uniqueness="probable",
            bits=4.0 * length,
            max_length=length + len(f"u_@{_EXAMPLE}"),
        )
