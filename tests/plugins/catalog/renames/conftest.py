"""Pairs of schemas on real databases, matched round by round as the medium does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import pytest

from confiture.model import Decisions, Question, Rename, Schema, Target
from confiture_catalog.renames import match_names


class Result(msgspec.Struct):
    """What a pair came to. ``target`` is the old database with all renames done, ``left`` the difference then.

    ``other`` is the new database, ``before`` what was asked of the old one before anything was done.
    """

    target: Target
    other: Target
    before: str
    old: Schema
    new: Schema
    renames: list[Rename]
    questions: tuple[Question, ...]
    statements: list[str]
    undo: list[str]
    left: set[tuple[str, str]]

    @property
    def pairs(self) -> set[tuple[str, str, str]]:
        """Kind, old name and new name of each rename, without the schema public."""
        return {
            (each.old.kind, each.old.identity.replace("public.", ""), each.new.identity.replace("public.", ""))
            for each in self.renames
        }


Renamed = Callable[..., Awaitable[Result]]


def decided(*renames: str, drops: tuple[str, ...] = ()) -> Decisions:
    """``decided("a.b=c")``, as on the command line."""
    return Decisions(renames=tuple(tuple(each.split("=", 1)) for each in renames), drops=drops)  # type: ignore[misc]


@pytest.fixture
def renamed(new_database, inspect, psql) -> Renamed:
    """``await renamed(old_sql, new_sql, decisions)``: the rounds of a pair, run with psql."""

    async def run(
        old_sql: str,
        new_sql: str,
        decisions: Decisions | None = None,
        before: Callable[[Target], str] = lambda _: "",
    ) -> Result:
        target, other = new_database(), new_database()
        psql(target, old_sql)
        psql(other, new_sql)
        old, new = await inspect(target), await inspect(other)
        result = Result(target, other, before(target), old, new, [], (), [], [], set())
        now = old
        for _ in range(10):
            matching = match_names(now, new, decisions or Decisions())
            if not matching.renames:
                assert not matching.statements
                break
            result.renames += matching.renames
            for statement in matching.statements:
                psql(target, statement.sql)
                result.statements.append(statement.sql)
                assert statement.undo
                result.undo.insert(0, statement.undo)
            now = await inspect(target)
        else:
            pytest.fail(f"it never ends: {result.statements}")
        result.questions = matching.questions
        result.left = {each.key for each in now.objects} ^ {each.key for each in new.objects}
        return result

    return run
