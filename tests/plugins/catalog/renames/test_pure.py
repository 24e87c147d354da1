"""What holds for all values: the best total is the best there is, likeness has no direction, nothing is nothing."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from confiture.model import Decisions, Matching, Schema, SchemaObject
from confiture_catalog.renames import match_names
from confiture_catalog.renames.assigning import Candidate, assign
from confiture_catalog.renames.likeness import likeness

SCORES = st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=5), min_size=1, max_size=5).filter(
    lambda rows: len({len(row) for row in rows}) == 1
)
NAMES = st.text(st.sampled_from("abz_AB19 "), min_size=1, max_size=12)


def thing(name: str) -> SchemaObject:
    return SchemaObject(kind="index", identity=f"public.{name}", schema="public", name=name, properties={})


@given(SCORES)
def test_no_other_pairs_have_a_better_total(rows):
    olds = [thing(f"old_{i}") for i in range(len(rows))]
    news = [thing(f"new_{j}") for j in range(len(rows[0]))]
    candidates = [
        Candidate(old=olds[i], new=news[j], score=score / 8)
        for i, row in enumerate(rows)
        for j, score in enumerate(row)
        if score
    ]
    chosen = assign(candidates, guess=True).sure
    assert len({each.old.identity for each in chosen}) == len({each.new.identity for each in chosen}) == len(chosen)
    size = max(len(rows), len(rows[0]))
    square = [[rows[i][j] if i < len(rows) and j < len(rows[0]) else 0 for j in range(size)] for i in range(size)]
    best = max(sum(square[i][j] for i, j in enumerate(order)) for order in permutations(range(size)))
    assert round(sum(each.score for each in chosen) * 8) == best


@given(NAMES, NAMES)
def test_likeness_has_no_direction_and_stays_within_bounds(one, other):
    assert likeness(one, other) == likeness(other, one)
    assert 0 <= likeness(one, other) <= 1
    assert likeness(one, one) == 1


@given(st.sets(NAMES, max_size=6), st.sets(NAMES, max_size=6))
def test_a_schema_has_no_new_names_in_itself_and_nothing_becomes_nothing(ours, theirs):
    old, new = Schema.of(map(thing, ours)), Schema.of(map(thing, theirs))
    assert match_names(old, old, Decisions()) == Matching()
    assert match_names(old, Schema.of(()), Decisions()) == Matching()
    assert match_names(Schema.of(()), new, Decisions()) == Matching()


def test_a_tie_is_asked_about_and_a_clear_winner_is_not():
    old, one, other = thing("a"), thing("b"), thing("c")
    tie = [Candidate(old=old, new=each, score=0.8) for each in (one, other)]
    assert (assign(tie).sure, len(assign(tie).questions)) == ([], 1)
    clear = [Candidate(old=old, new=one, score=0.9), Candidate(old=old, new=other, score=0.7)]
    assert [each.new for each in assign(clear).sure] == [one]
