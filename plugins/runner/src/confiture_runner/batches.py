r"""Cuts a plan into what goes to the server at once. Pure functions of the plan.

A statement a round trip costs as much again as the statements themselves (6,000 of them: 2.6 s, in batches of 200:
1.7 s), so consecutive statements travel together as one simple query.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from confiture.model import Statement

__all__ = ["BATCH_BYTES", "BATCH_STATEMENTS", "SEPARATOR", "Batch", "Segment", "cut", "join", "segments", "share"]

#: Measured from 20 to 400: all within the noise from 50 up. A batch is a transaction where the plan is not atomic: 200
#: tables with their indexes take some 1,500 of the 6,400 locks that a server has room for at default settings.
BATCH_STATEMENTS = 200
#: Above this, a batch saves nothing and costs memory on both sides.
BATCH_BYTES = 256 * 1024
#: The newline before it ends a comment in which a statement may end.
SEPARATOR = "\n;\n"


class Batch(msgspec.Struct, frozen=True):
    """Statements that travel together: their numbers in the plan, the query, where each begins in it (characters)."""

    numbers: tuple[int, ...]
    text: str
    starts: tuple[int, ...]

    def locate(self, position: int) -> tuple[int, int]:
        """The number of the statement at that position (from 1) of the text, and the position (from 1) within it."""
        index = max(bisect_right(self.starts, position - 1) - 1, 0)
        return self.numbers[index], position - self.starts[index]

    def within(self, before: str, after: str) -> Batch:
        """The same batch with something before and behind it in its message."""
        starts = tuple(start + len(before) for start in self.starts)
        return Batch(self.numbers, f"{before}{self.text}{after}", starts)

    def split(self, statements: Sequence[Statement]) -> Iterator[Batch]:
        """A batch for each statement."""
        for number in self.numbers:
            yield Batch((number,), statements[number].sql, (0,))


class Segment(msgspec.Struct, frozen=True):
    """Statements between two barriers. ``levels`` hold numbers; what is of one level may run at once.

    ``session`` True: one statement that every connection must run. ``alone`` True: one level, in order, nothing beside.
    """

    levels: tuple[tuple[int, ...], ...]
    session: bool = False
    alone: bool = False


def stands_alone(statement: Statement) -> bool:
    """Whether the statement must be a query of its own."""
    return (
        not statement.transactional
        or statement.copy_data is not None
        or statement.lock_timeout_s is not None
        or statement.statement_timeout_s is not None
    )


def cut(
    statements: Sequence[Statement], numbers: Iterable[int], *, closing: frozenset[int] = frozenset(),
    most: int = BATCH_STATEMENTS,
) -> Iterator[Batch]:  # fmt: skip
    """Batches of the numbered statements, in order, of at most ``most``; a batch ends behind one of ``closing``."""
    pending: list[int] = []
    size = 0
    for number in numbers:
        statement = statements[number]
        alone = stands_alone(statement)
        if pending and (alone or len(pending) >= most or size + len(statement.sql) > BATCH_BYTES):
            yield join(statements, pending)
            pending, size = [], 0
        pending.append(number)
        size += len(statement.sql) + len(SEPARATOR)
        if alone or number in closing:
            yield join(statements, pending)
            pending, size = [], 0
    if pending:
        yield join(statements, pending)


def join(statements: Sequence[Statement], numbers: Sequence[int]) -> Batch:
    """One batch of all of the numbered statements."""
    starts = []
    offset = 0
    for number in numbers:
        starts.append(offset)
        offset += len(statements[number].sql) + len(SEPARATOR)
    return Batch(tuple(numbers), SEPARATOR.join(statements[number].sql for number in numbers), tuple(starts))


def segments(statements: Sequence[Statement]) -> Iterator[Segment]:
    """The plan between its barriers: statements that change the session, and runs of statements without a level."""
    numbered = list(enumerate(statements))
    for kind, group in groupby(numbered, key=lambda pair: _lane(pair[1])):
        members = list(group)
        if kind == "session":
            for number, _ in members:
                yield Segment(((number,),), session=True)
        elif kind == "alone":
            yield Segment((tuple(number for number, _ in members),), alone=True)
        else:
            members.sort(key=lambda pair: (pair[1].level, pair[0]))
            levels = groupby(members, key=lambda pair: pair[1].level)
            yield Segment(tuple(tuple(number for number, _ in level) for _, level in levels))


def _lane(statement: Statement) -> str:
    if statement.session:
        return "session"
    return "alone" if statement.level < 0 or not statement.transactional else "levelled"


def locks_another_table(statement: Statement) -> bool:
    """Whether it may lock another table than its own until its transaction ends, in a mode that excludes itself.

    A foreign key locks the table that it refers to in SHARE ROW EXCLUSIVE mode, a partition or a child its parent:
    on two connections such statements wait for each other, crosswise at the worst. The words are looked for without
    parsing, since a wrong answer costs nothing but time.
    """
    if statement.kind not in ("", "CreateStmt", "AlterTableStmt"):
        return False
    text = statement.sql.lower()
    return any(word in text for word in ("references", "foreign key", "partition", "inherit"))


def share(statements: Sequence[Statement], numbers: Sequence[int], jobs: int) -> tuple[list[int], list[list[int]]]:
    """A level dealt out to several connections: what only the first may run, and parts that any may take.

    The parts are neighbours in the plan: these mostly concern the same table, so that parts rarely wait for each
    other's locks. There are more parts than connections, for some take longer.
    """
    first = [number for number in numbers if locks_another_table(statements[number])]
    kept = set(first)
    rest = [number for number in numbers if number not in kept]
    size = max(1, min(BATCH_STATEMENTS, -(-len(rest) // (jobs * 2))))
    return first, [rest[start : start + size] for start in range(0, len(rest), size)]
