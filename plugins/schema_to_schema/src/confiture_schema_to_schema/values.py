"""What the steps of the medium hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from confiture.model import Target, TransferSurvey
from confiture.quoting import quote_ident

__all__ = [
    "Catalog",
    "Check",
    "Column",
    "ColumnMap",
    "ForeignKey",
    "Job",
    "Key",
    "LookupMap",
    "MigrationMap",
    "Part",
    "PartPlan",
    "Sides",
    "Table",
    "TableMap",
    "TargetTable",
    "Unique",
]


# -- what the catalogs of a database say -----------------------------------------------------------------------------


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column. ``type`` is its type as SQL with its modifier (``numeric(10,2)``), ``base`` without it, qualified.

    Of a domain both are the domain's; ``kind`` is the type's ``typtype`` (``b``, ``c``, ``d``, ``e``, ``r``, ``m``),
    ``category`` its ``typcategory``, ``oid`` its OID in that database, ``labels`` an enum's. ``default`` is SQL.
    ``generated`` is ``attgenerated``, ``identity`` is ``attidentity``. ``max_length``: of varchar(n) and char(n).
    """

    name: str
    type: str
    base: str
    oid: int
    kind: str = "b"
    category: str = "U"
    not_null: bool = False
    default: str | None = None
    generated: str = ""
    identity: str = ""
    collation: str | None = None
    labels: tuple[str, ...] = ()
    max_length: int | None = None

    @property
    def filled_by_itself(self) -> bool:
        """Whether a row that does not name it gets a value all the same."""
        return self.default is not None or bool(self.generated) or bool(self.identity)


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """Columns by which each row is found: unique, none of them NULL, with an index over all rows in that order."""

    name: str
    columns: tuple[str, ...]
    primary: bool = False


class Unique(msgspec.Struct, frozen=True, kw_only=True):
    """A unique index. ``expressions`` are SQL over the table's columns (a plain column is its quoted name)."""

    name: str
    expressions: tuple[str, ...]
    predicate: str | None = None
    nulls_distinct: bool = True


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A CHECK constraint. ``expression`` is SQL over the table's columns; of a domain's it is its constraint."""

    name: str
    expression: str


class ForeignKey(msgspec.Struct, frozen=True, kw_only=True):
    """From a table to its parent, whose label is ``parent``; columns pair by pair."""

    name: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    full: bool = False


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table: partitions are part of their root, which is the one that is here.

    ``keys``: the primary key first, then others by name. ``rows``, ``bytes`` (of the heap) and ``toast`` are the
    server's estimates, partitions counted; ``index_bytes`` are those of its indexes. ``only``: tables of their own
    inherit from it, whose rows are not its rows.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    partitioned: bool = False
    only: bool = False
    keys: tuple[Key, ...] = ()
    uniques: tuple[Unique, ...] = ()
    checks: tuple[Check, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    rows: int = 0
    bytes: int = 0
    toast: int = 0
    index_bytes: int = 0

    @property
    def label(self) -> str:
        """``schema.table``, as in messages and as the key of mappings."""
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return f"{quote_ident(self.schema)}.{quote_ident(self.name)}"

    def column(self, name: str) -> Column | None:
        """The column of that bare name."""
        return next((column for column in self.columns if column.name == name), None)


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of a database by label: none of the system's, of extensions, or of confiture itself.

    ``server_version`` is the major one. ``fingerprints``: by label, equal as long as the table's columns, types, keys
    and partitions are.
    """

    tables: Mapping[str, Table]
    search_path: tuple[str, ...] = ("public",)
    server_version: int = 0
    fingerprints: Mapping[str, str] = {}


# -- the migration map, as it is written -----------------------------------------------------------------------------


class ColumnMap(msgspec.Struct, frozen=True, kw_only=True):
    """Where a column of the old table goes. ``transform``: SQL over the old row and the lookups; None: as it is.

    ``reverse``: SQL over the new row that gives the old value, for a rollback; None: as the map can be inverted.
    ``target`` None: no column of its own takes it; there is a ``reverse`` then.
    """

    target: str | None
    transform: str | None = None
    reverse: str | None = None


class LookupMap(msgspec.Struct, frozen=True, kw_only=True):
    """Another table that is joined to each row, under its name in the map. ``on`` is SQL.

    ``touch`` is a query from changed rows of the lookup (a relation ``changed`` with the lookup's columns) to the
    driving keys of the rows that they are in; None: made from ``on``.
    """

    table: str
    on: str
    join: Literal["left", "inner"] = "left"
    touch: str | None = None


class TableMap(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote for a table of the old database: one way into one table of the new one.

    A split table has several of them, and a merged one is the ``target`` of several. Names of tables (``source``,
    ``target``, those of lookups) are as written (``[schema.]table``, quoted where odd); names of columns are without
    quotes, in their case; those of lookups are aliases in SQL, folded already. ``target`` None: the same name.
    ``columns``: by the old column's name; None where it is dropped. ``defaults``: SQL by the new column's name.
    ``key``: the driving key, () for the primary key.
    ``path`` and ``line`` say where it was written (``tables.users``).
    """

    source: str
    target: str | None = None
    columns: Mapping[str, ColumnMap | None] = {}
    drop: tuple[str, ...] = ()
    defaults: Mapping[str, str] = {}
    filter: str | None = None
    key: tuple[str, ...] = ()
    lookups: Mapping[str, LookupMap] = {}
    strategy: str | None = None
    full_refresh: bool = False
    custom_sql: str | None = None
    path: str = ""
    line: int | None = None


class MigrationMap(msgspec.Struct, frozen=True, kw_only=True):
    """The file. ``drop``: tables of the old database that nothing takes. ``shown``: how messages name the file."""

    tables: tuple[TableMap, ...] = ()
    drop: tuple[str, ...] = ()
    shown: str | None = None


# -- the map, compiled -----------------------------------------------------------------------------------------------


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One SELECT into one table of the new database: what every engine runs. ``number`` is its own among all parts.

    ``query`` names relations with their schemas and gives ``columns`` of the target, in that order. ``source`` is the
    label of the driving table, which the query knows as ``alias`` (SQL): a condition over it is added with
    :func:`confiture_schema_to_schema.compiling.with_condition`. ``key`` are columns of the driving table; () where it
    has none, or the query cannot be cut by it (``whole`` says why: DISTINCT, GROUP BY...): then it is copied from one
    snapshot. ``lookups``: labels of the other tables that it reads.

    ``binary`` False: a value's type on the source has to be read anew by the target's column, from its text.
    ``complex``: it does more than take columns. ``volatile``: functions whose result is another one each time.
    ``irreversible``: why rows cannot be brought back through it, for people. ``plain``: by column of the target, the
    column of the driving table that it is as it stands, unchanged and of the same type.

    ``upsert``: columns of the target that it does not fill keep their values where the row stays, as the old database's
    do when it follows the new one. ``within``: SQL over the target's row ``t``: rows for which it does not hold are not
    the part's, and stay when all of its rows go. ``given``: columns that it fills by the map's ``reverse``, which need
    not give what was there: a row that nobody has written to keeps that. ``partial``: rows of the tables that it reads
    may be rows of nothing on the target.
    """

    number: int
    target: str
    source: str
    alias: str
    query: str
    columns: tuple[str, ...]
    key: tuple[str, ...] = ()
    whole: str | None = None
    lookups: tuple[str, ...] = ()
    binary: bool = True
    complex: bool = False
    volatile: tuple[str, ...] = ()
    irreversible: tuple[str, ...] = ()
    plain: Mapping[str, str] = {}
    map: TableMap | None = None
    upsert: bool = False
    within: str | None = None
    given: tuple[str, ...] = ()
    partial: bool = False

    @property
    def label(self) -> str:
        """``public.users -> public.accounts``, or one name where both are one."""
        return self.target if self.source == self.target else f"{self.source} -> {self.target}"


class TargetTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the new database and what fills it. ``key``: bare names of its own key, the primary one; () for none.

    ``plain_key``: in each part these are columns of the driving table as they are, of a type whose order is the same
    on every server. ``texts``: by column, SQL over ``{}`` (once or more), a value as the query gives it, whose text is
    the text of what the column holds (``CAST({} AS numeric(10,2))``): what validation compares.
    """

    table: Table
    parts: tuple[Part, ...]
    key: tuple[str, ...] = ()
    plain_key: bool = False
    texts: Mapping[str, str] = {}

    @property
    def label(self) -> str:
        """``schema.table`` of the new database."""
        return self.table.label

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that the parts fill."""
        return self.parts[0].columns


# -- a run -----------------------------------------------------------------------------------------------------------


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """Both databases. ``environment`` is the name of the new one's environment, None for a connection string."""

    source: Target
    target: Target
    environment: str | None = None


class PartPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A part and the engine that moves it, by name, with what it said of it."""

    part: Part
    source: Table
    target: Table
    engine: str
    survey: TransferSurvey


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What every step is given. ``tables`` in the order of the new database's names.

    ``left_behind``: of the way back, labels of tables of the target that nothing leads back to: they stay as they are.
    """

    sides: Sides
    map: MigrationMap
    old: Catalog
    new: Catalog
    tables: tuple[TargetTable, ...]
    plans: tuple[PartPlan, ...] = ()
    strategy: str = "fdw"
    run_id: str = ""
    left_behind: tuple[str, ...] = ()
