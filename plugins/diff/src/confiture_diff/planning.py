"""From two schemas to a plan: renames first, one round after the other, then what is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import DecisionsNeeded, Refused
from confiture.hooks import DIFFER
from confiture.model import Decisions, DiffOptions, Plan, Question, Rename, Schema, Statement

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_diff.model import DiffConfig

__all__ = ["Renamed", "decisions_needed", "drops_followed", "new_name", "rename_rounds", "way_back"]

#: A round renames what the last one made visible: a schema, its tables, their columns, their constraints.
_ROUNDS = 20


class Renamed(msgspec.Struct, frozen=True, kw_only=True):
    """The old schema after its renames, and the statements that made them."""

    schema: Schema
    statements: tuple[Statement, ...] = ()
    renames: tuple[Rename, ...] = ()


async def rename_rounds(
    ctx: Context,
    before: Schema,
    after: Schema,
    decisions: Decisions,
    config: DiffConfig,
    version: int,
    run: Callable[[tuple[Statement, ...]], Awaitable[Schema]],
) -> Renamed:
    """Rename until nothing is renamed any more. ``run`` runs statements on the old side's copy and reads it again.

    Raises ``DecisionsNeeded`` for what the differ is not sure of.
    """
    differ = ctx.get(DIFFER, config.differ)
    statements: list[Statement] = []
    renames: list[Rename] = []
    current = before
    for _ in range(_ROUNDS):
        matching = await differ.match(ctx, current, after, decisions)
        if matching.questions:
            raise decisions_needed(matching.questions)
        if not matching.statements:
            break
        statements += _with_effects(matching.statements, current, version)
        renames += matching.renames
        current = await run(matching.statements)
    return Renamed(schema=current, statements=tuple(statements), renames=tuple(renames))


def _with_effects(statements: tuple[Statement, ...], schema: Schema, version: int) -> tuple[Statement, ...]:
    """The statements and what they do to a database of ``schema`` in use."""
    from confiture.sql.effects import annotate

    return annotate(Plan(statements=statements), schema, version=version).statements if statements else ()


def decisions_needed(questions: tuple[Question, ...]) -> DecisionsNeeded:
    """The error that names for each question both ways to decide it."""
    lines = []
    for question in questions:
        old = question.old
        # What stands in public may be written without it.
        name = old.identity.removeprefix("public.")
        lines.append(f"{old.kind} {old.identity} is gone")
        for rename in question.renames:
            why = f" ({', '.join(rename.evidence)})" if rename.evidence else ""
            new, was = new_name(old.identity, rename.new.identity), new_name(rename.new.identity, old.identity)
            lines.append(f"  renamed to {new}{why}:")
            lines.append(f"    --rename {name}={new}")
            lines.append(f"    or in the DDL, behind it: -- confiture: renamed from {was}")
        lines.append(f"  dropped with what it holds: --drop {name}")
    several = len(questions) > 1
    error = DecisionsNeeded(
        f"{len(questions)} objects are gone, and may have been renamed"
        if several
        else f"{questions[0].old.kind} '{questions[0].old.identity}' is gone, and may have been renamed",
        detail="\n".join(lines),
        hint="decide with the options above, or with the comments in the DDL",
    )
    error.questions = questions
    return error


def new_name(old: str, new: str) -> str:
    """What to write for the identity ``new`` beside ``old``: the last name alone, where all before it is the same."""
    last = last_name(new)
    return last if new.removesuffix(last) == old.removesuffix(last_name(old)) else new


def drops_followed(drops: tuple[str, ...], renames: tuple[Rename, ...]) -> tuple[str, ...]:
    """The drops, and beside each what it is called once these renames are done."""
    found = list(drops)
    for rename in renames:
        old, new = rename.old.identity, rename.new.identity
        for name in list(found):
            for start in (old, old.removeprefix("public.")):
                if name == start or name.startswith(f"{start}."):
                    found.append(new + name[len(start) :])
    return tuple(dict.fromkeys(found))


def last_name(identity: str) -> str:
    """The last name of an identity: ``display_name`` of ``public.users.display_name``."""
    depth = quoted = 0
    start = 0
    for index, character in enumerate(identity):
        if character == '"':
            quoted ^= 1
        elif not quoted and character == "(":
            depth += 1
        elif not quoted and character == ")":
            depth -= 1
        elif character == "." and not quoted and not depth:
            start = index + 1
    return identity[start:]


async def way_back(
    ctx: Context, renamed: Renamed, after: Schema, options: DiffOptions, config: DiffConfig
) -> tuple[Plan, str | None]:
    """The plan from the new schema to the old one, and why there is none where there is none.

    The old schema under its new names comes first, then the renames are undone in their opposite order.
    """
    if any(statement.undo is None for statement in renamed.statements):
        return Plan(statements=()), "a rename has no undo"
    try:
        plan = await ctx.get(DIFFER, config.differ).diff(ctx, after, renamed.schema, options)
    except Refused as error:
        return Plan(statements=()), error.message
    undone = tuple(
        Statement(sql=statement.undo or "", kind=statement.kind, undo=statement.sql)
        for statement in reversed(renamed.statements)
    )
    undone = _with_effects(undone, renamed.schema, options.target_version)
    return msgspec.structs.replace(plan, statements=(*plan.statements, *undone)), None
