"""The parts that bring the rows of one old table back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.quoting import quote_ident
from confiture_schema_to_schema.compiling import trees
from confiture_schema_to_schema.reversing.forward import Forward
from confiture_schema_to_schema.reversing.inverting import Inverse, Opaque
from confiture_schema_to_schema.reversing.telling import Mark, marks_of
from confiture_schema_to_schema.values import Part

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Key, Table

__all__ = ["Composed", "compose"]

_INTEGERS = frozenset({"smallint", "integer", "bigint"})


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """The parts, () where they would not bring all back; then ``reasons`` say why, by the number of the way there."""

    parts: tuple[Part, ...] = ()
    reasons: Mapping[int, tuple[str, ...]] = {}


def compose(source: Table, forwards: Sequence[Forward], beside: Mapping[int, Sequence[Forward]]) -> Composed:
    """``forwards`` lead from the old table ``source``. ``beside``: by number, others that fill the same new table."""
    return _Composing(source, forwards, beside).run()


class _Composing:
    def __init__(self, source: Table, forwards: Sequence[Forward], beside: Mapping[int, Sequence[Forward]]) -> None:
        self._source = source
        self._forwards = forwards
        self._reasons: dict[int, list[str]] = {}
        self._marks: dict[int, tuple[Mark, ...]] = {}
        for forward in forwards:
            self._look_at(forward, beside[forward.part.number])

    def run(self) -> Composed:
        parts: list[Part] = []
        if not self._reasons:
            whole = [each for each in self._forwards if each.filter is None]
            if len(self._forwards) == 1:
                parts = [self._part(self._forwards[0], ())]
            elif whole:
                parts = [self._joined(whole)]
            else:
                parts = self._beside()
        reasons = {number: tuple(dict.fromkeys(each)) for number, each in self._reasons.items()}
        return Composed(parts=() if reasons else tuple(parts), reasons=reasons)

    def _no(self, forward: Forward, why: str) -> None:
        self._reasons.setdefault(forward.part.number, []).append(why)

    # -- what a way there leaves behind ------------------------------------------------------------------------------

    def _look_at(self, forward: Forward, others: Sequence[Forward]) -> None:
        if forward.why is not None:
            self._no(forward, forward.why)
            return
        marks = marks_of(forward, others)
        if marks is None and others:
            names = ", ".join(dict.fromkeys(each.source.label for each in (forward, *others)))
            self._no(forward, f"rows of {names} go into one table, and no column says which came from where")
        elif marks is None:
            self._no(forward, "it is multiplied, and other values would have no way back")
        self._marks[forward.part.number] = marks or ()
        known = self._told()
        mentioned = {name for each in self._forwards for given in each.given.values() for name in given.mentions}
        for name, output in forward.outputs.items():
            if isinstance(output, Opaque) and name not in mentioned and not (output.refs is not None
                                                                             and output.refs <= known):  # fmt: skip
                self._no(forward, f"column {name}: it is {output.why}, and the old value cannot be told from it")

    def _told(self) -> set[str]:
        """Old columns whose values are told by some column of the new tables."""
        found = {column.name for column in self._source.columns if column.generated}
        for forward in self._forwards:
            found |= forward.given.keys()
            found |= {each.old for each in forward.outputs.values() if isinstance(each, Inverse)}
        return found

    # -- parts -------------------------------------------------------------------------------------------------------

    def _columns(self, forward: Forward, alias: str) -> dict[str, str]:
        """By old column, the SQL over the new row."""
        found = {}
        for column in self._source.columns:
            if column.generated:
                continue
            if column.name in forward.given:
                found[column.name] = forward.given[column.name].sql(alias, forward.target)
            elif (inverse := forward.inverse(column.name)) is not None:
                found[column.name] = inverse.sql(alias)
            elif column.name in forward.equals:
                found[column.name] = forward.equals[column.name]
        return found

    def _part(self, forward: Forward, joined: Sequence[Forward]) -> Part:
        """All of a row, from the row of one new table, and those of others that are joined by its key."""
        table = forward.target
        alias = quote_ident(table.name)
        key = self._key(forward)
        if key is None:
            self._no(forward, f"no key of {table.label} leads to a key of {self._source.label}")
            return forward.part
        marks = self._marks[forward.part.number]
        if forward.filter is not None and any(mark.column not in key.columns for mark in marks):
            self._no(forward, "filter: a row that it leaves out may have the key of a row of another table")
        outputs = self._columns(forward, alias)
        joins = [f"{'' if table.partitioned or not table.only else 'ONLY '}{table.sql} AS {alias}"]
        for number, other in enumerate(joined, 1):
            joins.append(self._join(forward, alias, other, quote_ident(f"confiture_{number}"), outputs))
        self._check_inserts(forward, outputs)
        conditions = [mark.sql(alias) for mark in marks]
        # A row of another old table must not lead to a row of this one that has its key.
        guard = " AND ".join(mark.sql(alias) for mark in marks if mark.column in key.columns)
        names = [column.name for column in self._source.columns if column.name in outputs]
        guarded = {name for each in self._source.keys for name in each.columns} if guard else set()
        written = [
            f"CASE WHEN {guard} THEN {outputs[name]} END" if name in guarded else outputs[name] for name in names
        ]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        query = trees.text(trees.select(f"SELECT {', '.join(written)} FROM {' '.join(joins)}{where}"))
        plain = {
            name: inverse.new
            for name in names
            if name not in guarded
            and name not in forward.given
            and (inverse := forward.inverse(name)) is not None
            and inverse.same
        }
        return Part(
            number=forward.part.number,
            target=self._source.label,
            source=table.label,
            alias=alias,
            query=query,
            columns=tuple(names),
            key=key.columns,
            lookups=tuple(dict.fromkeys(each.target.label for each in joined)),
            binary=False,
            complex=bool(joined or marks or len(plain) != len(names)),
            plain=plain,
            upsert=True,
            within=forward.filter,
            partial=bool(joined or marks),
            given=tuple(name for name in names if any(name in each.given for each in (forward, *joined))),
        )

    def _key(self, forward: Forward) -> Key | None:
        """A key of the new table that tells a key of the old one, and is told by it: each row is one row there."""
        marks = {mark.column for mark in self._marks[forward.part.number]}
        for key in forward.target.keys:
            for old in self._source.keys:
                inverses = [forward.inverse(name) for name in old.columns if name not in forward.given]
                names = {each.new for each in inverses if each is not None}
                whole = len(inverses) == len(old.columns) and None not in inverses
                if whole and names <= set(key.columns) <= names | marks:
                    return key
        return None

    def _join(self, forward: Forward, alias: str, other: Forward, name: str, outputs: dict[str, str]) -> str:
        """Another new table with columns of the same rows."""
        table = other.target
        conditions, columns = [], set()
        for old in next((each.columns for each in self._source.keys), ()):
            one, two = forward.inverse(old), other.inverse(old)
            if one is None or two is None:
                self._no(other, f"nothing in {table.label} leads to the rows of {forward.target.label}")
                return ""
            columns.add(two.new)
            conditions.append(_equal(one, alias, forward.target, two, name, table))
        if not columns or not any(set(key.columns) <= columns for key in table.keys):
            self._no(other, f"several rows of {table.label} may be parts of one row of {self._source.label}")
            return ""
        conditions += [mark.sql(name) for mark in self._marks[other.part.number]]
        inner = False
        for old, sql in self._columns(other, name).items():
            if old not in outputs:
                outputs[old] = sql
                column = self._source.column(old)
                inner = inner or (column is not None and column.not_null)
        # Where a column must have a value, the row is one when all of its parts are there.
        kind = "INNER" if inner else "LEFT"
        only = "ONLY " if table.only and not table.partitioned else ""
        return f"{kind} JOIN {only}{table.sql} AS {name} ON {' AND '.join(conditions)}"

    def _check_inserts(self, forward: Forward, outputs: Iterable[str]) -> None:
        for column in self._source.columns:
            if column.name not in outputs and column.not_null and not column.filled_by_itself:
                self._no(
                    forward,
                    f"dropped column {column.name}: it is NOT NULL without a default, so that a new row has no place",
                )

    def _joined(self, whole: Sequence[Forward]) -> Part:
        """The columns of each row are in several new tables."""
        first = next((each for each in whole if self._key(each) is not None), whole[0])
        others = [each for each in self._forwards if each is not first]
        for each in others:
            if each.filter is not None:
                self._no(each, "filter: what it leaves out cannot be told from what was deleted")
        if self._reasons:
            return first.part
        return self._part(first, others)

    def _beside(self) -> list[Part]:
        """Each row is in one of several new tables, by filters of which no two let the same row pass."""
        for number, one in enumerate(self._forwards):
            for other in self._forwards[number + 1 :]:
                names = one.equals.keys() & other.equals.keys()
                if not any(one.equals[name] != other.equals[name] for name in names):
                    self._no(one, f"filter: a row may be in {one.target.label} and in {other.target.label}")
        if self._reasons:
            return []
        parts = [self._part(each, ()) for each in self._forwards]
        columns = set(parts[0].columns)
        for forward, part in zip(self._forwards, parts, strict=True):
            if self._reasons.get(forward.part.number):
                continue
            if set(part.columns) != columns:
                missing = ", ".join(sorted(columns ^ set(part.columns)))
                self._no(forward, f"column {missing}: only some of the tables tell it")
            keys = next((each.columns for each in self._source.keys), ())
            if any((inverse := forward.inverse(name)) is None or inverse.condition("t") for name in keys):
                self._no(forward, f"its rows cannot be found by the key of {self._source.label}")
        return parts


def _equal(one: Inverse, alias: str, table: Table, two: Inverse, name: str, other: Table) -> str:
    """Without a cast where there is a way, or no index would be of use."""
    bases = [column.base for each, of in ((one, table), (two, other)) if (column := of.column(each.new)) is not None]
    bare = all(each.factor == 1 and not each.offset and not each.zone for each in (one, two))
    if bare and (len(set(bases)) == 1 or set(bases) <= _INTEGERS):
        return f"{name}.{quote_ident(two.new)} = {alias}.{quote_ident(one.new)}"
    return f"{two.sql(name)} = {one.sql(alias)}"
