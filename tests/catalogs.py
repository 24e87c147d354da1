"""Schemas to read, ways to compare what was read, and the outside judge: pg_dump."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pgserver
from confiture.config.dsn import to_uri
from confiture.model import ObjectKey, Schema, Target

HERE = Path(__file__).parent / "plugins" / "catalog"
#: One of every kind that PostgreSQL 15 has, and what 18 has beside.
EVERY_KIND_15 = (HERE / "every_kind.sql").read_text()
EVERY_KIND = EVERY_KIND_15 + (HERE / "every_kind_18.sql").read_text()


def dump(target: Target, *options: str) -> str:
    """What pg_dump makes of the schema."""
    command = [str(pgserver.binaries() / "pg_dump"), "--schema-only", *options, "-d", to_uri(target.params)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # Since 18.1 each dump has a random word, so that what it says cannot leave it.
    lines = done.stdout.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))


def differences(old: Schema, new: Schema) -> dict[ObjectKey, tuple[object, object]]:
    """The objects that are not the same, by key: the contents on both sides, None where there is none."""
    olds, news = ({each.key: each.content for each in schema.objects} for schema in (old, new))
    keys = sorted({*olds, *news})
    return {key: (olds.get(key), news.get(key)) for key in keys if olds.get(key) != news.get(key)}
