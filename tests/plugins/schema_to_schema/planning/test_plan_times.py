"""How long all of it takes, and the sentences about locks and disk: from values alone."""

from __future__ import annotations

import pytest

from confiture.estimating import RATES
from confiture.model import Target
from confiture_schema_to_schema.copying.sizing import Sizing
from confiture_schema_to_schema.model import PlannedTable
from confiture_schema_to_schema.planning.estimating import Estimate
from confiture_schema_to_schema.planning.locking import disk_bytes, disk_findings, locks_of
from confiture_schema_to_schema.planning.tables import Times, times_of
from confiture_schema_to_schema.values import Catalog, ForeignKey, Job, MigrationMap, Part, Sides, Table, TargetTable

KEY = ForeignKey(name="k", columns=("a",), parent="public.p", parent_columns=("a",))
PLACE = Target(label="x", params={"dbname": "x"})


def job(*names: str, keys: tuple[ForeignKey, ...] = ()) -> Job:
    tables = []
    for number, name in enumerate(names):
        label = f"public.{name}"
        part = Part(number=number, target=label, source=label, alias=name, query="SELECT 1", columns=("a",))
        table = Table(schema="public", name=name, columns=(), foreign_keys=keys)
        tables.append(TargetTable(table=table, parts=(part,)))
    catalog = Catalog(tables={table.label: table.table for table in tables})
    return Job(
        sides=Sides(source=PLACE, target=PLACE), map=MigrationMap(), old=catalog, new=catalog, tables=tuple(tables)
    )


def planned(name: str, seconds: float | None, *, rows: int = 10_000, chunks: int = 1, **values) -> PlannedTable:
    return PlannedTable(
        table=f"public.{name}",
        source=f"public.{name}",
        query="SELECT 1",
        engine="copy",
        because="",
        key=("a",),
        rows=rows,
        bytes=1_000_000,
        chunks=chunks,
        seconds=seconds,
        **{"snapshot": "per chunk"} | values,
    )


def sizing(workers: int, bytes_per_second: float | None = None) -> Sizing:
    return Sizing(chunk_mb=64, workers=workers, bytes_per_second=bytes_per_second)


NOTHING = {0: Estimate(rows=0, table_bytes=0, index_bytes=0), 1: Estimate(rows=0, table_bytes=0, index_bytes=0)}


@pytest.mark.parametrize(
    ("tables", "workers", "limit", "seconds"),
    [
        ((planned("a", 30.0, chunks=9), planned("b", 60.0, chunks=9)), 1, None, 90.0),
        ((planned("a", 30.0, chunks=9), planned("b", 60.0, chunks=9)), 3, None, 45.0),
        ((planned("a", 10.0, chunks=9), planned("b", 80.0)), 3, None, 80.0),
        ((planned("a", None, rows=4999), planned("b", 60.0, chunks=9)), 1, None, 60.03),
        ((planned("a", None, rows=5000), planned("b", 60.0, chunks=9)), 1, None, None),
        ((planned("a", 1.0), planned("b", 1.0)), 1, 10_000.0, 200.0),
        ((planned("a", 1.0, rows_per_second=1e4, bytes_per_second=5e6), planned("b", 1.0)), 1, 1e4, 600.0),
    ],
)
def test_how_long_copying_takes(tables, workers, limit, seconds):
    """Workers share the servers, one chunk has one worker, the limit holds for all, and nothing is made up."""
    found = times_of(job("a", "b"), tables, NOTHING, sizing(workers, limit))
    assert found.copying == (None if seconds is None else pytest.approx(seconds))
    assert found.all == found.copying


def test_indexes_and_foreign_keys_take_time_too():
    """They come after the rows."""
    estimates = {0: Estimate(rows=1, table_bytes=6 * RATES["scan"], index_bytes=3 * RATES["rebuild"])}
    found = times_of(job("a", keys=(KEY, KEY)), (planned("a", 1.0),), estimates, sizing(1))
    assert found == Times(copying=1.0, indexing=3.0, validating=12.0)
    assert found.all == pytest.approx(16.0)
    assert disk_bytes(estimates) == 6 * RATES["scan"] + 3 * RATES["rebuild"]


def test_who_waits_for_what():
    """Snapshots of the source, and what staging locks on the target, each with its time."""
    tables = (planned("a", 30.0, chunks=10), planned("b", 7.0, snapshot="one"))
    told = locks_of(job("a", "b", keys=(KEY,)), tables, Times(copying=1.0, indexing=75.0, validating=4.5))
    assert [line.partition(":")[0] for line in told] == ["source", "source", "target", "target", "target", "target"]
    assert "some 3.00 s at most" in told[0]
    assert "all of public.b" in told[1]
    assert "some 7.00 s" in told[1]
    assert "2 tables" in told[2]
    assert "1 min 15 s" in told[4]
    assert "2 foreign keys" in told[5]
    assert "4.50 s" in told[5]
    without = locks_of(job("a"), tables[:1], Times(copying=None, indexing=0.0, validating=0.0))
    assert not any("foreign key " in line and "VALID" in line for line in without)


def test_disk_is_told_of_where_it_matters():
    """The WAL comes on top."""
    assert disk_findings(99_000_000, "1GB") == ()
    (finding,) = disk_findings(120_000_000, "1GB")
    assert (finding.level, finding.check) == ("note", "disk")
    assert "120 MB" in finding.message
    assert "max_wal_size, 1GB, of that" in finding.message
