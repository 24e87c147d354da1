"""Databases that others made, into themselves and into ones with other names."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import pgserver
from confiture.config.dsn import to_uri
from data import split_sample

DATA = Path(__file__).parents[5] / "shared" / "data"
#: What the new database has otherwise, and the map for it.
OTHER = {
    "pagila": (
        """
        ALTER TABLE film RENAME TO movies; ALTER TABLE movies RENAME title TO name;
        ALTER TABLE rental RENAME TO hires; ALTER TABLE inventory ALTER last_update TYPE date;
        """,
        (("film", {"title": "name"}, "movies"), ("rental", {}, "hires")),
        ("public.movies", "SELECT film_id, title FROM film ORDER BY 1", "SELECT film_id, name FROM ({}) q ORDER BY 1"),
    ),
    "chinook": (
        """
        ALTER TABLE track RENAME TO songs; ALTER TABLE songs RENAME name TO title;
        ALTER TABLE songs ALTER bytes TYPE bigint; ALTER TABLE invoice RENAME TO bills;
        """,
        (("track", {"name": "title"}, "songs"), ("invoice", {}, "bills")),
        (
            "public.songs",
            "SELECT track_id, name FROM track ORDER BY 1",
            "SELECT track_id, title FROM ({}) q ORDER BY 1",
        ),
    ),
}


@pytest.mark.parametrize("sample", ["pagila", "chinook"])
def test_samples_compile_to_themselves_and_to_others(sample, pair, entry, psql) -> None:
    """All rows are in what the queries give; plain tables are read as they are."""
    file = DATA / f"{sample}.sql"
    if not file.is_file():
        pytest.skip(f"{sample}.sql is not there")
    own = split_sample.CHINOOK_OWN_DATABASE
    text = "".join(line for line in file.read_text().splitlines(keepends=True) if line.strip() not in own)
    pair.fill(text, "")
    psql(pair.new, _schema(pair))
    compiled = pair.again()
    assert compiled.findings == ()
    assert not any(part.complex for table in compiled.tables.values() for part in table.parts)
    _all_rows(pair, compiled)
    ddl, entries, (label, before, after) = OTHER[sample]
    psql(pair.new, ddl)
    compiled = pair.again(*(entry(name, columns, target=target) for name, columns, target in entries))
    assert compiled.findings == ()
    _all_rows(pair, compiled)
    part = compiled.part(label)
    named = f"SELECT * FROM ({part.query}) AS m({', '.join(part.columns)})"
    assert psql(pair.old, after.format(named)) == psql(pair.old, before)


def _schema(pair) -> str:
    """The DDL of the old database, by pg_dump."""
    command = [str(pgserver.binaries() / "pg_dump"), "-s", "-d", to_uri(pair.old.params)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _all_rows(pair, compiled) -> None:
    """As many as there are, of every table."""
    parts = [part for table in compiled.tables.values() for part in table.parts]
    ours = "; ".join(f"SELECT count(*) FROM ({part.query}) AS q" for part in parts)
    theirs = "; ".join(f"SELECT count(*) FROM {part.source}" for part in parts)
    assert pair.psql(pair.old, ours) == pair.psql(pair.old, theirs)
