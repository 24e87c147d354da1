"""Which rows a subset begins with: conditions, samples and keys, from the request and from the file."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation

import msgspec

from confiture.errors import ConfigError, UsageError
from confiture.masking import Rule
from confiture.masking.expressions import one_expression
from confiture.masking.prf import canonical_sql
from confiture.quoting import quote_ident
from confiture_sync.selecting import find_tables
from confiture_sync.subset.edges import wrong
from confiture_sync.subset.keys import Key
from confiture_sync.values import Catalog, Job, Selected, SyncTable

__all__ = ["Seed", "find_seeds", "ids_condition", "sample_condition", "split_ids"]

#: What every sampled key is hashed with, so that the sample has nothing to do with anything else that hashes keys.
_SALT = "confiture sample"
_ALL = Decimal(100)


class Seed(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a table that are there from the beginning: those of ``where`` that are in the sample, and ``ids``.

    ``percent`` is of all rows; 100 without ``where``: the whole table. ``file``: where it was written, None: a request.
    """

    where: str | None = None
    percent: Decimal | None = None
    ids: tuple[str, ...] = ()
    file: str | None = None

    @property
    def whole(self) -> bool:
        """Whether it is every row."""
        return self.where is None and self.percent == _ALL

    @property
    def chooses(self) -> bool:
        """Whether there is more than keys in it."""
        return self.where is not None or self.percent is not None

    @property
    def shown(self) -> str:
        """For people; a condition may hold a person's data, and is not shown."""
        if self.whole:
            return "all"
        words = []
        if self.percent is not None:
            words.append(f"{self.percent.normalize():f}%")
        if self.where is not None:
            words.append("of a condition" if words else "a condition")
        text = " ".join(words)
        return " and ".join(part for part in (text, f"{len(self.ids)} ids" if self.ids else "") if part)

    def error(self, message: str, *, hint: str | None = None) -> ConfigError | UsageError:
        """An error to raise, of the file or of the request."""
        return wrong(message, hint, self.file)


def find_seeds(job: Job, catalog: Catalog, selected: Selected, led: Collection[str]) -> Mapping[str, Seed]:
    """The seeds by the tables' labels.

    A table's own seed counts before that of ``""``, which is for all tables but those that ``led`` has (a configured
    key leads to them); among equals the request's counts before the file's. Raises ``UsageError`` and ``ConfigError``.
    """
    request, subset = job.request, job.file.subset
    file = job.file.shown or "the file of rules"
    ids = {name: tuple(map(str, values)) for name, values in subset.ids.items()}
    own_asked, all_asked = _read(catalog, selected, request.where, request.sample, request.ids, None)
    own_written, all_written = _read(catalog, selected, subset.where, subset.sample, ids, file)
    found: dict[str, Seed] = {}
    for table in selected.tables:
        seed = own_asked.get(table.label) or own_written.get(table.label)
        if seed is None and table.label not in led:
            seed = all_asked or all_written
        if seed is not None:
            found[table.label] = seed
    return found


def _read(
    catalog: Catalog,
    selected: Selected,
    where: Mapping[str, str],
    sample: Mapping[str, str],
    ids: Mapping[str, tuple[str, ...]],
    file: str | None,
) -> tuple[dict[str, Seed], Seed | None]:
    """The seeds of tables by label, and that of ``""``."""
    labels = {table.label for table in selected.tables}
    own: dict[str, Seed] = {}
    general: Seed | None = None
    for kind, mapping in (("where", where), ("sample", sample), ("ids", ids)):
        for name, value in mapping.items():
            option = f"--{kind}" if file is None else f"subset.{kind}"
            tables: Sequence[SyncTable | None]
            if name == "":
                tables = (None,)
            else:
                known = find_tables(catalog, name, option=option)
                tables = [table for table in known if table.label in labels]
                if not tables and file is None:
                    raise UsageError(f"{option}: {known[0].label!r} is not copied", hint="see --tables and --exclude")
            for table in tables:
                seed = (general if table is None else own.get(table.label)) or Seed(file=file)
                seed = _with(seed, kind, value, option, name)
                if table is None:
                    general = seed
                else:
                    own[table.label] = seed
    return own, general


def _with(seed: Seed, kind: str, value: str | tuple[str, ...], option: str, name: str) -> Seed:
    place = f"{option}: {name!r}"
    if kind == "ids":
        if not name:
            raise seed.error(f"{option} needs a table", hint="write table=1,2,3")
        return msgspec.structs.replace(seed, ids=(*seed.ids, *value))
    assert isinstance(value, str)
    if kind == "sample":
        return msgspec.structs.replace(seed, percent=_percent(value, seed, place))
    if seed.where is not None:  # two names for one table: both hold
        value = f"({seed.where}\n) AND ({value}\n)"
    rule = Rule(kind="where", path=f"{option} {name}".rstrip(), file=seed.file)
    try:
        return msgspec.structs.replace(seed, where=one_expression(value, rule, "the condition"))
    except ConfigError as error:
        hint = error.hint or "write one condition over the table's own columns"
        raise seed.error(error.message, hint=hint) from None


def _percent(value: str, seed: Seed, place: str) -> Decimal:
    text = value.strip()
    if text == "all":
        return _ALL
    try:
        percent = Decimal(text.removesuffix("%").strip())
    except InvalidOperation:
        percent = Decimal(0)
    if not text.endswith("%") or not percent.is_finite() or not 0 < percent <= _ALL:
        raise seed.error(f"{place}: {value!r} is no share of the rows", hint='write "1%", "0.5%" or "all"')
    return percent


def sample_condition(table: SyncTable, key: Key, percent: Decimal) -> str:
    """SQL over the raw row that is true for ``percent`` of the rows: the same ones in every run, and in every order.

    It is the hash of the primary key that decides, so that a larger share has all rows of a smaller one. A table
    without a key is told by all columns.
    """
    if percent >= _ALL:
        return "true"
    if key.place:
        text = f"{quote_ident(table.mask.name)}::pg_catalog.text"
    else:
        texts = [
            canonical_sql(f"{quote_ident(table.mask.name)}.{quote_ident(name)}", column.type)
            for name in key.names
            if (column := table.mask.column(name)) is not None
        ]
        text = texts[0] if len(texts) == 1 else " || ".join(f"octet_length({t})::text || ':' || {t}" for t in texts)
    bound = int(percent / _ALL * 2**64).to_bytes(8, "big").hex()
    hashed = f"pg_catalog.sha256(pg_catalog.convert_to('{_SALT} ' || ({text}), 'UTF8'))"
    return f"pg_catalog.substr({hashed}, 1, 8) < '\\x{bound}'::pg_catalog.bytea"


def split_ids(seed: Seed, table: SyncTable, key: Key) -> list[list[str]]:
    """The ids column by column. Those of a key of several columns are written with commas: ``7,2024``, as in CSV."""
    if key.place:
        raise seed.error(f"{table.label!r} has no primary key to name rows by", hint="choose them with a condition")
    if len(key.columns) == 1:
        return [list(seed.ids)]
    rows = list(csv.reader(seed.ids, skipinitialspace=True))
    if any(len(row) != len(key.columns) for row in rows):
        raise seed.error(
            f"an id of {table.label!r} has not {len(key.columns)} parts", hint=f"write {','.join(key.names)} for each"
        )
    return [list(column) for column in zip(*rows, strict=True)]


def ids_condition(key: Key) -> str:
    """SQL over the raw row for ids as bind values, a ``text[]`` for each column of the key."""
    arrays = ", ".join(f"pg_catalog.unnest(${number + 1}::pg_catalog.text[])" for number in range(len(key.columns)))
    casts = ", ".join(f"i.{name}::{column.type}" for name, column in zip(key.aliases, key.columns, strict=True))
    raws = ", ".join(column.raw for column in key.columns)
    return f"({raws}) IN (SELECT {casts} FROM ROWS FROM ({arrays}) AS i({', '.join(key.aliases)}))"
