"""The SQL of both sides: what is hashed of each row, and which rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from confiture.quoting import quote_ident
from confiture_schema_to_schema.validating.hashing import Hashing

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Column, Part, TargetTable

__all__ = ["Compared", "Side"]

Side: TypeAlias = Literal["source", "target"]
_Those: TypeAlias = Literal["", "buckets", "asked"]

#: Types whose values are found again by the text that they have: anything else is looked for by its text.
_FOUND_AGAIN: Final = frozenset(
    {"smallint", "integer", "bigint", "numeric", "uuid", "oid", "boolean", "date", "bytea", "text"}
    | {"character varying", "timestamp without time zone", "timestamp with time zone"}
)
#: A row's text has an end at 1 GB: of bigger values the hash is taken in place of the text.
_MOST_BYTES: Final = 64 * 1024 * 1024
_ROWS: Final = "confiture_rows"


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A table, and what of it is compared. ``key`` is () where rows can be named by nothing but all of themselves."""

    table: TargetTable
    hashing: Hashing
    columns: tuple[str, ...]
    key: tuple[str, ...]

    def sums(self, side: Side, condition: str = "true") -> str:
        """How many rows, and two sums of hashes over them: ``n``, ``a``, ``b``."""
        return f"SELECT {self._totals} FROM ({self._rows(side, ['d'], condition)}) AS h"

    def bucket_sums(self, side: Side, buckets: int, condition: str = "true") -> str:
        """The same by ``bucket`` of the key, ``buckets`` being a power of 2."""
        rows = self._rows(side, ["d", "bucket"], condition, buckets)
        return f"SELECT bucket, {self._totals} FROM ({rows}) AS h GROUP BY bucket"

    def listed(self, side: Side, buckets: int = 1, condition: str = "true") -> str:
        """The hashes ``a`` and ``b`` by key ``k``, ``n`` times: of the buckets in ``$1`` where there are several."""
        return self._list(side, condition, buckets, "buckets" if buckets > 1 else "")

    def looked_up(self, side: Side) -> str:
        """The same of the keys in ``$1``, a text[] of what ``k`` was; maybe of others too."""
        return self._list(side, "true", 1, "asked")

    def first_keys(self, side: Side, condition: str = "true") -> str:
        """``$1`` keys, as ``k``."""
        return f"SELECT {self._key_of_row} AS k FROM ({self._rows(side, ['d', 'k'], condition)}) AS h LIMIT $1"

    # -- pieces --------------------------------------------------------------------------------------------------------

    def _list(self, side: Side, condition: str, buckets: int, those: _Those) -> str:
        rows = self._rows(side, ["d", "k"], condition, buckets, those)
        hashed = f"SELECT {self._key_of_row} AS k, {self._number(0)} AS a, {self._number(1)} AS b FROM ({rows}) AS h"
        return f"SELECT k, a, b, pg_catalog.count(*) AS n FROM ({hashed}) AS l GROUP BY k, a, b"

    @property
    def _totals(self) -> str:
        sums = [f"coalesce(pg_catalog.sum({self._number(n)}), 0)::pg_catalog.text AS {'ab'[n]}" for n in (0, 1)]
        return f"pg_catalog.count(*) AS n, {', '.join(sums)}"

    def _number(self, which: int) -> str:
        return self.hashing.number("d", which)

    @property
    def _key_of_row(self) -> str:
        return "k" if self.key else self._as_key("d")

    def _as_key(self, digest: str) -> str:
        return f"{self.hashing.number(digest, 0)} || ':' || {self.hashing.number(digest, 1)}"

    def _rows(self, side: Side, wanted: Sequence[str], condition: str, buckets: int = 1, those: _Those = "") -> str:
        relations: Sequence[tuple[Part | None, str]] = [(None, self._target)]
        if side == "source":
            relations = [(part, self._part(part)) for part in self.table.parts]
        selects = [self._select(part, each, wanted, condition, buckets, those) for part, each in relations]
        return "\nUNION ALL\n".join(f"({select})" for select in selects)

    @property
    def _target(self) -> str:
        table, parts = self.table.table, self.table.parts
        relation = f"{'ONLY ' if table.only else ''}{table.sql}"
        if any(part.within is None for part in parts):
            return f"{relation} AS {_ROWS}"
        within = " OR ".join(f"({part.within})" for part in parts)
        return f"(SELECT * FROM {relation} AS t WHERE {within}) AS {_ROWS}"

    def _part(self, part: Part) -> str:
        names = f" ({', '.join(map(quote_ident, part.columns))})" if part.columns else ""
        return f"({part.query}\n) AS {_ROWS}{names}"

    def _select(
        self, part: Part | None, relation: str, wanted: Sequence[str], condition: str, buckets: int, those: _Those
    ) -> str:
        digest = self.hashing.digest(_row(self._value(name, part) for name in self.columns))
        keys = [self._text(name, part) for name in self.key]
        bucket = self.hashing.number(self.hashing.digest(_row(keys)) if keys else digest, 2)
        made = {
            "d": digest,
            "k": f"pg_catalog.jsonb_build_array({', '.join(keys)})::pg_catalog.text" if keys else "NULL",
            "bucket": f"({bucket} & {buckets - 1})::pg_catalog.int4",
        }
        conditions = [f"({condition})"]
        if those == "buckets":
            conditions.append(f"{made['bucket']} = ANY ($1::pg_catalog.int4[])")
        if those == "asked":
            conditions.append(self._asked(part, made["k"] if keys else self._as_key(digest)))
        outputs = ", ".join(f"{made[name]} AS {name}" for name in wanted)
        # OFFSET 0: a digest is made once for each row, not once for each number that is made of it.
        return f"SELECT {outputs} FROM {relation} WHERE {' AND '.join(conditions)} OFFSET 0"

    def _asked(self, part: Part | None, key: str) -> str:
        asked = "pg_catalog.unnest($1::pg_catalog.text[]) AS asked (k)"
        if not self._is_direct(part):
            return f"{key} IN (SELECT asked.k FROM {asked})"
        values = [f"(asked.k::pg_catalog.jsonb ->> {number})::{type_}" for number, type_ in enumerate(self._key_types)]
        names = ", ".join(f"{_ROWS}.{quote_ident(name)}" for name in self.key)
        return f"({names}) IN (SELECT {', '.join(values)} FROM {asked})"

    @property
    def has_index(self) -> bool:
        """Whether rows are looked up by the columns of their key themselves, on both sides."""
        return all(self._is_direct(part) for part in (None, *self.table.parts))

    def _is_direct(self, part: Part | None) -> bool:
        if not self.key or not _FOUND_AGAIN.issuperset(self._key_types):
            return False
        return part is None or (bool(part.key) and all(name in part.plain for name in self.key))

    @property
    def _key_types(self) -> list[str]:
        columns = [self._column(name) for name in self.key]
        return [column.base if column is not None else "" for column in columns]

    def _column(self, name: str) -> Column | None:
        return self.table.table.column(name)

    def _value(self, name: str, part: Part | None) -> str:
        """The value as the target's column holds it, or what stands for it."""
        value = f"{_ROWS}.{quote_ident(name)}"
        if part is not None:
            value = self.table.texts.get(name, "{}").replace("{}", value)
        column = self._column(name)
        base = "" if column is None else column.base
        if base == "bytea":
            return _big(value, f"pg_catalog.sha256({value})")
        if base in ("text", "character varying"):
            value = f"CAST({value} AS pg_catalog.text)"
            data = f"pg_catalog.convert_to({value}, 'UTF8')"
            return _big(value, f"pg_catalog.encode(pg_catalog.sha256({data}), 'hex')")
        return value

    def _text(self, name: str, part: Part | None) -> str:
        """The value's text as it is written out, which a cast to text need not give (of a boolean, an inet)."""
        value = f"{_ROWS}.{quote_ident(name)}"
        if part is not None:
            value = self.table.texts.get(name, "{}").replace("{}", value)
        return f"CASE WHEN {value} IS NOT NULL THEN pg_catalog.format('%s', {value}) END"


def _row(values: Iterable[str]) -> str:
    """A record writes each value out by its type's own function, and tells NULL from ''."""
    return f"ROW({', '.join(values)})::pg_catalog.text"


def _big(value: str, instead: str) -> str:
    return f"CASE WHEN pg_catalog.octet_length({value}) > {_MOST_BYTES} THEN {instead} ELSE {value} END"
