"""Collects what one statement does, and turns it into effects and hazards."""

from __future__ import annotations

from collections.abc import Iterable

from confiture.model import Effects, Hazard
from confiture.sql.effects import hazards as kinds
from confiture.sql.effects.known import Known, Relation
from confiture.sql.effects.locks import ACCESS_SHARE, blocks_reads, blocks_writes, stronger

__all__ = ["Found"]


class Found:
    """What is found of one statement so far. What the same plan has created is nobody's trouble and is left out."""

    def __init__(self, known: Known, version: int) -> None:
        self.known = known
        self.version = version
        self._locks: dict[str, str] = {}
        self._rewritten: dict[str, None] = {}
        self._scanned: dict[str, str] = {}
        self._failing: list[str | None] = []
        self._hazards: dict[tuple[str, str], None] = {}
        self._loses = False

    def lock(self, relation: Relation, mode: str, *, below: bool = False) -> None:
        """It takes the lock; ``below``: on partitions and children as well."""
        if mode in ("", ACCESS_SHARE):
            return
        for one in (relation, *(self.known.below(relation) if below else ())):
            if not one.created:
                self._locks[one.identity] = stronger(self._locks.get(one.identity, ""), mode)

    def rewrite(self, relation: Relation, *, below: bool = True) -> None:
        """It writes the table anew."""
        for one in (relation, *(self.known.below(relation) if below else ())):
            if not one.created and one.kind not in ("view", "foreign table"):
                self._rewritten[one.identity] = None

    def scan(self, relation: Relation, mode: str, *, below: bool = True) -> None:
        """It reads the whole table, under a lock of that mode."""
        for one in (relation, *(self.known.below(relation) if below else ())):
            if not one.created and one.kind not in ("view", "foreign table"):
                self._scanned[one.identity] = stronger(self._scanned.get(one.identity, ""), mode)

    def fail(self, relation: Relation, why: str, failing_rows: str | None = None) -> None:
        """Rows of the table may make it fail."""
        if not relation.created:
            self._failing.append(failing_rows)
            self.hazard(kinds.FAILS_ON_DATA, why)

    def lose(self, relation: Relation | None, what: str) -> None:
        """Data is gone afterwards."""
        if relation is None or not relation.created:
            self._loses = True
            self.hazard(kinds.DELETES_DATA, what)

    def breaks(self, relation: Relation | None, what: str) -> None:
        """A name that applications use is gone."""
        if relation is None or not relation.created:
            self.hazard(kinds.BREAKS_CLIENTS, what)

    def take(self, effects: Effects) -> None:
        """What somebody who knows says of it."""
        for identity in effects.tables:
            relation = self.known.at(identity)
            self.lock(relation, effects.lock)
            if effects.rewrites:
                self.rewrite(relation)
            elif effects.scans:
                self.scan(relation, effects.lock)
        if effects.fails_on_data:
            self.fail(self.known.at(effects.tables[0]), "its values may not fit", effects.failing_rows)

    def hazard(self, kind: str, message: str) -> None:
        """Any other hazard."""
        self._hazards[(kind, message)] = None

    def result(self) -> tuple[Effects, tuple[Hazard, ...]]:
        """All of it; the hazards in the order of the vocabulary."""
        lock = ""
        for mode in self._locks.values():
            lock = stronger(lock, mode)
        tables = tuple(sorted(name for name, mode in self._locks.items() if mode == lock))
        if self._rewritten:
            self.hazard(kinds.TABLE_REWRITE, f"writes {_names(self._rewritten)} anew")
        elif read := [name for name, mode in self._scanned.items() if blocks_writes(mode)]:
            self.hazard(kinds.TABLE_SCAN, f"reads all of {_names(read)} while nobody can write to it")
        if blocks_reads(lock):
            self.hazard(kinds.ACCESS_EXCLUSIVE_LOCK, f"nobody can read or write {_names(tables)} meanwhile")
        elif blocks_writes(lock):
            self.hazard(kinds.BLOCKS_WRITES, f"nobody can write to {_names(tables)} meanwhile")
        order = {kind: number for number, kind in enumerate(kinds.HAZARDS)}
        effects = Effects(
            lock=lock,
            tables=tables,
            rewrites=bool(self._rewritten),
            scans=bool(self._scanned or self._rewritten),
            fails_on_data=bool(self._failing),
            failing_rows=next((query for query in self._failing if query is not None), None),
            loses_data=self._loses,
        )
        return effects, tuple(Hazard(*each) for each in sorted(self._hazards, key=lambda one: order[one[0]]))


def _names(names: Iterable[str]) -> str:
    found = [f'"{name}"' for name in names]
    return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
