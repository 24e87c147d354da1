"""What need not be looked at, since the old database sees to it already: a table that is only renamed is not read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from confiture.sql.grammar import parse, walk
from confiture_schema_to_schema.checking.facts import Facts
from confiture_schema_to_schema.mapping.expressions import SqlError, deparse

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Check, Column, ForeignKey, Job, Part, Table, TargetTable, Unique

__all__ = ["Proofs", "columns_of", "numeric_limit"]

_INTEGERS = {"smallint": 5, "integer": 10, "bigint": 19}
_TEXTS = frozenset({"text", "character varying"})


class Proofs:
    """Each method says whether all rows of the map meet a constraint of the new schema, by what is known."""

    def __init__(self, job: Job, facts: Facts) -> None:
        self.job = job
        self.facts = facts
        self._known: dict[int, frozenset[str | None]] = {}

    def never_null(self, table: TargetTable, column: str) -> bool:
        """Whether no part gives NULL for it."""
        return all(self._never_null(part, column) for part in table.parts)

    def _never_null(self, part: Part, column: str) -> bool:
        traced = self.facts.traced[part.number]
        if column in traced.literals:
            return True
        # Of another query than of one table, what is cut by key is known to have the table on the side that stays.
        origin = self._origin(part, column) if traced.alone or part.whole is None else None
        return origin is not None and origin.not_null and (part.source, origin.name) not in self.facts.maybe_null

    def fits(self, table: TargetTable, column: Column) -> bool:
        """Whether no value is too long or too large for it."""
        return all(self._fits(self._origin(part, column.name), column) for part in table.parts)

    def _fits(self, origin: Column | None, column: Column) -> bool:
        if origin is None:
            return False
        if column.max_length is not None:
            return origin.max_length is not None and origin.category == "S" and origin.max_length <= column.max_length
        if origin.type == column.type:
            return True
        limit = numeric_limit(column)
        return limit is not None and _INTEGERS.get(origin.base, 1 << 20) <= limit[0] - limit[1]

    def labelled(self, table: TargetTable, column: Column) -> bool:
        """Whether each value is one of its labels."""
        origins = [self._origin(part, column.name) for part in table.parts]
        return all(each is not None and each.kind == "e" and set(each.labels) <= set(column.labels) for each in origins)

    def checked(self, table: TargetTable, check: Check) -> bool:
        """Whether each old table has the same constraint over the same columns."""
        wanted = _normal(check.expression)
        return wanted is not None and all(wanted in self._checks(part) for part in table.parts)

    def _checks(self, part: Part) -> frozenset[str | None]:
        """What the old table's constraints say, of the new columns."""
        if part.number not in self._known:
            names = self._renamed(part)
            self._known[part.number] = frozenset(
                _normal(check.expression, names)
                for check in self.job.old.tables[part.source].checks
                if not {(part.source, check.name), ("", check.name)} & self.facts.unproven
            )
        return self._known[part.number]

    def unique(self, table: TargetTable, unique: Unique) -> bool:
        """Whether the old table has a unique index over the same, or over some of it."""
        if len(table.parts) != 1:
            return False
        part = table.parts[0]
        traced = self.facts.traced[part.number]
        if not traced.single or part.number in self.facts.multiplying or self._inherited(part):
            return False
        names = self._renamed(part, injective=table.table)
        source = self.job.old.tables[part.source]
        return any(
            _implies(index, unique, names, filled=any(index.name == key.name for key in source.keys))
            for index in source.uniques
            if (part.source, index.name) not in self.facts.unproven
        )

    def referenced(self, table: TargetTable, key: ForeignKey, parent: TargetTable) -> bool:
        """Whether the old tables have the same foreign key, and all the old parents are in the new one."""
        return all(any(self._referenced(part, key, other) for other in parent.parts) for part in table.parts)

    def _referenced(self, part: Part, key: ForeignKey, parent: Part) -> bool:
        above = self.facts.traced[parent.number]
        mine = [self._origin(part, column) for column in key.columns]
        others = [self._origin(parent, column) for column in key.parent_columns]
        if not above.complete or None in mine or None in others:
            return False
        if self._inherited(part) or (part.whole is not None and not self.facts.traced[part.number].alone):
            return False
        pairs = {(a.name, b.name) for a, b in zip(mine, others, strict=True) if a is not None and b is not None}
        return any(
            old.parent == parent.source
            and set(zip(old.columns, old.parent_columns, strict=True)) == pairs
            and (old.full or not key.full or len(key.columns) == 1)
            and (part.source, old.name) not in self.facts.unproven
            for old in self.job.old.tables[part.source].foreign_keys
        )

    def _inherited(self, part: Part) -> bool:
        """Whether it may read tables that inherit from its own, whose keys say nothing of them."""
        return self.job.old.tables[part.source].only and part.map is not None and part.map.custom_sql is not None

    def _origin(self, part: Part, column: str) -> Column | None:
        """The old column that it is, perhaps as another type."""
        traced = self.facts.traced[part.number].columns.get(column)
        return None if traced is None else self.job.old.tables[part.source].column(traced.column)

    def _renamed(self, part: Part, *, injective: Table | None = None) -> Mapping[str, str]:
        """New names by old ones, of columns whose values stay; for ``injective`` those too that stay different."""
        found: dict[str, str] = {}
        for new, traced in self.facts.traced[part.number].columns.items():
            origin = self.job.old.tables[part.source].column(traced.column)
            if origin is None:
                continue
            if traced.cast or injective is not None:
                column = None if injective is None else injective.column(new)
                if column is None or not _stays_different(origin, column):
                    continue
            if found.get(traced.column) != traced.column:
                found[traced.column] = new
        return found


def _implies(index: Unique, wanted: Unique, names: Mapping[str, str], *, filled: bool) -> bool:
    """Whether rows that meet ``index`` meet ``wanted``. ``names`` are new ones by old; ``filled``: none is NULL."""
    mine = {_normal(expression, names) for expression in index.expressions}
    if None in mine or not mine <= {_normal(expression) for expression in wanted.expressions}:
        return False
    if not (wanted.nulls_distinct or filled or not index.nulls_distinct):
        return False
    if index.predicate is None:
        return True
    predicate = _normal(index.predicate, names)
    return predicate is not None and wanted.predicate is not None and predicate == _normal(wanted.predicate)


def _stays_different(old: Column, new: Column) -> bool:
    if old.collation != new.collation:
        return False
    return old.base == new.base or {old.base, new.base} <= set(_INTEGERS) or {old.base, new.base} <= _TEXTS


def numeric_limit(column: Column) -> tuple[int, int] | None:
    """Precision and scale of a ``numeric(p, s)``; None for any other type."""
    if column.base != "numeric" or not column.type.startswith("numeric("):
        return None
    precision, _, scale = column.type.removeprefix("numeric(").removesuffix(")").partition(",")
    return int(precision), int(scale or 0)


def _normal(expression: str, names: Mapping[str, str] | None = None) -> str | None:
    """The text of an expression, its columns renamed; None where one of them has no new name."""
    tree = parse(f"SELECT {expression}").stmts[0].stmt.select_stmt
    for node in walk(tree):
        if node.DESCRIPTOR.name == "ColumnRef" and names is not None:
            name = node.fields[-1].string.sval
            if len(node.fields) != 1 or name not in names:
                return None
            node.fields[0].string.sval = names[name]
    try:
        return deparse(tree)
    except SqlError:
        return None


def columns_of(expression: str) -> frozenset[str]:
    """The names of the columns that it uses; of a whole row none."""
    tree: Any = parse(f"SELECT {expression}").stmts[0].stmt.select_stmt
    return frozenset(
        node.fields[-1].string.sval
        for node in walk(tree)
        if node.DESCRIPTOR.name == "ColumnRef" and node.fields[-1].HasField("string")
    )
