"""How alike two names are: by their words first, by their letters for slips of the pen."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["ALIKE", "likeness", "near", "numbered"]

#: From here on two names speak for each other: ``full_name`` and ``display_name`` are 0.6.
ALIKE = 0.55

#: Words that half of all columns have: they say what kind of thing it is, not which.
_COMMON = frozenset(
    (
        *("id", "at", "is", "has", "on", "by", "of", "the", "to", "in", "date", "time", "ts", "no", "nr", "num"),
        *("number", "flag", "type", "key", "value", "count", "fk", "pk", "tbl", "table", "idx", "seq", "new", "old"),
        *("my", "tmp"),
    )
)
#: Words that stand for different things where they are all that differs.
_OPPOSITES = tuple(
    frozenset(group.split())
    for group in (
        "first last middle",
        "start end stop begin finish",
        "started ended stopped finished",
        "min max avg mean",
        "minimum maximum average",
        "from to",
        "in out",
        "created updated modified deleted removed",
        "home work mobile",
        "shipping billing",
        "source target destination",
        "sender receiver recipient",
        "left right",
        "top bottom",
        "x y z",
        "lat lon lng",
        "latitude longitude",
        "width height depth",
        "public private",
        "read write",
        "input output",
        "before after",
        "prev previous next",
        "parent child",
        "up down",
        "debit credit",
        "net gross",
        "buy sell",
        "male female",
        "day week month year",
        "open close",
        "opened closed",
        "enabled disabled",
        "active inactive",
        "primary secondary",
    )
)


@lru_cache(maxsize=65536)
def likeness(one: str, other: str) -> float:
    """From 0 (nothing in common) to 1 (the same but for case and separators)."""
    ours, theirs = _tokens(one), _tokens(other)
    if "".join(ours) == "".join(theirs):
        return 1.0
    if numbered(one, other):
        return 0.2
    pairs = _shared(ours, theirs)
    mine = [token for index, token in enumerate(ours) if index not in {i for i, _ in pairs}]
    yours = [token for index, token in enumerate(theirs) if index not in {j for _, j in pairs}]
    if any(a in group and b in group for group in _OPPOSITES for a in mine for b in yours):
        return 0.2
    shared = sum(_weight(ours[i]) + _weight(theirs[j]) for i, j in pairs)
    overlap = shared / (sum(map(_weight, ours)) + sum(map(_weight, theirs)))
    telling = [(i, j) for i, j in pairs if ours[i] not in _COMMON]
    if telling:
        # What a name ends with is what the thing is; what it begins with only says of what.
        contained = not mine or not yours
        same_end = (len(ours) - 1, len(theirs) - 1) in telling
        overlap += 0.1 if contained or same_end else -0.1
    letters = _ratio("".join(ours), "".join(theirs))
    return max(overlap, letters if letters >= 0.75 else 0.0)


def numbered(one: str, other: str) -> bool:
    """Whether the two differ in their numbers alone, such as ``events_2023`` and ``events_2024``."""
    ours, theirs = _tokens(one), _tokens(other)
    if ours == theirs or not any(token.isdigit() for token in (*ours, *theirs)):
        return False
    return [t for t in ours if not t.isdigit()] == [t for t in theirs if not t.isdigit()]


def near(one: str, other: str) -> bool:
    """Whether one is a likely slip of the other."""
    shorter = min(len(one), len(other))
    if shorter < 3 or abs(len(one) - len(other)) > 2:
        return one == other
    return _swapped(one, other) <= (2 if shorter > 5 else 1)


@lru_cache(maxsize=65536)
def _tokens(name: str) -> tuple[str, ...]:
    found: list[str] = []
    before = ""
    for character in name:
        if not character.isalnum():
            before = ""
            continue
        joined = before and (
            (before.isdigit() == character.isdigit()) and not (before.islower() and character.isupper())
        )
        if joined:
            found[-1] += character.lower()
        else:
            found.append(character.lower())
        before = character
    return tuple(found) or (name,)


def _weight(token: str) -> float:
    return 0.25 if token in _COMMON or token.isdigit() else 1.0


def _shared(ours: tuple[str, ...], theirs: tuple[str, ...]) -> list[tuple[int, int]]:
    """Which words are the same, each used once; equal ones first."""
    found: list[tuple[int, int]] = []
    for same in (str.__eq__, _alike):
        for i, token in enumerate(ours):
            if any(i == a for a, _ in found):
                continue
            free = (j for j, other in enumerate(theirs) if all(j != b for _, b in found) and same(token, other))
            if (j := next(free, None)) is not None:
                found.append((i, j))
    return found


def _alike(one: str, other: str) -> bool:
    """Plurals, abbreviations (``qty``, ``addr``), and one wrong letter in a long word."""
    short, long = sorted((one, other), key=len)
    if short.isdigit() or long.isdigit() or short in _COMMON:
        return False
    if long in (short + "s", short + "es") or (short.endswith("y") and long == short[:-1] + "ies"):
        return True
    if len(short) >= 3 and long.startswith(short) and len(short) * 3 >= len(long):
        return True
    if len(short) >= 3 and short[0] == long[0] and short[-1] == long[-1] and not set(short[1:]) & set("aeiou"):
        letters = iter(long)
        return all(letter in letters for letter in short)
    return len(short) >= 6 and _swapped(short, long) <= 1


def _ratio(one: str, other: str) -> float:
    return 1 - _swapped(one, other) / max(len(one), len(other))


def _swapped(one: str, other: str) -> int:
    """Edit distance, a swap of two neighbours counting as one."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]
