"""Which files of a revision belong to the schema. Pure: what git listed goes in, files come out.

The rules are those of files on disk, save that links are not followed and submodules not entered: what they lead to
is not in the revision, or is there under its own name. Both are refused, never passed over.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Sequence

import msgspec

from confiture.errors import SourceUnreadable
from confiture.sqlfiles.patterns import matches_any
from confiture.sqlfiles.rules import check_name, is_hidden, is_sql

__all__ = ["FOLDER", "Entry", "Found", "Selection", "link_refused", "parse_entries", "select"]

FOLDER = "040000"
_LINK = "120000"
_SUBMODULE = "160000"


class Entry(msgspec.Struct, frozen=True):
    """A line of ``git ls-tree``; ``path`` from the top of the repository."""

    mode: str
    id: str
    path: str


class Found(msgspec.Struct, frozen=True):
    """A file: its components below the root, its blob, how messages name it."""

    parts: tuple[str, ...]
    id: str
    path: str
    shown: str


class Selection(msgspec.Struct, frozen=True):
    """What is below a root: files, links that may lead to folders, and how many files the patterns kept out."""

    files: list[Found]
    links: list[Found]
    left_out: int


def parse_entries(output: bytes) -> list[Entry]:
    """The entries of ``git ls-tree -z``."""
    entries = []
    for line in output.split(b"\0"):
        if line:
            head, _, path = line.partition(b"\t")
            mode, _, name = head.decode().split(" ")
            entries.append(Entry(mode, name, os.fsdecode(path)))
    return entries


def select(
    entries: Sequence[Entry], root: str, revision: str, named: str, include: Sequence[str], exclude: Sequence[str]
) -> Selection | None:
    """What belongs to the schema at and below ``root``, in no order; None where the revision has no such path.

    ``root`` is "" for the whole repository, ``named`` how messages name it, "." where it is the project itself.
    Raises ``SourceUnreadable``.
    """
    files: list[Found] = []
    links: list[Found] = []
    left_out = 0
    exists = False
    for entry, parts in _below(entries, root):
        exists = True
        shown = posixpath.normpath(posixpath.join(named, *parts))
        found = Found(parts, entry.id, entry.path, f"{revision}:{shown}")
        if not parts:  # the root itself: a file of any name
            _refuse(entry, found)
            files.append(Found((entry.path.rpartition("/")[2],), entry.id, entry.path, found.shown))
            continue
        sql = is_sql(parts[-1])
        if any(is_hidden(part) for part in parts) or (not sql and entry.mode not in (_LINK, _SUBMODULE)):
            continue
        if matches_any(parts, exclude):
            left_out += sql
        elif entry.mode == _LINK and not sql:
            links.append(found)
        else:
            _refuse(entry, found)
            for part in parts:
                check_name(part, found.shown)
            if include and not matches_any(parts, include):
                left_out += 1
            else:
                files.append(found)
    return Selection(files, links, left_out) if exists else None


def link_refused(shown: str) -> SourceUnreadable:
    """The error of a symbolic link."""
    return SourceUnreadable(
        "is a symbolic link, which is not followed at a revision",
        file=shown,
        hint="name what it leads to under `roots` of [files], or exclude the link there",
    )


def _below(entries: Sequence[Entry], root: str) -> Iterator[tuple[Entry, tuple[str, ...]]]:
    prefix = root + "/" if root else ""
    for entry in entries:
        if entry.path == root:
            yield entry, ()
        elif entry.path.startswith(prefix):
            yield entry, tuple(entry.path[len(prefix) :].split("/"))


def _refuse(entry: Entry, found: Found) -> None:
    if entry.mode == _LINK:
        raise link_refused(found.shown)
    if entry.mode == _SUBMODULE:
        raise SourceUnreadable(
            "is a submodule, whose files are not in this repository",
            file=found.shown,
            hint=f"load the folder as it is checked out, or exclude it under [files]; its revision is {entry.id[:12]}",
        )
