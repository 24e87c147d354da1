"""The names of migrations: of their files, their classes, and the next version."""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from confiture.errors import UsageError
from confiture.migrations.finding import MigrationFile

__all__ = ["class_name", "next_version", "snake_case"]

#: A file's name has 255 bytes, and a table row is to be read.
_LONGEST = 100
#: From this many digits on a version is a time (20260131120000), not a count.
_TIME_DIGITS = 12


def snake_case(text: str) -> str:
    """``Add user's bio`` and ``AddUserBio`` as ``add_users_bio`` and ``add_user_bio``.

    Accents are taken off; letters of other scripts stay. Raises ``UsageError`` where nothing is left.
    """
    plain = "".join(_plain(character) for character in text.replace("'", "").replace("’", ""))
    words: list[str] = []
    word = ""
    for before, character, after in zip(" " + plain, plain, plain[1:] + " ", strict=False):
        begins = character.isupper() and (
            before.islower() or before.isdigit() or (before.isupper() and after.islower())
        )
        if word and (begins or not character.isalnum()):
            words.append(word)
            word = ""
        if character.isalnum():
            word += character.lower()
    name = "_".join((*words, word) if word else words)
    if not name:
        raise UsageError(f"{text!r} is no name for a migration", hint="say what it does, such as add_user_bio")
    if len(name) > _LONGEST:
        raise UsageError(f"{name!r} is too long for a migration's name", hint=f"at most {_LONGEST} characters")
    return name


def class_name(name: str) -> str:
    """``add_user_bio`` as ``AddUserBio``: an identifier, no keyword, and not the base class's own name."""
    camel = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    if not camel.isidentifier() or keyword.iskeyword(camel) or camel == "Migration":
        camel = f"Migrate{camel}"
    return camel


def next_version(migrations: Sequence[MigrationFile], numbering: Literal["sequence", "timestamp"] = "sequence") -> str:
    """The number after the last one, with as many digits; the time, in UTC, where ``numbering`` says so or it is one.

    What comes after a time is a time: a count would come before it.
    """
    last = migrations[-1] if migrations else None
    if numbering == "timestamp" or (last is not None and len(last.version) >= _TIME_DIGITS):
        now = int(datetime.now(UTC).strftime("%Y%m%d%H%M%S"))
        return str(max(now, last.number + 1) if last is not None else now)
    if last is None:
        return "001"
    return str(last.number + 1).zfill(max(3, len(last.version)))


def _plain(character: str) -> str:
    decomposed = unicodedata.normalize("NFKD", character)
    ascii_part = "".join(part for part in decomposed if part.isascii())
    if ascii_part:
        return ascii_part
    composed = unicodedata.normalize("NFKC", character)
    # Not everything that counts as a letter or digit may stand in an identifier.
    return composed if composed.isalnum() and ("x" + composed).isidentifier() else " "
