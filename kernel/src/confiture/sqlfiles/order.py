"""The order of files: pure functions of their paths, the same on every system and in every locale."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["alphabetical_key", "misread", "natural_key"]

Parts = tuple[str, ...]
_NUMBER_OR_CHARACTER = re.compile(r"([0-9]+)|(.)", re.DOTALL)


def alphabetical_key(parts: Parts) -> tuple[Parts, Parts]:
    """Component by component, each by code point.

    Names are compared in Unicode's composed form first: file systems of macOS may hand out the decomposed one.
    """
    composed = tuple(part if part.isascii() else unicodedata.normalize("NFC", part) for part in parts)
    return composed, parts


def natural_key(parts: Parts) -> tuple[tuple[tuple[tuple[int, int], ...], ...], tuple[Parts, Parts]]:
    """Like :func:`alphabetical_key`, but a run of digits compares by its value, where a digit would stand."""
    alphabetical = alphabetical_key(parts)
    return tuple(_tokens(part) for part in alphabetical[0]), alphabetical


def _tokens(name: str) -> tuple[tuple[int, int], ...]:
    return tuple(
        (ord("0"), int(number)) if number else (ord(character), 0)
        for number, character in _NUMBER_OR_CHARACTER.findall(name)
    )


def misread(paths: Sequence[Parts]) -> list[tuple[Parts, Parts]]:
    """Neighbours of an alphabetical list that a person, who reads numbers by their value, expects the other way."""
    keyed = [(natural_key(parts)[0], parts) for parts in paths]
    return [(first[1], second[1]) for first, second in pairwise(keyed) if first[0] > second[0]]
