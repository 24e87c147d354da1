"""What the name of a column says: its words, in snake or camel case, and what they are together."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from confiture_sync.detect.names import CONTEXTUAL, DOUBTFUL, HARMLESS, ORGANISATIONS, PEOPLE, STRONG

__all__ = ["Named", "is_of_organisations", "is_of_people", "key_classes", "name_class", "words_of"]

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
#: What NFKD does not take apart.
_LETTERS: Final = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d"})
#: With such a word a column says something about a value, and has not the value.
_ABOUT: Final = frozenset(
    {
        "type",
        "types",
        "kind",
        "status",
        "count",
        "counts",
        "verified",
        "confirmed",
        "validated",
        "valid",
        "invalid",
        "enabled",
        "disabled",
        "required",
        "at",
        "template",
        "templates",
        "subject",
        "label",
        "format",
        "provider",
        "optin",
        "optout",
        "opt",
        "consent",
        "preference",
        "preferences",
        "frequency",
        "policy",
        "bounced",
        "sent",
        "expires",
        "expiry",
        "expiration",
        "length",
        "size",
        "strength",
        "attempts",
        "changed",
        "updated",
        "created",
        "visible",
        "allowed",
        "allow",
        "has",
        "is",
        "can",
        "should",
        "mode",
        "class",
        "category",
        "version",
        "flag",
        "rule",
        "rules",
        "id",
        "ids",
        "uuid",
        "verifie",
        "anzahl",
        "typ",
        "geprueft",
        "tipo",
        "cantidad",
    }
)
#: Between the words of a name: ``nom_de_famille``.
_FILLERS: Final = frozenset({"de", "du", "des", "la", "le", "l", "d", "of", "the", "di", "del", "da", "do"})
#: As many words are one name at most.
_MOST_WORDS: Final = 5
#: Shorter words have too many neighbours: ``rate`` and ``race``.
_SHORTEST_NEAR: Final = 7
_SHORTEST_SWAPPED: Final = 5
_SHORTEST_PLURAL: Final = 5


class Named(NamedTuple):
    """``what`` is the class. ``strong``: personal wherever it stands. ``doubtful``: a name, of whatever it is."""

    what: str
    strong: bool
    doubtful: bool = False


def words_of(name: str) -> tuple[str, ...]:
    """The words, in lower case, without accents and digits: ``Billing_eMailAddress2`` is billing, e, mail, address."""
    plain = unicodedata.normalize("NFKD", name.translate(_LETTERS))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return tuple(word.lower() for word in _WORD.findall(plain))


def name_class(name: str) -> Named | None:
    """What a column of that name holds, as far as the name says; None for nothing personal.

    The longest run of words that is known wins, and what it covers is not looked at again: ``ip_address`` is no
    address.
    """
    whole = words_of(name)
    words = [word for word in whole if word not in _FILLERS]
    runs = sorted([*_runs(whole), *_runs(words)], key=lambda run: (-len(run.known), -run.end))
    if runs:
        longest = runs[0]
        beside = [word for word in (*longest.words[: longest.start], *longest.words[longest.end :]) if word in _ABOUT]
        return None if beside else longest.named
    if not words or any(word in _ABOUT for word in words):
        return None
    return _near(words)


class _Run(NamedTuple):
    """Words that are known together, from ``start`` to before ``end``. ``named`` None: for what they are not."""

    known: str
    named: Named | None
    words: Sequence[str]
    start: int
    end: int


def _runs(words: Sequence[str]) -> Iterator[_Run]:
    for start in range(len(words)):
        for end in range(start + 1, min(start + _MOST_WORDS, len(words)) + 1):
            run = "".join(words[start:end])
            if run in HARMLESS:
                yield _Run(run, None, words, start, end)
            elif (known := _singular(run)) in STRONG:
                yield _Run(run, Named(STRONG[known], strong=True), words, start, end)
            elif run in CONTEXTUAL:
                yield _Run(run, Named(CONTEXTUAL[run], strong=False), words, start, end)
            elif run in DOUBTFUL and len(words) == 1:
                yield _Run(run, Named("name", strong=False, doubtful=True), words, start, end)


def _singular(run: str) -> str:
    """``phones`` is no other thing than ``phone``; of short words the last letter is not asked."""
    return run[:-1] if run not in STRONG and len(run) >= _SHORTEST_PLURAL and run.endswith("s") else run


def _near(words: Sequence[str]) -> Named | None:
    """A word that was mistyped: ``emial``, ``adresss``. Only long ones of the strong names, and only by one letter."""
    for word in words:
        for known, what in STRONG.items():
            if known[0] != word[:1] or abs(len(known) - len(word)) > 1:
                continue
            swapped = len(word) >= _SHORTEST_SWAPPED and _is_swapped(word, known)
            if swapped or (min(len(word), len(known)) >= _SHORTEST_NEAR and _is_one_off(word, known)):
                return Named(what, strong=True)
    return None


def _is_swapped(word: str, known: str) -> bool:
    """Two neighbours in the wrong order."""
    if len(word) != len(known):
        return False
    wrong = [place for place, (a, b) in enumerate(zip(word, known, strict=True)) if a != b]
    return len(wrong) == 2 and wrong[1] == wrong[0] + 1 and word[wrong[0]] == known[wrong[1]]


def _is_one_off(word: str, known: str) -> bool:
    """One letter more, less, or another."""
    short, long_ = sorted((word, known), key=len)
    for place in range(len(long_)):
        if long_[:place] + long_[place + 1 :] == short:
            return True
    return len(short) == len(long_) and sum(a != b for a, b in zip(short, long_, strict=True)) == 1


def is_of_people(table: str) -> bool:
    """Whether each row of a table is somebody: ``app_users``, not ``user_groups``."""
    words = words_of(table)
    return bool(words) and words[-1] in PEOPLE


def is_of_organisations(table: str) -> bool:
    """Whether each row of a table is a firm, a place or a thing."""
    words = words_of(table)
    return bool(words) and words[-1] in ORGANISATIONS


def key_classes() -> Mapping[str, str]:
    """The strong names for keys of JSON, by their letters; ``-`` for what only looks like one."""
    return {**STRONG, **dict.fromkeys(HARMLESS, "-")}
