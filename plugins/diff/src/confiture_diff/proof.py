"""The proof: the plan and its way back are run on a scratch database, and what comes out is read and compared.

First over sample rows. Where rows stop a statement, that is told, and the proof is made once more without any.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import ProofFailed
from confiture.model import Schema, Statement
from confiture_diff.comparing import column_orders, differences
from confiture_diff.model import DataFailure, Difference, Proof
from confiture_diff.running import create_roles, first_failure
from confiture_diff.scratch import SETTINGS

if TYPE_CHECKING:
    from confiture.model import Plan, Target
    from confiture.protocols import Context
    from confiture_diff.elaborate import Elaboration

__all__ = ["Journey", "proof_failed", "prove"]

#: Classes and codes of errors that rows cause: data exceptions, integrity constraints, and what a plan raises itself
#: where data would be lost (raise_exception).
_BY_DATA_CLASSES = ("22", "23")
_BY_DATA = frozenset({"P0001", "55000", "42846"})
_SHOWN = 20


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be proved: from ``before`` by ``plan`` to ``after``, and by ``backward`` (None: not) back.

    ``done`` are the first statements of the plan, which have been run on ``target`` already; ``rows`` are in it.
    """

    before: Schema
    after: Schema
    plan: Plan
    backward: Plan | None
    target: Target
    done: int = 0
    rows: int = 0


async def prove(ctx: Context, old: Elaboration, journey: Journey) -> tuple[Proof, tuple[str, ...]]:
    """The proof, and what is to be noted: what ends otherwise, and is no difference."""
    proof, notes = await _attempt(ctx, old, journey, over_rows=journey.rows > 0)
    if not proof.failures:
        return proof, notes
    async with AsyncExitStack() as stack:
        target = await old.fresh_copy(stack)
        again, notes = await _attempt(
            ctx, old, msgspec.structs.replace(journey, target=target, done=0), over_rows=False
        )
    return msgspec.structs.replace(again, failures=proof.failures, with_rows=proof.with_rows), notes


async def _attempt(
    ctx: Context, old: Elaboration, journey: Journey, *, over_rows: bool
) -> tuple[Proof, tuple[str, ...]]:
    ways: list[tuple[str, Sequence[Statement], Schema]] = [
        ("forward", journey.plan.statements[journey.done :], journey.after)
    ]
    if journey.backward is not None:
        ways.append(("backward", journey.backward.statements, journey.before))
    proof = Proof(rows=journey.rows)
    notes: tuple[str, ...] = ()
    for direction, statements, expected in ways:
        stopped = await _run(ctx, journey.target, statements)
        if stopped is not None:
            statement, message, sqlstate = stopped
            return _stopped(proof, direction, statement, message, sqlstate, over_rows=over_rows), notes
        got = await old.inspect_copy(journey.target)
        found, declared = _unsettable(differences(direction, expected, got))
        if found:
            return msgspec.structs.replace(proof, differences=found), notes
        notes += declared
        if direction == "forward" and (orders := column_orders(expected, got)):
            notes += (f"the columns stand in another order than in the new schema: {', '.join(orders)}",)
        proved = (*proof.proved, direction)
        proof = msgspec.structs.replace(proof, proved=proved, with_rows=proved if over_rows else ())
    return proof, notes


def _unsettable(found: Sequence[Difference]) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    """The differences without those that no statement of PostgreSQL mends and no query sees, and notes of these."""
    left = tuple(each for each in found if (each.kind, each.property) != ("column", "local"))
    names = [each.identity for each in found if (each.kind, each.property) == ("column", "local")]
    if not names:
        return left, ()
    way = "" if found[0].direction == "forward" else "after the way back, "
    text = f"{way}declared by the table itself on one side, by its parent alone on the other: {', '.join(names)}"
    return left, (text,)


async def _run(ctx: Context, target: Target, statements: Sequence[Statement]) -> tuple[Statement, str, str] | None:
    async with ctx.connect(target, settings=SETTINGS) as connection:
        await create_roles(connection, statements)
        failed = await first_failure(connection, statements)
    if failed is None:
        return None
    number, error = failed
    return statements[number], str(error.message), str(error.sqlstate)


def _stopped(
    proof: Proof, direction: str, statement: Statement, message: str, sqlstate: str, *, over_rows: bool
) -> Proof:
    if over_rows and (sqlstate[:2] in _BY_DATA_CLASSES or sqlstate in _BY_DATA):
        failure = DataFailure(
            direction=direction,
            sql=statement.sql,
            message=message,
            sqlstate=sqlstate,
            failing_rows=statement.effects.failing_rows if statement.effects else None,
        )
        return msgspec.structs.replace(proof, failures=(*proof.failures, failure))
    found = Difference(
        direction=direction,
        kind="statement",
        identity=statement.sql,
        expected="no error",
        got=f"{message} ({sqlstate})",
    )
    return msgspec.structs.replace(proof, differences=(found,))


def proof_failed(proof: Proof) -> ProofFailed:
    """The error that lists where the plan leads elsewhere."""
    lines = [_line(each) for each in proof.differences[:_SHOWN]]
    if len(proof.differences) > _SHOWN:
        lines.append(f"... and {len(proof.differences) - _SHOWN} more")
    where = "new" if proof.differences[0].direction == "forward" else "old"
    return ProofFailed(
        f"the plan was tried and does not lead to the {where} schema",
        detail="\n".join(lines),
        hint="report it with both schemas; --force takes the plan all the same, --exclude leaves an object out",
    )


def _line(each: Difference) -> str:
    what = f"{each.direction}: {each.kind} {each.identity}"
    if each.kind == "statement":
        return f"{each.direction}: {each.identity}: {each.got}"
    if not each.property:
        return f"{what}: {'is missing' if each.got is None else 'should not be there'}"
    return f"{what}: {each.property} is {each.got}, not {each.expected}"
