"""``template``: text with placeholders."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import msgspec

from confiture.errors import ConfigError
from confiture.masking import Rule, Scope, ValueType, canonical_sql
from confiture.model import Mask
from confiture.quoting import quote_literal
from confiture_rules.filters import DESTROYING, apply_filter, near
from confiture_rules.grammar import Call, Literal, Name, TemplateError, parse_template, plain
from confiture_rules.kinds.card import tail_sql
from confiture_rules.pieces import (
    covered_sql,
    digits_like_sql,
    ends_sql,
    hash_sql,
    random_digits_sql,
    uuid_sql,
)

__all__ = ["Template", "ends_of"]

TEXT = ValueType(sql='"pg_catalog"."text"', name="text", category="S", shown="text")
#: The longest texts of types that have one.
_LONGEST = {"int2": 6, "int4": 11, "int8": 20, "uuid": 36, "date": 13, "bool": 5}
_FUNCTIONS = ("random", "hash", "uuid", "mask", "digits_like", "luhn", "value", "firstN", "lastN", "faker.NAME")


class Options(msgspec.Struct, frozen=True):
    """``value`` is the template."""

    value: str


@dataclass(frozen=True)
class _Piece:
    """SQL of a part. ``fixed``: it always has ``longest`` characters. ``bits`` None: it keeps values apart."""

    sql: str
    longest: int | None
    fixed: bool = False
    uniqueness: str = "lossy"
    bits: float = 0.0


class Template:
    """``"user_{id}@example.com"``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """Concatenates the parts; NULL of another column is the empty text."""
        text = rule.read(Options).value
        try:
            pieces = [
                _Piece(quote_literal(part.text), len(part.text), fixed=True)
                if isinstance(part, Literal)
                else _Placeholders(scope, rule).piece(part, number)
                for number, part in enumerate(parse_template(text))
            ]
        except TemplateError as error:
            raise rule.error(error.message, hint=error.hint, position=error.position) from None
        lengths = [piece.longest for piece in pieces]
        uniqueness, bits = _uniqueness(pieces)
        return Mask(
            expression=" || ".join(f"({piece.sql})" for piece in pieces),
            max_length=None if None in lengths else sum(length or 0 for length in lengths),
            uniqueness=uniqueness,  # type: ignore[arg-type]
            bits=bits,
        )


def _uniqueness(pieces: list[_Piece]) -> tuple[str, float]:
    """Of the whole: what the best part has, where the others cannot be taken for a piece of it."""
    loose = [piece for piece in pieces if not piece.fixed]
    if len(loose) > 1:
        return "lossy", sum(piece.bits for piece in pieces if piece.fixed)
    if any(piece.uniqueness == "preserved" for piece in pieces):
        return "preserved", 0.0
    bits = sum(piece.bits for piece in pieces)
    return ("probable" if any(piece.uniqueness == "probable" for piece in pieces) else "lossy"), bits


class _Placeholders:
    """Compiles the placeholders of one rule."""

    def __init__(self, scope: Scope, rule: Rule) -> None:
        self.scope = scope
        self.rule = rule

    def piece(self, call: Call, number: int) -> _Piece:
        piece = self.function(call, number) if self.is_function(call) else self.column(call)
        destroyed = False
        for given in call.filters:
            if given.name == "default" and len(given.args) == 1 and isinstance(given.args[0], Name):
                piece = self.instead(piece, given.args[0])
                continue
            sql, longest = apply_filter(self.scope, given, piece.sql, piece.longest)
            hashed = given.name == "hash"
            bits = 4.0 * (longest or 0) if hashed else 0.0
            piece = _Piece(sql, longest, fixed=hashed, uniqueness="probable" if hashed else "lossy", bits=bits)
            destroyed = destroyed or given.name in DESTROYING
        if call.name == "value" and self.is_function(call) and not destroyed:
            raise TemplateError(
                "{value} alone would let the value pass",
                call.position,
                "write {keep: reason} for that, or put it through hash, mask, first or last",
            )
        return replace(piece, sql=f"coalesce({piece.sql}, '')")

    def instead(self, piece: _Piece, other: Name) -> _Piece:
        """``default(nickname)``: another column, after its own rule, where there is NULL."""
        column = self.column(Call("row", other.name, None, (), other.position))
        lengths = (piece.longest, column.longest)
        longest = None if None in lengths else max(length or 0 for length in lengths)
        return _Piece(f"coalesce({piece.sql}, {column.sql})", longest)

    def is_function(self, call: Call) -> bool:
        """Whether a function is meant: a name without parentheses is a column first."""
        if call.quoted or call.prefix in ("raw", "row"):
            return False
        if call.prefix:
            if call.prefix != "faker":
                hint = "there are: raw, row, faker"
                raise TemplateError(f"there is no {call.prefix!r} to take {call.name!r} of", call.position, hint)
            return True
        known = call.name in _FUNCTIONS or ends_of(call.name) is not None
        if call.args is not None:
            if not known:
                raise TemplateError(f"there is no function {call.name!r}", call.position, near(call.name, _FUNCTIONS))
            return True
        is_column = self.scope.table.column(call.name) is not None
        if known and is_column:
            raise TemplateError(
                f"{call.name!r} is a column and a function",
                call.position,
                f"write {{row.{call.name}}} for the column, {{{call.name}()}} for the function",
            )
        return known

    def column(self, call: Call) -> _Piece:
        column = self.scope.table.column(call.name)
        if column is None:
            names = [found.name for found in self.scope.table.columns]
            hint = near(call.name, [*names, *_FUNCTIONS])
            raise TemplateError(f"there is no column {call.name!r}", call.position, hint)
        if call.args is not None:
            raise TemplateError(f"the column {call.name!r} takes no arguments", call.position)
        own = column.name == self.scope.column.name
        if own and call.prefix != "raw":
            raise TemplateError(
                f"{call.name!r} is the column that is masked", call.position, "write {value|hash}, {last4}, {hash}"
            )
        longest = column.type.length or _LONGEST.get(column.type.name)
        single = (column.name,) in self.scope.table.unique and column.not_null
        if call.prefix == "raw":
            sql = canonical_sql(self.scope.raw(column.name), column.type)
            return _Piece(sql, longest, uniqueness="preserved" if single else "lossy")
        mask = self.scope.mask_of(column.name)
        sql = canonical_sql(self.scope.masked(column.name), column.type)
        if mask is None:
            return _Piece(sql, longest, uniqueness="preserved" if single else "lossy")
        uniqueness = mask.uniqueness if single else "lossy"
        lengths = [length for length in (longest, mask.max_length) if length is not None]
        return _Piece(sql, min(lengths, default=None), uniqueness=uniqueness, bits=mask.bits)

    def function(self, call: Call, number: int) -> _Piece:
        args = plain(call.args or ())
        if call.prefix == "faker":
            self.expect(call, len(args) < 2 and all(isinstance(arg, str) for arg in args), "takes a locale: 'de_DE'")
            options = {"provider": call.name, "draw": number, **({"locale": args[0]} if args else {})}
            try:
                mask = self.scope.compile(Rule(kind="faker", options=options, on_null="mask"), self.scope.value, TEXT)
            except ConfigError as error:
                message = f"{error.message} at character {call.position + 1}"
                raise ConfigError(message, hint=error.hint, file=error.file, line=error.line) from None
            return _Piece(mask.expression, mask.max_length, bits=mask.bits)
        text = f"coalesce({self.scope.text}, '')"
        if (end := ends_of(call.name)) is not None:
            self.expect(call, not args, "takes nothing")
            return _Piece(ends_sql(text, end[1], last=end[0] == "last"), end[1], fixed=True)
        match call.name:
            case "value":
                return _Piece(text, None)
            case "random":
                return self.random(call, number)
            case "hash":
                length = args[0] if args else 20
                self.expect(call, len(args) < 2 and isinstance(length, int) and 1 <= length <= 64, "takes 1 to 64")
                assert isinstance(length, int)
                return _Piece(hash_sql(self.scope, length), length, True, "probable", 4.0 * length)
            case "uuid":
                self.expect(call, not args, "takes nothing")
                return _Piece(uuid_sql(self.scope.bytes(16, draw="uuid")), 36, True, "probable", 122.0)
            case "mask":
                kinds = [isinstance(arg, type_) for arg, type_ in zip(args, (str, int, int), strict=False)]
                self.expect(call, len(args) <= 3 and all(kinds), "takes a character and two numbers")
                character, first, last = (*args, *("*", 0, 0)[len(args) :])
                return _Piece(covered_sql(text, str(character), int(first), int(last)), None)
            case "digits_like":
                self.expect(call, not args, "takes nothing")
                return _Piece(digits_like_sql(text, self.scope.bytes(draw="digits")), None)
            case _:
                self.expect(call, not args, "takes nothing")
                digits = f"regexp_replace({text}, '[^0-9]', '', 'g')"
                return _Piece(tail_sql(digits, self.scope.number(draw="luhn")), 19)

    def random(self, call: Call, number: int) -> _Piece:
        """``random(n)``, ``random(n, 'hex')``, ``random(a, b)``: each use is another draw."""
        args = plain(call.args or ())
        draw = f"random {number}"
        if len(args) == 1 and isinstance(args[0], int):
            self.expect(call, 1 <= args[0] <= 18, "takes 1 to 18 digits")
            sql = random_digits_sql(self.scope.number(per="row", draw=draw), args[0])
            return _Piece(sql, args[0], True, "lossy", args[0] * math.log2(10))
        if len(args) == 2 and isinstance(args[0], int) and args[1] == "hex":
            self.expect(call, 1 <= args[0] <= 64, "takes 1 to 64 digits")
            sql = hash_sql(self.scope, args[0], per="row", draw=draw)
            return _Piece(sql, args[0], True, "lossy", 4.0 * args[0])
        fits = len(args) == 2 and isinstance(args[0], int) and isinstance(args[1], int)
        self.expect(call, fits, "takes digits, digits and 'hex', or two numbers")
        first, last = int(args[0]), int(args[1])
        self.expect(call, -(2**62) < first <= last < 2**62, "takes the smaller number first")
        sql = f"({first} + {self.scope.number(per='row', draw=draw)} % {last - first + 1})::text"
        return _Piece(sql, max(len(str(first)), len(str(last))), False, "lossy", math.log2(last - first + 1))

    def expect(self, call: Call, fits: bool, what: str) -> None:
        if not fits:
            raise TemplateError(f"{call.name!r} {what}", call.position)


def ends_of(name: str) -> tuple[str, int] | None:
    """``last4``: which end, and how much of it."""
    for side in ("last", "first"):
        count = name.removeprefix(side)
        if count != name and count.isascii() and count.isdecimal() and 1 <= int(count) <= 64:
            return side, int(count)
    return None
