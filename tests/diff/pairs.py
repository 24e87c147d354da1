"""The databases of a case, made when they are needed and used for as many of its tests as possible."""

from __future__ import annotations

import itertools

from diff.case import Case
from diff.databases import Databases
from diff.judge import canonical
from diff.planner import Side

__all__ = ["Pair"]

_numbers = itertools.count(1)


class Pair:
    """The two databases of a case as they were loaded, and their dumps; a used one is made anew."""

    def __init__(self, databases: Databases, case: Case, prefix: str) -> None:
        self._databases = databases
        self.case = case
        number = next(_numbers)
        self.old = Side(case.old, f"{prefix}_{number}_old")
        self.new = Side(case.new, f"{prefix}_{number}_new")
        self._fresh: set[str] = set()
        self._scripts: dict[str, str] = {}

    def load(self, side: Side) -> None:
        """Have its database as the script leaves it."""
        if side.database not in self._fresh:
            self._databases.drop(side.database)
            self._databases.create(side.database)
            error = self._databases.load(side.database, side.script)
            assert not error, f"{side.script.name} does not load: {error}"
            self._fresh.add(side.database)

    def use(self, side: Side) -> str:
        """Its database, to be changed."""
        self.load(side)
        self.script(side)
        self._fresh.discard(side.database)
        return side.database

    def dump(self, side: Side) -> tuple[str, ...]:
        """The dump of what its script makes, as the judge compares it."""
        return canonical(self.script(side))

    def script(self, side: Side) -> str:
        """What ``pg_dump`` writes of what its script makes."""
        if side.database not in self._scripts:
            self.load(side)
            self._scripts[side.database] = self._databases.dump_script(side.database)
        return self._scripts[side.database]

    def close(self) -> None:
        """Drop both."""
        self._databases.drop(self.old.database, self.new.database)
