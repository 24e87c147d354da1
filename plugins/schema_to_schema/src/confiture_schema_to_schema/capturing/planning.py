"""Which tables have to be captured with which columns, and which parts cannot be followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from confiture.model import CapturedTable
from confiture_schema_to_schema.capturing.identity import Outputs, apart, identity, outputs_of
from confiture_schema_to_schema.capturing.touching import NotTouchable, touches_of
from confiture_schema_to_schema.capturing.values import Followed, Touch, Watch
from confiture_schema_to_schema.compiling.naming import Findings

if TYPE_CHECKING:
    from confiture_schema_to_schema.model import Finding
    from confiture_schema_to_schema.values import Catalog, Job, Part, Table, TargetTable

__all__ = ["capture_name", "plan_watch"]

_WHOLE = "`full_refresh: true` copies the table whole each time"


def capture_name(run_id: str) -> str:
    """What the capture of a run is called on the source: letters, digits and underscores, 40 characters at most."""
    letters = "".join(each if each.isascii() and each.isalnum() else "_" for each in run_id.lower())
    return f"move_{letters}"[:40]


def plan_watch(job: Job, capture: str) -> tuple[Watch, tuple[Finding, ...]]:
    """What has to be captured, and which parts cannot be followed, with the reason and what to do.

    Errors: a volatile expression, a part without a key or whose rows cannot be found on the target by it.
    """
    return _Planned(job).watch(capture)


class _Planned:
    def __init__(self, job: Job) -> None:
        self._job = job
        self._old: Catalog = job.old
        self._findings = Findings(job.map.shown)
        self._needed: dict[str, dict[str, None]] = {}

    def watch(self, capture: str) -> tuple[Watch, tuple[Finding, ...]]:
        followed = [each for table in self._job.tables for each in self._table(table)]
        captured = tuple(self._captured(label, columns) for label, columns in sorted(self._needed.items()))
        name = capture_name(self._job.run_id)
        watch = Watch(
            capture=capture,
            name=name,
            tables=captured,
            parts=tuple(sorted(followed, key=lambda each: each.part.number)),
        )
        return watch, self._findings.all()

    def _captured(self, label: str, needed: Mapping[str, None]) -> CapturedTable:
        table = self._old.tables[label]
        key = table.keys[0].columns if table.keys else ()
        columns = (*key, *(name for name in needed if name not in key))
        if not columns:  # that it changed at all is what has to be known
            columns = (table.columns[0].name,)
        return CapturedTable(label=label, sql=table.sql, columns=columns, key=len(key) or len(columns))

    # -- parts -------------------------------------------------------------------------------------------------------

    def _table(self, table: TargetTable) -> list[Followed]:
        outputs = {
            part.number: outputs_of(part, self._old.tables[part.source], table.table)
            for part in table.parts
            if part.source in self._old.tables
        }
        return [self._part(table, part, outputs) for part in table.parts]

    def _part(self, table: TargetTable, part: Part, outputs: Mapping[int, Outputs]) -> Followed:
        own = outputs.get(part.number, {})
        others = [outputs.get(each.number, {}) for each in table.parts if each is not part]
        constants = apart(own, others, table.table) if others else ()
        if part.volatile:
            self._error(
                "volatile",
                part,
                f"{', '.join(part.volatile)} in what fills {part.target!r}: a row that is read again would be another "
                "one than the row that was copied",
                "take a value of the row, or a constant; or leave the column to its default",
            )
        refresh = part.map is not None and part.map.full_refresh
        found = Followed(part=part, apart=constants, full_refresh=True, upsert=part.upsert)
        if refresh:
            for label in dict.fromkeys((part.source, *part.lookups)):
                if label in self._old.tables:
                    self._need(label, ())
                else:
                    self._error("key", part, f"{label!r} is no table of its own, so that its changes are not told",
                                "write the tables that it is made of")  # fmt: skip
            return found
        identity_ = self._identity(table, part, outputs, constants)
        return msgspec.structs.replace(
            found,
            full_refresh=False,
            identity=identity_,
            keys=tuple(own[name].key for name, _ in identity_),
            upsert=_has_more(table.table, part) and _is_key(table.table, identity_),
            touches=self._touches(part),
        )

    def _identity(
        self,
        table: TargetTable,
        part: Part,
        outputs: Mapping[int, Outputs],
        constants: tuple[tuple[str, str], ...],
    ) -> tuple[tuple[str, str], ...]:
        if part.source not in self._old.tables:
            self._error("key", part, f"{part.source!r} is no table of its own, so that its changes are not told",
                        "write the table that it is made of")  # fmt: skip
            return ()
        self._need(part.source, part.key)
        if part.whole is not None:
            self._error("key", part, f"{part.target!r} is made of {part.source!r} as a whole: {part.whole}", _WHOLE)
            return ()
        if not part.key:
            self._error(
                "key",
                part,
                f"{part.source!r} has no key, so that nobody can tell which of its rows change",
                f"give it a primary key, or a unique index over columns that are NOT NULL; {_WHOLE}",
            )
            return ()
        found = identity(part, outputs.get(part.number, {}), table.table)
        if not found:
            self._error(
                "key",
                part,
                f"rows of {part.target!r} cannot be found by the key of {part.source!r} ({', '.join(part.key)})",
                f"let the new table have that key, or one that is computed from it alone; {_WHOLE}",
            )
        elif len(table.parts) > 1 and not constants and not _same_keys(found, table, outputs):
            self._error(
                "key",
                part,
                f"rows of {part.target!r} do not say whether they are of {part.source!r}",
                "give the rows of each old table a constant of their own, in a column of the new one, under "
                f"'defaults'; {_WHOLE}",
            )
        return found

    def _touches(self, part: Part) -> tuple[Touch, ...]:
        found: list[Touch] = []
        for label in part.lookups:
            try:
                for touch, columns in touches_of(part, label, self._old):
                    self._need(label, columns)
                    found.append(touch)
            except NotTouchable as error:
                self._error(
                    "key",
                    part,
                    f"which rows of {part.target!r} change with {error.table!r} is not known: {error.why}",
                    "write it under 'lookups', with a 'touch': a query from the rows that changed (relation changed) "
                    f"to the keys of {part.source!r}; {_WHOLE}",
                )
        return tuple(found)

    def _need(self, label: str, columns: tuple[str, ...]) -> None:
        self._needed.setdefault(label, {}).update(dict.fromkeys(columns))

    def _error(self, check: str, part: Part, message: str, hint: str) -> None:
        self._findings.error(check, part.target, message, hint=hint, entry=part.map)


def _same_keys(found: tuple[tuple[str, str], ...], table: TargetTable, outputs: Mapping[int, Outputs]) -> bool:
    """Whether each part's rows are found by the same columns, which are its driving key one by one.

    A key that is looked at in one part is looked at in all of them then.
    """
    names = [name for name, _ in found]
    for part in table.parts:
        own = outputs.get(part.number, {})
        keys = [own[name].key for name in names if name in own]
        if len(keys) != len(names) or None in keys or set(keys) != set(part.key):
            return False
        if [name for name, _ in identity(part, own, table.table)] != names:
            return False
    return True


def _has_more(table: Table, part: Part) -> bool:
    """Whether rows of the table have values of their own, which the part does not give."""
    return any(not column.generated and column.name not in part.columns for column in table.columns)


def _is_key(table: Table, found: tuple[tuple[str, str], ...]) -> bool:
    names = {name for name, _ in found}
    return any(set(key.columns) == names for key in table.keys)
