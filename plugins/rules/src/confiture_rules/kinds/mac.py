"""``mac``: a hardware address that no vendor gives away."""

from __future__ import annotations

from typing import Literal

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask

__all__ = ["Mac", "mac", "vendor"]


class Options(msgspec.Struct, frozen=True):
    """``keep`` ``vendor``: its three bytes stay, and the others are 0."""

    keep: Literal["vendor", "nothing"] = "nothing"


def mac(h: bytes) -> str:
    """Five bytes behind the mark of addresses that are administered locally: in Python what the mask is in SQL."""
    return ":".join(f"{byte:02x}" for byte in b"\x02" + h[:5])


def vendor(value: str) -> str:
    """The vendor's part of ``08:00:2b:01:02:03``."""
    return value[:8].lower() + ":00:00:00"


class Mac:
    """``{mac: {keep: vendor}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """02 at the beginning: administered locally, by the value."""
        options, type_ = rule.read(Options), scope.column.type
        if type_.name != "macaddr" and not type_.is_text:
            raise rule.error(f"{type_.shown} is no hardware address")
        if options.keep == "vendor":
            return Mask(expression=f"trunc(({scope.value})::macaddr)", max_length=17)
        drawn = f"('02' || encode({scope.bytes(5, draw='mac')}, 'hex'))::macaddr"
        return Mask(expression=drawn, uniqueness="probable", bits=40.0, max_length=17)
