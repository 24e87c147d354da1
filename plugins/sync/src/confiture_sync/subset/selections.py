"""Rows that are chosen become conditions, which read the keys from settings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from confiture_sync.subset.cutting import columns_to_null, has_parent
from confiture_sync.subset.keys import Key, Rows, key_of, unnested
from confiture_sync.subset.worklist import Worklist
from confiture_sync.values import ForeignKey, Selected, Selection, SyncTable

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["cut_only", "make_selections"]

_KEYS = "confiture_keys"
#: What a key takes in a hash table, in bytes, as the planner reckons: its own width, and what is around it.
_WIDTH = 32
_AROUND = 40
#: From so many keys on, and such a share of the table, reading all of it and hashing the keys took a third of the time
#: that looking up each key in an index did. The planner takes any list for 200 different keys, and would look them up.
_MANY_KEYS = 10_000
_MANY = 0.05


class _Parents(msgspec.Struct, frozen=True, kw_only=True):
    """The parents of a key that is cut: the values of the referenced columns, and the settings that hold them."""

    columns: Key
    settings: Mapping[str, str]
    count: int
    digest: str


def cut_only(selected: Selected) -> Mapping[str, Selection]:
    """For tables that are copied whole: NULL for the keys whose parents are not copied at all."""
    labels = {table.label for table in selected.tables}
    return {
        table.label: Selection(nulled=nulled)
        for table in selected.tables
        if (nulled := _nulled(table, selected, {key: None for key in selected.cut if key.parent not in labels}))
    }


async def make_selections(
    connection: Connection, worklist: Worklist, selected: Selected, shown: Mapping[str, str], run_id: str
) -> Mapping[str, Selection]:
    """The selections of what is in ``worklist``; tables that are whole have one only where a key is cut.

    ``run_id`` goes into the digest of rows that nothing but their place tells apart: the next run finds others there.
    """
    memory_kb = await connection.fetchval("SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'work_mem'")
    keys = {}
    for number, table in enumerate(selected.tables):
        rows = worklist.rows[table.label]
        if not rows.whole:
            keys[table.label] = _named(await worklist.sort(rows), f"confiture.keys_{number}", run_id)
    parents: dict[ForeignKey, _Parents | None] = {}
    for number, key in enumerate(selected.cut):
        rows = worklist.rows.get(key.parent, Rows(Key(columns=())))
        if not rows.whole:
            parents[key] = await _parents(worklist, key, keys, f"confiture.parents_{number}", run_id)
    found = {}
    for table in selected.tables:
        nulled = _nulled(table, selected, parents)
        own = keys.get(table.label)
        if own is None and not nulled:
            continue
        settings = {} if own is None else dict(own.settings)
        if own is not None and own.count > max(_MANY_KEYS, _MANY * table.rows):
            settings["enable_nestloop"] = "off"
        digest = hashlib.sha256((own.digest if own is not None else "").encode())
        needed_kb = 0
        for key in selected.cut:
            cut = parents.get(key) if key.table == table.label else None
            if cut is not None:
                settings |= cut.settings
                digest.update(cut.digest.encode())
                needed_kb += cut.count * (len(cut.columns.columns) * _WIDTH + _AROUND) // 1024
        if needed_kb > memory_kb:
            # A list that does not fit is gone through from its beginning for every row.
            settings["work_mem"] = f"{needed_kb}kB"
        found[table.label] = Selection(
            condition="true" if own is None else _condition(worklist.rows[table.label].key, own),
            settings=settings,
            nulled=nulled,
            rows=None if own is None else own.count,
            digest=digest.hexdigest()[:32],
            shown=shown[table.label],
        )
    return found


def _named(rows: Rows, prefix: str, run_id: str) -> _Parents:
    arrays = rows.arrays
    digest = hashlib.sha256(f"{rows.key.names} {run_id if rows.key.place else ''}".encode())
    for array in arrays:
        digest.update(array.encode())
    return _Parents(
        columns=rows.key,
        settings={f"{prefix}_{number}": array for number, array in enumerate(arrays)},
        count=rows.count,
        digest=digest.hexdigest(),
    )


def _condition(key: Key, own: _Parents) -> str:
    if not own.count:
        return "false"
    known = unnested(key, [f"pg_catalog.current_setting('{name}')" for name in own.settings], _KEYS)
    raws = ", ".join(column.raw for column in key.columns)
    # A semi-join, which the planner may answer by index or by hash: "= ANY (array)" without an index would go through
    # the list for every row.
    return f"({raws}) IN (SELECT {', '.join(f'{_KEYS}.{name}' for name in key.aliases)} FROM {known})"


async def _parents(
    worklist: Worklist, key: ForeignKey, keys: Mapping[str, _Parents], prefix: str, run_id: str
) -> _Parents | None:
    """The parents of a key in settings: those of the parent's own key where it is what is referenced."""
    parent = keys.get(key.parent)
    if parent is None or not parent.count:
        return None
    names = parent.columns.names
    if set(names) == set(key.parent_columns):
        order = [names.index(name) for name in key.parent_columns]
        settings = list(parent.settings.items())
        return _Parents(
            columns=Key(columns=tuple(parent.columns.columns[place] for place in order)),
            settings=dict(settings[place] for place in order),
            count=parent.count,
            digest=parent.digest,
        )
    columns = key_of(worklist.tables[key.parent], key.parent_columns)
    return _named(await worklist.project(key.parent, columns), prefix, run_id)


def _nulled(table: SyncTable, selected: Selected, parents: Mapping[ForeignKey, _Parents | None]) -> Mapping[str, str]:
    """By column, where it may stay. ``parents`` has the keys that are cut and some of whose parents are not copied."""
    cut = [key for key in selected.cut if key.table == table.label and key in parents]
    found: dict[str, str] = {}
    for key, columns in columns_to_null(table, cut).items():
        known = parents[key]
        condition = (
            has_parent(table, key, None)
            if known is None
            else has_parent(table, key, known.columns, list(known.settings))
        )
        for name in columns:
            found[name] = f"({found[name]}) AND ({condition})" if name in found else condition
    return found
