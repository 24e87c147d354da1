"""From what a capture tells to the rows of each part that are to be read again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from confiture.transfer import set_local
from confiture_schema_to_schema.following.statements import CHANGED, KEYS, Statements

if TYPE_CHECKING:
    from confiture.model import Changes
    from confiture.protocols import Connection

__all__ = ["Texts", "Work", "as_json", "find_work"]

Texts: TypeAlias = tuple[str, ...]

#: More rows of a part than that are not looked up by their keys: it is copied whole.
_MANY: Final = 500_000


class Work(msgspec.Struct, kw_only=True):
    """What is to be done for a part: rows of ``keys``, which ``identities`` find on the target; or all (``whole``).

    ``alone``: all parts of the target are brought anew, so that whatever else there is goes too.
    """

    statements: Statements
    keys: set[Texts] = msgspec.field(default_factory=set)
    identities: set[Texts] = msgspec.field(default_factory=set)
    whole: bool = False
    alone: bool = False


def as_json(rows: Iterable[Sequence[str | None]]) -> str:
    """Keys as they travel."""
    return msgspec.json.encode(list(rows)).decode()


async def find_work(
    source: Connection, changes: Changes, all_: Sequence[Statements], refresh: Iterable[int]
) -> tuple[list[Work], set[int]]:
    """In the snapshot that showed ``changes``. ``refresh``: numbers of parts that are to be copied whole in any case.

    Also the numbers of ``full_refresh`` parts that read something that changed, and are not in ``refresh``.
    """
    refresh = set(refresh)
    touched = {label for label, rows in changes.rows.items() if rows} | changes.truncated
    found: dict[int, Work] = {}
    stale: set[int] = set()
    for statements in all_:
        followed = statements.followed
        part = followed.part
        work = found[part.number] = Work(statements=statements)
        reads = {part.source, *part.lookups}
        if part.number in refresh or (not followed.full_refresh and reads & changes.truncated):
            work.whole = True
        elif followed.full_refresh:
            stale |= {part.number} if reads & touched else set()
        else:
            await _collect(source, changes, work)
    by_target: dict[str, list[Work]] = {}
    for work in found.values():
        by_target.setdefault(work.statements.followed.part.target, []).append(work)
    for together in by_target.values():
        _together(together)
        parts = [work.statements.followed.part for work in together]
        # Rows of the new database that are of none of them are those that it has of its own, from being the live one.
        alone = all(part.number in refresh and not part.upsert for part in parts)
        for work in together:
            work.alone = alone
    return [work for work in found.values() if work.whole or work.keys], stale


async def _collect(source: Connection, changes: Changes, work: Work) -> None:
    statements = work.statements
    rows = changes.rows.get(statements.followed.part.source, ())
    _add(work, (tuple(row[number] for number in statements.key) for row in rows))
    for label, query in statements.touches:
        changed = changes.rows.get(label, ())
        if not changed or work.whole:
            continue
        await set_local(source, {CHANGED: as_json(changed)})
        rows_found = await source.fetch(f"{query} LIMIT {_MANY + 1}")
        _add(work, (tuple(row) for row in rows_found))
    if not work.whole:
        await _identify(source, work)


def _add(work: Work, keys: Iterable[tuple[Any, ...]]) -> None:
    work.keys |= {key for key in keys if None not in key}
    work.whole = work.whole or len(work.keys) > _MANY


async def _identify(source: Connection, work: Work) -> None:
    statements = work.statements
    if not work.keys:
        return
    if statements.identities is None:
        work.identities = {tuple(key[number] for number in statements.plain) for key in work.keys}
        return
    await set_local(source, {KEYS: as_json(work.keys)})
    rows = await source.fetch(statements.identities)
    work.identities = {tuple(row) for row in rows if None not in tuple(row)}


def _together(together: Sequence[Work]) -> None:
    """Parts of one target whose rows nothing tells apart: what is taken out for one may be another's."""
    if len(together) == 1 or all(work.statements.followed.apart for work in together):
        return
    refreshed = any(work.statements.followed.full_refresh for work in together)
    if any(work.whole for work in together) or (refreshed and any(work.keys for work in together)):
        for work in together:
            work.whole = True
        return
    identities = set[Texts]().union(*(work.identities for work in together))
    for work in together:
        work.identities = identities
        work.keys |= set(_keys_of(work.statements, identities))


def _keys_of(statements: Statements, identities: Iterable[Texts]) -> Iterable[Texts]:
    """The other way: such parts are found by their keys themselves, one by one (see capturing)."""
    followed = statements.followed
    order = [followed.keys.index(name) for name in followed.part.key]
    for each in identities:
        yield tuple(each[number] for number in order)
