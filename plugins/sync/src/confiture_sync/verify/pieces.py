"""Values in pieces, and the pieces as keyed hashes: what two databases are compared by without a value in between.

A text's words are its runs of letters and digits, in lower case. Its pieces are each longer word, each pair of words
and each three in a row, and its digits where it has nothing else. An original is a set of them: one piece for one or
two words, each three in a row for more. It is in a text when all its pieces are.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

from confiture.masking.prf import prf_sql

__all__ = [
    "HASH_BYTES",
    "LONGEST",
    "class_sql",
    "hash_sql",
    "is_looked_at",
    "one_time_key",
    "original_sql",
    "pieces_sql",
]

#: Of 2^64 hashes, two of ten million are alike once in 400,000 scans.
HASH_BYTES = 8
#: Characters of a value that are looked at.
LONGEST = 2000
#: The settings of the key of one scan, which is not the masks' own: the target must not learn that one.
_INNER, _OUTER = "confiture.v1", "confiture.v2"
_SHORTEST, _WORD, _NUMBER, _DIGITS = 3, 5, 6, 9
_BLOCK = 64
#: ASCII without letters and digits: the same words wherever the databases' locales draw the line.
_BETWEEN = r"E'[\\x01-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7f]+'"
_RESERVED = r"'@(.*\.)?(example\.(com|org|net)|[a-z0-9-]+\.(test|example|invalid|localhost))$'"
_UNREAD = frozenset({"bool", "bytea", "interval", "float4", "float8", "oid"})


def one_time_key() -> Mapping[str, str]:
    """Settings of a new key, for the sessions of one scan."""
    key = hashlib.sha256(secrets.token_bytes(32)).digest().ljust(_BLOCK, b"\0")
    return {_INNER: bytes(byte ^ 0x36 for byte in key).hex(), _OUTER: bytes(byte ^ 0x5C for byte in key).hex()}


def is_looked_at(type_name: str, category: str) -> bool:
    """Whether values of a type may hold a personal one: not truth values, enumerations, shapes and bytes."""
    return category not in "EG" and type_name not in _UNREAD


def hash_sql(text: str) -> str:
    """SQL of the keyed hash of a text."""
    return f"substr({prf_sql('verify', '', text, inner=_INNER, outer=_OUTER)}, 1, {HASH_BYTES})"


def _words(text: str) -> str:
    cleaned = f"regexp_replace(lower(left({text}, {LONGEST}) COLLATE \"C\"), {_BETWEEN}, ' ', 'g')"
    return f"string_to_array(nullif(btrim({cleaned}), ''), ' ')"


def _digits(text: str) -> str:
    """SQL of the digits of a text that has nothing else but what stands between digits."""
    digits = f"translate({text}, ' ()+./-', '')"
    return f"CASE WHEN length({text}) <= 40 AND {digits} ~ '^[0-9]{{{_NUMBER},}}$' THEN 'd ' || {digits} END"


def pieces_sql(text: str, *, stems: bool = False) -> str:
    """SQL of the hashes of all pieces of a text, one after the other, as bytea; NULL for a text without any.

    ``stems``: the beginnings of words too, for lexemes, which are not always whole words.
    """
    stem = ", (CASE WHEN length(t) >= 4 THEN 's ' || left(t, 4) END)" if stems else ""
    return f"""(
    SELECT string_agg({hash_sql("p")}, ''::bytea)
      FROM (SELECT {text} AS v OFFSET 0) AS x CROSS JOIN LATERAL (SELECT {_words("v")} AS a OFFSET 0) AS y
      CROSS JOIN LATERAL (
        SELECT p FROM unnest(a) WITH ORDINALITY AS u(t, i)
          CROSS JOIN LATERAL (VALUES (CASE WHEN {_is_word("t")} THEN 'w ' || t END),
            ('g ' || t || ' ' || a[i + 1]), ('g ' || t || ' ' || a[i + 1] || ' ' || a[i + 2]){stem}) AS q(p)
        UNION ALL SELECT {_digits("v")}) AS z(p)
     WHERE p IS NOT NULL)"""


def _is_word(text: str) -> str:
    return f"(length({text}) >= {_NUMBER} OR (length({text}) >= {_WORD} AND {text} ~ '[^0-9]'))"


def original_sql(text: str, *, digits: bool = True, stems: bool = False) -> str:
    """SQL of the hashes of the pieces that, all of them, are the text: bytea, NULL for one too short to tell.

    A text of digits is one number, or with ``digits`` False its groups of them, as they stand in a longer text.
    ``stems``: the beginnings of its words instead, as lexemes have them.
    """
    number = _digits("v") if digits else "NULL::text"
    if stems:
        return f"""(
    SELECT string_agg({hash_sql("'s ' || left(t, 4)")}, ''::bytea)
      FROM unnest({_words(text)}) AS u(t) WHERE length(t) >= 4 AND t ~ '[^0-9]')"""
    return f"""(
    SELECT string_agg({hash_sql("p")}, ''::bytea)
      FROM (SELECT {text} AS v OFFSET 0) AS x CROSS JOIN LATERAL (SELECT {_words("v")} AS a OFFSET 0) AS y
      CROSS JOIN LATERAL (
        SELECT {number}
        UNION ALL SELECT CASE WHEN cardinality(a) = 1 AND {_is_word("a[1]")} THEN 'w ' || a[1]
                              WHEN cardinality(a) = 2 AND length(a[1] || a[2]) >= 7 THEN 'g ' || a[1] || ' ' || a[2] END
          WHERE {number} IS NULL
        UNION ALL SELECT 'g ' || t || ' ' || a[i + 1] || ' ' || a[i + 2]
          FROM unnest(a) WITH ORDINALITY AS u(t, i)
         WHERE {number} IS NULL AND i <= 8 AND length(array_to_string(a, '')) >= 7) AS z(p)
     WHERE p IS NOT NULL)"""


def class_sql(text: str) -> str:
    """SQL of how telling a text is: 3 an address of mail, a long number or a mixture; 2 words; 1 a word; 0 nothing.

    Addresses at reserved domains (example.com) are nobody's.
    """
    digits = f"length(translate({text}, ' ()+./-', ''))"
    return rf"""CASE WHEN {text} IS NULL OR length({text}) < {_SHORTEST} THEN 0
         WHEN lower({text}) ~ {_RESERVED} THEN 0
         WHEN {text} ~ '^[^@[:space:]]{{2,}}@[^@[:space:]]+[.][^@[:space:]]+$' THEN 3
         WHEN {_digits(text)} IS NOT NULL THEN CASE WHEN {digits} >= {_DIGITS} THEN 3 ELSE 1 END
         WHEN {text} ~ '^[A-Za-z0-9_-]{{8,}}$' AND {text} ~ '[0-9]' AND {text} ~ '[A-Za-z]' THEN 3
         WHEN {text} ~ '[^[:space:]][[:space:],._-]+[^[:space:]]' AND {text} ~ '[^0-9[:space:][:punct:]]' THEN 2
         ELSE 1 END"""
