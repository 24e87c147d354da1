"""From decoded changes to what is told: which table a relation belongs to, and which columns its rows had."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from confiture.errors import CaptureBroken
from confiture_slot.pgoutput import UNKNOWN, Change, Described, Unknown

if TYPE_CHECKING:
    from confiture_slot.registry import Registered, Registry

__all__ = ["Telling"]

_Row = tuple[str | None, ...]
#: A table of which more rows are to be told is told as emptied: all of it is read again, and no list of them is held.
_MOST_ROWS = 1_000_000


class Telling:
    """Collects rows and emptied tables."""

    def __init__(self, registry: Registry) -> None:
        self._known = registry.by_label()
        self._forgotten = frozenset(registry.forgotten)
        self._by_root = {known.relation: known for known in registry.tables}
        self._by_oid = {oid: known for known in registry.tables for oid in known.relations}
        self._strange = set[int]()
        self._many = set[str]()
        # A table that was made anew since: its earlier rows are of the same label.
        self._by_name = {name: known for known in registry.tables for name in known.relations.values()}
        self._by_name |= self._known
        self.rows: defaultdict[str, set[_Row]] = defaultdict(set)
        self.truncated: set[str] = set()
        self.faults: dict[str, str] = {}
        self.entries = 0

    @property
    def roots(self) -> list[int]:
        """The captured tables themselves."""
        return list(self._by_root)

    def strange(self, change: Change) -> int | None:
        """The relation that changed, where nobody has heard of it before."""
        if change.relation is None or change.relation.oid in self._by_oid:
            return None
        oid = change.relation.oid
        return None if oid in self._strange or oid in self._forgotten else oid

    def introduce(self, oid: int, root: int | None) -> None:
        """A partition that is there now, and its captured table; or something that is none."""
        if root is None:
            self._strange.add(oid)
        else:
            self._by_oid[oid] = self._by_root[root]

    def take(self, change: Change) -> None:
        """One change. What cannot be told is a fault, unless the table is told as emptied later."""
        if change.kind == "M":
            self.entries += 1
            self.truncated.add(change.message)
            self.faults.pop(change.message, None)
            return
        relation = change.relation
        assert relation is not None
        if relation.oid in self._forgotten:
            return
        self.entries += 1
        known = self._by_oid.get(relation.oid) or self._by_name.get(relation.label)
        if known is None:
            self._stray(relation)
        elif change.kind == "T":
            self.truncated.add(known.label)
        else:
            self._row(known, relation, change)

    def _stray(self, relation: Described) -> None:
        """A partition that came and went: nobody knows of which table."""
        partitioned = [known.label for known in self._known.values() if known.partitioned]
        self.truncated.update(partitioned)
        if not partitioned:
            self.faults[relation.label] = "it belongs to no captured table"

    def _row(self, known: Registered, relation: Described, change: Change) -> None:
        before, after = change.before, change.after
        if change.kind == "U" and before is None and all(name in relation.key for name in known.columns):
            before = after  # the server tells an identity only where it has changed
        if after is not None and before is not None and after is not before:
            after = {name: before.get(name, UNKNOWN) if value is UNKNOWN else value for name, value in after.items()}
        for row in (before, after) if change.kind == "U" else (before if change.kind == "D" else after,):
            values: list[str | None] = []
            for name in known.columns:
                value = UNKNOWN if row is None else row.get(name, UNKNOWN)
                if isinstance(value, Unknown):
                    self.faults[known.label] = f"a row of {relation.label!r} was told without its column {name!r}"
                    return
                values.append(value)
            if known.label in self._many:
                continue
            rows = self.rows[known.label]
            rows.add(tuple(values))
            if len(rows) > _MOST_ROWS:
                self._many.add(known.label)
                self.truncated.add(known.label)
                rows.clear()

    def check(self) -> None:
        """Raise ``CaptureBroken`` for the first fault."""
        for label, fault in self.faults.items():
            raise CaptureBroken(
                f"changes of {label!r} cannot be told: {fault}",
                hint="install the capture again: the table is then told as emptied, and everything of it read again",
            )
