"""Candidates put together one to one at the best total, and which of those pairs are beyond doubt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from confiture.model import Question, Rename, SchemaObject

__all__ = ["Assigned", "Candidate", "assign"]

#: How much worse the second best must be. Less than that is a matter of taste.
_MARGIN = 0.08
#: Groups up to this size are solved once more for each of their pairs.
_SMALL = 12


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is gone and something that is new, and what speaks for their being the same.

    ``sure``: enough, unless another candidate is as good. ``asks``: worth a question where it is not sure.
    """

    old: SchemaObject
    new: SchemaObject
    score: float
    evidence: tuple[str, ...] = ()
    sure: bool = True
    asks: bool = True

    def rename(self) -> Rename:
        """The candidate as a result."""
        return Rename(old=self.old.key, new=self.new.key, score=round(min(1.0, self.score), 3), evidence=self.evidence)


class Assigned(msgspec.Struct, kw_only=True):
    """What is certain, and what has to be asked."""

    sure: list[Candidate]
    questions: list[Question]


def assign(candidates: Iterable[Candidate], *, guess: bool = False) -> Assigned:
    """The best pairs. ``guess``: where several are as good, take one all the same, since nothing is lost by it."""
    result = Assigned(sure=[], questions=[])
    for group in _groups(list(candidates)):
        chosen, total = _best(group)
        doubtful: set[str] = set()
        for candidate in chosen:
            clear = guess or _is_clear(group, candidate, total)
            if clear and candidate.sure:
                result.sure.append(candidate)
            elif candidate.asks or candidate.sure:
                doubtful.add(candidate.new.identity)
        taken = {(c.old.identity, c.new.identity) for c in result.sure}
        settled = {old for old, _ in taken} | {new for _, new in taken}
        asked: dict[str, list[Candidate]] = defaultdict(list)
        for candidate in group:
            if candidate.old.identity not in settled and candidate.new.identity not in settled:
                asked[candidate.old.identity].append(candidate)
        for options in asked.values():
            if any(each.new.identity in doubtful and each.asks for each in options):
                options.sort(key=lambda each: (-each.score, each.new.identity))
                renames = tuple(each.rename() for each in options)
                result.questions.append(Question(old=options[0].old.key, renames=renames))
    return result


def _groups(candidates: list[Candidate]) -> list[list[Candidate]]:
    """Candidates that have to do with each other, directly or through others."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = name = parent[parent[name]]
        return name

    for each in candidates:
        parent[root(f"-{each.old.kind} {each.old.identity}")] = root(f"+{each.new.kind} {each.new.identity}")
    found: dict[str, list[Candidate]] = defaultdict(list)
    for each in candidates:
        found[root(f"-{each.old.kind} {each.old.identity}")].append(each)
    return list(found.values())


def _is_clear(group: Sequence[Candidate], candidate: Candidate, total: float) -> bool:
    """Whether doing without that pair would be clearly worse."""
    rivals = [c for c in group if c is not candidate and (c.old is candidate.old or c.new is candidate.new)]
    if not rivals:
        return True
    if len(group) > _SMALL * _SMALL:
        return candidate.score - max(c.score for c in rivals) >= _MARGIN
    others = [each for each in group if each is not candidate]
    return total - _best(others)[1] >= _MARGIN


def _best(group: Sequence[Candidate]) -> tuple[list[Candidate], float]:
    """The pairs with the best total score: the Hungarian method with potentials, O(n^3)."""
    olds = sorted({each.old.identity for each in group})
    news = sorted({each.new.identity for each in group})
    flipped = len(olds) > len(news)
    rows, columns = (news, olds) if flipped else (olds, news)
    by_pair: dict[tuple[str, str], Candidate] = {}
    for each in group:
        pair = (each.new.identity, each.old.identity) if flipped else (each.old.identity, each.new.identity)
        by_pair[pair] = each
    cost = [[-by_pair[row, column].score if (row, column) in by_pair else 0.0 for column in columns] for row in rows]
    chosen = [by_pair[rows[i], columns[j]] for i, j in enumerate(_hungarian(cost)) if (rows[i], columns[j]) in by_pair]
    chosen.sort(key=lambda each: each.old.identity)
    return chosen, sum(each.score for each in chosen)


def _hungarian(cost: list[list[float]]) -> list[int]:
    """The column of each row at the least total; no more rows than columns. Indexes from 1 inside, 0 is nobody."""
    height, width = len(cost), len(cost[0])
    u, v = [0.0] * (height + 1), [0.0] * (width + 1)
    row_of, way = [0] * (width + 1), [0] * (width + 1)
    for row in range(1, height + 1):
        row_of[0], column = row, 0
        least = [float("inf")] * (width + 1)
        seen = [False] * (width + 1)
        while True:
            seen[column] = True
            current, delta, following = row_of[column], float("inf"), 0
            for j in range(1, width + 1):
                if seen[j]:
                    continue
                reduced = cost[current - 1][j - 1] - u[current] - v[j]
                if reduced < least[j]:
                    least[j], way[j] = reduced, column
                if least[j] < delta:
                    delta, following = least[j], j
            for j in range(width + 1):
                if seen[j]:
                    u[row_of[j]] += delta
                    v[j] -= delta
                else:
                    least[j] -= delta
            column = following
            if row_of[column] == 0:
                break
        while column:
            row_of[column] = row_of[way[column]]
            column = way[column]
    found = [0] * height
    for column in range(1, width + 1):
        if row_of[column]:
            found[row_of[column] - 1] = column - 1
    return found
