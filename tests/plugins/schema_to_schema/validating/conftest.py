"""Two databases, and tables of the new one whose parts are written by hand, as a map would be compiled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from confiture.kernel import Kernel
from confiture.model import Target
from confiture.transfer import reading
from confiture_schema_to_schema.cataloguing import read_catalog
from confiture_schema_to_schema.model import ValidatedTable
from confiture_schema_to_schema.validating.tables import validate_tables
from confiture_schema_to_schema.values import Catalog, Job, MigrationMap, Part, Sides, TargetTable

_EMPTY = """
SET default_transaction_read_only = off;
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS confiture CASCADE;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
ALTER DATABASE "{}" RESET ALL;
"""


@pytest.fixture(scope="session")
def _databases(new_database: Callable[[], Target]) -> tuple[Target, Target]:
    return tuple(msgspec.structs.replace(new_database(), label=name) for name in ("production", "production_new"))


@pytest.fixture
def pair(_databases: tuple[Target, Target], psql: Callable[..., str]) -> tuple[Target, Target]:
    """Both sides, empty: emptied before each test, which is quicker than new ones."""
    for each in _databases:
        psql(each, _EMPTY.format(each.database))
    return _databases


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A part: ``query`` over the table ``source``; None: its columns as they are."""

    source: str
    query: str | None = None
    plain: Mapping[str, str] = {}
    key: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()


def written(
    old: Catalog,
    new: Catalog,
    label: str,
    ways: Sequence[Way] = (),
    columns: Sequence[str] = (),
    texts: Mapping[str, str] | None = None,
    plain_key: bool = True,
) -> TargetTable:
    """A table of the new database; without ``ways`` the one of the same name, as it is."""
    table = new.tables[label]
    columns = tuple(columns) or tuple(column.name for column in table.columns if not column.generated)
    parts = []
    for number, way in enumerate(ways or (Way(source=label, plain={name: name for name in columns}),)):
        source = old.tables[way.source]
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
        parts.append(
            Part(
                number=number,
                target=label,
                source=way.source,
                alias="a",
                query=way.query or f"SELECT {names} FROM {source.sql} AS a",
                columns=columns,
                key=way.key or (source.keys[0].columns if source.keys else ()),
                plain=way.plain,
                volatile=way.volatile,
            )
        )
    key = table.keys[0].columns if table.keys else ()
    return TargetTable(table=table, parts=tuple(parts), key=key, plain_key=plain_key, texts=texts or {})


@pytest.fixture
def validated(project, pair):
    """``await validated(lambda old, new: [tables], ...)``: what the comparison says, by label; it wrote nothing."""

    async def run(
        make: Callable[[Catalog, Catalog], Sequence[TargetTable]] | None = None,
        *,
        sides: tuple[Target, Target] | None = None,
        **options: Any,
    ) -> dict[str, ValidatedTable]:
        source, target = sides or pair
        async with Kernel(project.root).run(env=None) as ctx:
            async with reading(ctx, source) as one, reading(ctx, target) as other:
                old = await read_catalog(one, own_schema="public")
                new = await read_catalog(other, own_schema="public")
            tables = make(old, new) if make else [written(old, new, label) for label in new.tables]
            job = Job(
                sides=Sides(source=source, target=target), map=MigrationMap(), old=old, new=new, tables=tuple(tables)
            )
            options = {"pauses_s": (0.0,), "max_keys": 1000, **options}
            return {table.table: table for table in await validate_tables(ctx, job, **options)}

    return run


def told(table: ValidatedTable) -> list[tuple[str, ...]]:
    """The rows that differ: how, and their key's values."""
    return sorted((each.how, *json.loads(each.key)) for each in table.mismatches)


@pytest.fixture
def write():
    """:func:`written`."""
    return written


@pytest.fixture
def way():
    """:class:`Way`."""
    return Way


@pytest.fixture(name="told")
def _told():
    return told
