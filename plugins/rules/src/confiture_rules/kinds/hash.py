"""``hash``: a keyed hash, in the form that the column's type has."""

from __future__ import annotations

import msgspec

from confiture.masking import Rule, Scope, ValueType, number_of, number_sql
from confiture.model import Mask
from confiture_rules.pieces import hash_sql, uuid_of, uuid_sql

__all__ = ["Hash", "hash_of"]

#: Bits of a number that is not negative.
_BITS = {"int2": 15, "int4": 31, "int8": 63, "numeric": 63}


class Options(msgspec.Struct, frozen=True):
    """``length`` in digits of text; ``prefix`` stands before them."""

    length: int = 20
    prefix: str = ""


def hash_of(h: bytes, type_: ValueType, length: int = 20, prefix: str = "") -> str | int | bytes:
    """In Python what the mask is in SQL: of 32 bytes that the value draws."""
    if type_.name in _BITS:
        if type_.precision is not None:
            return number_of(h) % int(10 ** _whole(type_))
        return number_of(h) & ((1 << _BITS[type_.name]) - 1)
    if type_.name == "uuid":
        return uuid_of(h)
    return h if type_.name == "bytea" else prefix + h.hex()[:length]


def _whole(type_: ValueType) -> int:
    """Digits before the point."""
    return max(min((type_.precision or 0) - (type_.scale or 0), 18), 0)


class Hash:
    """``{hash: {length: 20}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """Hexadecimal digits for text; numbers, uuids and bytes for columns of those."""
        options, type_ = rule.read(Options), scope.column.type
        if not 1 <= options.length <= 64:
            raise rule.error("a hash has 1 to 64 digits")
        if type_.name in _BITS:
            bits = _BITS[type_.name]
            if type_.precision is not None:
                whole = _whole(type_)
                return Mask(
                    expression=f"{number_sql(scope.bytes(8), scope.table.version)} % {10**whole}",
                    uniqueness="probable",
                    bits=whole * 3.3219,
                )
            number = number_sql(scope.bytes(8), scope.table.version)
            return Mask(expression=f"{number} & {(1 << bits) - 1}", uniqueness="probable", bits=float(bits))
        if type_.name == "uuid":
            return Mask(expression=uuid_sql(scope.bytes(16)), uniqueness="probable", bits=122.0, max_length=36)
        if type_.name == "bytea":
            return Mask(expression=scope.bytes(), uniqueness="probable", bits=256.0)
        if not type_.is_text:
            raise rule.error(f"{type_.shown} has no hash", hint="there are noise, date_shift, generalize, constant")
        given = "length" in rule.options
        length = options.length if given or type_.length is None else min(20, type_.length - len(options.prefix))
        if length < 1:
            raise rule.error(f"the prefix leaves no room in {type_.shown}")
        expression = hash_sql(scope, length)
        if options.prefix:
            from confiture.quoting import quote_literal

            expression = f"{quote_literal(options.prefix)} || {expression}"
        return Mask(
            expression=expression, uniqueness="probable", bits=4.0 * length, max_length=length + len(options.prefix)
        )
