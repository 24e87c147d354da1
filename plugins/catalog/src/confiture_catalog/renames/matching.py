"""One round of matching: decisions first, then what the schemas themselves show, wholes before their parts."""

from __future__ import annotations

from collections.abc import Iterable

from confiture.model import Decisions, Matching, Question, Rename, Schema, SchemaObject
from confiture_catalog.renames.assigning import Candidate
from confiture_catalog.renames.columns import find_columns
from confiture_catalog.renames.decisions import Book, Decided
from confiture_catalog.renames.members import find_members
from confiture_catalog.renames.statements import statements
from confiture_catalog.renames.tables import find_schemas, find_tables
from confiture_catalog.renames.wholes import find_wholes
from confiture_catalog.renames.world import World

__all__ = ["match_names"]


def match_names(old: Schema, new: Schema, decisions: Decisions) -> Matching:
    """What of ``old`` has another name in ``new``, as far as it can be told in one round.

    A round stops at the first of these with something to rename, since what follows is seen only afterwards: schemas;
    wholes; columns, attributes and labels; constraints, indexes and their like. Parts that somebody has decided about
    go with the wholes. Questions come only where nothing is left to rename.
    Raises ``UsageError`` for a decision about nothing, or two about one thing.
    """
    if old.digest == new.digest:
        return Matching()
    world = World(old, new, decisions.drops)
    book = Book(world, decisions)
    decided = book.wholes()
    schemas = [each for each in decided if each.old.kind == "schema"]
    found = find_schemas(world, _both(decided))
    if schemas or found.sure:
        book.parts(decided)  # says what is wrong before anything is done
        return _round(world, schemas, found.sure)
    questions = found.questions

    tables = find_tables(world, _both(decided))
    wholes = [*tables.sure, *find_wholes(world, _both(decided))]
    questions += tables.questions
    said = [*decided, *(Decided(each.old, each.new) for each in wholes)]
    decided_parts = book.parts(said)
    if said:
        return _round(world, [*decided, *decided_parts], wholes)

    taken = _both(decided_parts)
    columns = find_columns(world, taken)
    questions += columns.questions
    if columns.sure or decided_parts:
        return _round(world, decided_parts, columns.sure)
    if members := find_members(world, taken):
        return _round(world, [], members)
    return Matching(questions=tuple(sorted(questions, key=_old_key)))


def _round(world: World, decided: Iterable[Decided], found: Iterable[Candidate]) -> Matching:
    hinted = [
        Rename(old=each.old.key, new=each.new.key, evidence=("somebody said so",), hinted=True) for each in decided
    ]
    seen = [each.rename() for each in found]
    pairs = [*((each.old, each.new) for each in decided), *((each.old, each.new) for each in found)]
    return Matching(
        renames=tuple(sorted([*hinted, *seen], key=lambda each: each.old)),
        statements=tuple(statements(pairs, world.old, world.new)),
    )


def _both(decided: Iterable[Decided]) -> list[SchemaObject]:
    return [side for each in decided for side in (each.old, each.new)]


def _old_key(question: Question) -> tuple[str, str]:
    return question.old
