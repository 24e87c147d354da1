"""What the steps of the medium hand to each other."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from confiture.masking import MaskedTable, MaskingKey, MaskTable, Rule
from confiture.model import Target
from confiture.transfer import Snapshot
from confiture_sync.configuring import SyncFile
from confiture_sync.model import SyncRequest

__all__ = ["Catalog", "ForeignKey", "Job", "Selected", "Selection", "SyncTable", "TablePlan"]


class ForeignKey(msgspec.Struct, frozen=True, kw_only=True):
    """An edge from a child to its parent; tables are labels (``schema.table``), columns bare names, pair by pair.

    ``nullable``: a row may do without the parent. ``full``: MATCH FULL, all columns are NULL or none is. ``virtual``:
    the database does not know it, the file of rules does; ``when`` is SQL over the child's raw row, for those for which
    only some rows have this parent: by the file of rules, or since only a partition has the key.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    nullable: bool = False
    full: bool = False
    virtual: bool = False
    when: str | None = None

    @property
    def label(self) -> str:
        """How messages and options name it: ``posts.user_id``, with its schema."""
        columns = self.columns[0] if len(self.columns) == 1 else f"({', '.join(self.columns)})"
        return f"{self.table}.{columns}"


class SyncTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the source. ``partitioned``: its rows are in its partitions, which are no tables of their own here.

    ``bytes`` (with TOAST, without indexes) and ``rows`` are the server's estimates, partitions counted.
    """

    mask: MaskTable
    oid: int
    partitioned: bool = False
    bytes: int = 0
    rows: int = 0
    foreign_keys: tuple[ForeignKey, ...] = ()

    @property
    def label(self) -> str:
        """``schema.table``, as in messages and as the key of mappings."""
        return self.mask.label

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return self.mask.sql


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of a database, by label: none of the system's, of extensions, or of confiture itself."""

    tables: Mapping[str, SyncTable]
    search_path: tuple[str, ...] = ("public",)


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """The tables to copy. ``cut``: foreign keys that are not followed: NULL where the parent is not copied."""

    tables: tuple[SyncTable, ...]
    cut: tuple[ForeignKey, ...] = ()


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of a table are copied. ``condition`` is SQL over the raw row, for ``MaskedTable.where``.

    ``settings`` are what it reads. ``nulled``: SQL by column; where it is not true, the column becomes NULL (a foreign
    key that is cut). ``rows``: how many there are, None where nobody has counted. ``digest`` is equal for two
    selections of the same rows. ``shown`` is for people: ``1%``, ``parents of posts``.
    """

    condition: str = "true"
    settings: Mapping[str, str] = {}
    nulled: Mapping[str, str] = {}
    rows: int | None = None
    digest: str = ""
    shown: str = ""


class TablePlan(msgspec.Struct, frozen=True, kw_only=True):
    """A table that is copied: where from, where to, how masked, which rows (None: all)."""

    table: SyncTable
    target: MaskTable
    masked: MaskedTable
    rules: Mapping[str, Rule] = {}
    selection: Selection | None = None

    @property
    def label(self) -> str:
        """The source's label, which is the target's too."""
        return self.table.label


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What every step is given: both sides, what was asked for, the snapshot that all read, and the key."""

    request: SyncRequest
    file: SyncFile
    source: Target
    target: Target
    snapshot: Snapshot
    key: MaskingKey
    run_id: str
