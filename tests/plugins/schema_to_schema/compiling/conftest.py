"""Two databases, filled anew for each test, and the map compiled between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from confiture.config import Environment
from confiture.config.dsn import to_uri
from confiture.kernel import Kernel
from confiture.model import Target
from confiture.transfer import reading
from confiture_schema_to_schema.cataloguing import read_catalog
from confiture_schema_to_schema.compiling import compile_map
from confiture_schema_to_schema.model import Finding
from confiture_schema_to_schema.values import ColumnMap, MigrationMap, Part, TableMap, TargetTable

_EMPTY = """
SET client_min_messages = warning;
DO $$ DECLARE s text; BEGIN
    FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', s);
    END LOOP; END $$;
CREATE SCHEMA public;
"""


def _entry(source: str, columns: Mapping[str, Any] | None = None, **more: Any) -> TableMap:
    """As people write it: ``{"a": "b"}`` renames, ``{"a": ("b", "sql")}`` transforms, ``{"a": None}`` drops."""
    made = {
        name: None
        if to is None
        else ColumnMap(target=to)
        if isinstance(to, str)
        else ColumnMap(target=to[0], transform=to[1])
        for name, to in (columns or {}).items()
    }
    return TableMap(source=source, columns=made, path=f"tables.{source}", line=3, **more)


@dataclass
class Compiled:
    """What came of it. ``part(label)`` is the only part of a table."""

    tables: dict[str, TargetTable]
    findings: tuple[Finding, ...] = field(default=())

    def part(self, label: str, number: int = 0) -> Part:
        """A part of the table of the new database."""
        return self.tables[label].parts[number]

    def said(self, level: str = "error") -> list[str]:
        """The messages of a level, each with its check before it."""
        return [f"{found.check}: {found.message}" for found in self.findings if found.level == level]


@dataclass
class Pair:
    """The old and the new database."""

    old: Target
    new: Target
    folder: Path
    psql: Callable[..., str]

    def compile(self, old: str, new: str, *entries: TableMap, tables: Sequence[str] = (), **more: Any) -> Compiled:
        """Fill both with DDL, and compile the map."""
        self.fill(old, new)
        return self.again(*entries, tables=tables, **more)

    def fill(self, old: str, new: str) -> None:
        """Empty both, and run the statements."""
        self.psql(self.old, _EMPTY + old)
        self.fill_new(new)

    def fill_new(self, new: str) -> None:
        """Empty the new one, and run the statements."""
        self.psql(self.new, _EMPTY + new)

    def again(self, *entries: TableMap, tables: Sequence[str] = (), **more: Any) -> Compiled:
        """Compile between the databases as they are."""
        map_ = MigrationMap(tables=entries, shown="db/map.yaml", **more)

        async def run() -> Compiled:
            environment = Environment(name="local", database_url=to_uri(self.old.params, password=True))
            async with (
                Kernel(self.folder).run(environment=environment) as ctx,
                reading(ctx, self.old) as source,
                reading(ctx, self.new) as target,
            ):
                one = await read_catalog(source, own_schema="public")
                other = await read_catalog(target, own_schema="public")
                found, findings = await compile_map(source, target, one, other, map_, tables)
                return Compiled({each.label: each for each in found}, findings)

        return asyncio.run(run())

    def move(self, compiled: Compiled) -> None:
        """Have psql copy everything, in text."""
        for table in compiled.tables.values():
            columns = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in table.columns)
            for part in table.parts:
                rows = self.psql(self.old, f"COPY ({part.query}) TO STDOUT")
                ended = rows + "\n" if rows else ""
                self.psql(self.new, f"COPY {table.table.sql} ({columns}) FROM STDIN;\n{ended}\\.\n")


@pytest.fixture(scope="session")
def databases(new_database: Callable[[], Target], tmp_path_factory: pytest.TempPathFactory, psql: Any) -> Pair:
    """Made once, since that is what takes the time."""
    return Pair(new_database(), new_database(), tmp_path_factory.mktemp("project"), psql)


@pytest.fixture
def pair(databases: Pair) -> Pair:
    """Two databases with nothing in them but what the test puts there."""
    return databases


@pytest.fixture
def entry() -> Callable[..., TableMap]:
    """``entry("users", {"a": "b"}, drop=("c",))``."""
    return _entry
