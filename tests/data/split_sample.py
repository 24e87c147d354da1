"""Splits a public sample database, one SQL script, into a confiture project's tree of files.

Run it as ``python tests/data/split_sample.py pagila pagila.sql FOLDER``. Nothing is rewritten: the files, one after
the other in the order of their paths, are the script again, without Chinook's lines that drop, create and connect
to its own database. Lines are compared with what these two scripts are known to hold; no SQL is parsed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

__all__ = ["Sample", "split", "split_chinook", "split_pagila"]

Sample = Literal["pagila", "chinook"]

#: What of Chinook concerns its own database. Each is a whole line of the script.
CHINOOK_OWN_DATABASE = {"DROP DATABASE IF EXISTS chinook;", "CREATE DATABASE chinook;", "\\c chinook;"}


class Part(NamedTuple):
    """A piece of the script: the folder and the name of the file it goes to, without the number, and its text."""

    folder: str
    name: str
    text: str


def split(sample: Sample, source: Path, destination: Path) -> list[Path]:
    """Write the sample's tree below ``destination``; the files in the order in which they run, schema then seeds.

    Pagila's rows stay in the schema's tree: as in every dump, they come before the constraints, two of which make a
    circle, so that as seeds they could not be loaded. Chinook's rows are seeds.
    """
    text = source.read_bytes().decode("utf-8")
    files = (split_pagila if sample == "pagila" else split_chinook)(text)
    paths = []
    for name, part in files.items():
        path = destination / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(part.encode("utf-8"))
        paths.append(path)
    return paths


def split_pagila(text: str) -> dict[str, str]:
    """The files of a pg_dump script, by path: one an entry, in pg_dump's three sections."""
    return _numbered(_pg_dump_parts(text))


def split_chinook(text: str) -> dict[str, str]:
    """The files of the Chinook script, by path: one a table, one for its foreign keys, one a run of INSERTs."""
    return _numbered(_chinook_parts(text))


def _pg_dump_parts(text: str) -> Iterator[Part]:
    """One part an entry. An entry begins with ``--``, then ``-- Name: ...; Type: ...; Schema: ...; Owner: ...``."""
    lines = text.splitlines(keepends=True)
    section = "db/schema/10_pre_data"
    name, begin = "settings", 0
    for number, line in enumerate(lines):
        label = line.removeprefix("-- Data for ")
        label = label.removeprefix("-- ")
        if not (line.startswith("-- ") and label.startswith("Name: ") and lines[number - 1] == "--\n"):
            continue
        yield Part(section, name, "".join(lines[begin : number - 1]))
        fields = dict(field.split(": ", 1) for field in label.rstrip("\n").split("; "))
        section = f"db/schema/{_section(fields['Type'])}"
        name, begin = f"{fields['Type']} {fields['Name']}", number - 1
    yield Part(section, name, "".join(lines[begin:]))


def _section(type_: str) -> str:
    """The section that pg_dump puts an entry of that type in, as a folder."""
    if type_ in {"TABLE DATA", "SEQUENCE SET"}:
        return "20_data"
    if type_ in {"CONSTRAINT", "FK CONSTRAINT", "INDEX", "INDEX ATTACH", "TRIGGER"}:
        return "30_post_data"
    return "10_pre_data"


def _chinook_parts(text: str) -> Iterator[Part]:
    folder, name = "db/schema/10_tables", "header"
    part: list[str] = []
    for line in text.splitlines(keepends=True):
        words = line.split()
        if line.rstrip() in CHINOOK_OWN_DATABASE:
            continue
        found = (folder, name)
        if words[:2] == ["CREATE", "TABLE"]:
            found = ("db/schema/10_tables", words[2])
        elif words[:2] == ["ALTER", "TABLE"]:
            found = ("db/schema/20_foreign_keys", "foreign_keys")
        elif words[:2] == ["INSERT", "INTO"]:
            found = ("db/seeds", words[2])
        if found != (folder, name):
            yield Part(folder, name, "".join(part))
            part = []
            folder, name = found
        part.append(line)
    yield Part(folder, name, "".join(part))


def _numbered(parts: Iterable[Part]) -> dict[str, str]:
    """Paths that sort as the parts come: each file's number is its place in the whole."""
    files: dict[str, str] = {}
    for number, part in enumerate(parts):
        stem = "".join(c if c.isascii() and c.isalnum() else "_" for c in part.name.lower())
        files[f"{part.folder}/{number:03}_{stem[:60].strip('_')}.sql"] = part.text
    return files


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sample", choices=get_args(Sample))
    parser.add_argument("source", type=Path)
    parser.add_argument("destination", type=Path)
    arguments = parser.parse_args()
    print(f"{len(split(arguments.sample, arguments.source, arguments.destination))} files")


if __name__ == "__main__":
    main()
