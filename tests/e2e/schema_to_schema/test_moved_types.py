"""Every type and every shape of table, moved by each engine between databases that show values in other ways."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from confiture.model import Target
from conftest import run_psql
from e2e.schema_to_schema import torture
from e2e.schema_to_schema.moves import Move, contents

pytestmark = pytest.mark.anyio

BUILT_IN = """
SELECT typname FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm')
   AND typcategory <> 'A' ORDER BY 1
"""


@pytest.fixture(scope="module")
def tortured(new_database: Callable[[], Target]) -> tuple[Target, dict[str, str]]:
    """The old database, and what psql says of its tables."""
    source = new_database()
    run_psql(source, torture.tables() + torture.rows() + "ANALYZE;")
    rows = contents(source, torture.TABLES)
    _set(source, torture.SOURCE_SETTINGS)
    return source, rows


def _set(place: Target, settings: dict[str, str]) -> None:
    """Half of them for the database, half for the role in it."""
    maintenance = place.with_database("postgres")
    for number, (name, value) in enumerate(settings.items()):
        whom = f'DATABASE "{place.database}"' if number % 2 else f'ROLE postgres IN DATABASE "{place.database}"'
        value = value if name == "DateStyle" else f"'{value}'"
        run_psql(maintenance, f"ALTER {whom} SET {name} = {value}")


def test_no_type_is_forgotten(tortured: tuple[Target, dict[str, str]]) -> None:
    """A type that a new PostgreSQL brings fails here."""
    names = (
        "SELECT typname FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid WHERE attrelid = 'public.wide'::regclass"
    )
    there = set(run_psql(tortured[0], names).splitlines())
    assert {name for name in run_psql(tortured[0], BUILT_IN).splitlines() if name not in there} <= torture.NO_VALUES


@pytest.mark.parametrize("engine", ["fdw", "copy"])
async def test_every_value_is_as_it_was(
    engine: str,
    tortured: tuple[Target, dict[str, str]],
    move: Callable[..., Move],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the server, the databases, the role and this process set."""
    source, rows = tortured
    moved = move(source)
    moved.project.config("[schema-to-schema]\ncapture = 'none'\n")
    moved.project.schema("10_all.sql", torture.tables())
    run_psql(source.with_database("postgres"), f'CREATE DATABASE "{moved.target.database}" TEMPLATE template0')
    _set(moved.target, torture.TARGET_SETTINGS)
    if engine == "fdw":
        moved.map(torture.NOT_FOR_FDW)
    for name, value in torture.CLIENT.items():
        monkeypatch.setenv(name, value)
    await moved(engine)
    assert contents(moved.target, torture.TABLES) == rows
    report = await moved.validate()
    assert [table for table in report.tables if not table.ok] == []
    assert report.exit_code == 0
