"""Rows that differed are looked at again: two databases in use are never read in the same moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import anyio
import msgspec

from confiture_schema_to_schema.validating.both import both_sides
from confiture_schema_to_schema.validating.comparing import MOST_SUSPECTS, Differing, differing_keys

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.validating.relations import Compared
    from confiture_schema_to_schema.values import Sides

__all__ = ["PAUSES_S", "Newer", "look_again"]

#: Before each look. What an application commits within a second of its beginning is seen by the last.
PAUSES_S: Final = (0.0, 0.25, 1.0)
#: Of a table's label and keys, those for which something newer is known that has yet to be brought over.
Newer: TypeAlias = Callable[[str, Sequence[str]], Awaitable[AbstractSet[str]]]

_Rows: TypeAlias = set[tuple[int, int, int, int]]
#: Keys that are looked up by one query, where there is an index; else all, since each query reads everything.
_AT_ONCE: Final = 2_000


async def look_again(
    ctx: Context,
    sides: Sides,
    compared: Compared,
    suspects: Mapping[str, Differing],
    pauses_s: Sequence[float] = PAUSES_S,
    newer: Newer | None = None,
) -> tuple[dict[str, Differing], AbstractSet[str]]:
    """Those that still differ, each time in new snapshots; and which of them are still to be brought over.

    With ``newer``, who brings changes over may be at work meanwhile. A row that is the same as at the look before, and
    of which nothing was captured in between that is not applied, will stay as it is. No row is written.
    """
    # A key with a NULL is not found by looking for it: such a row is believed to differ.
    left = {key: differing for key, differing in suspects.items() if _has_null(compared, key)}
    found = {key: differing for key, differing in suspects.items() if key not in left}
    at_once = _AT_ONCE if compared.has_index else MOST_SUSPECTS
    label = compared.table.label
    pending = set[str]()
    seen: dict[str, _Rows] = {}
    for number, pause_s in enumerate(pauses_s, start=1):
        if not found:
            break
        await anyio.sleep(pause_s)
        # Asked before the look: what is applied in between is seen by it.
        pending = set(await newer(label, list(found))) if number > 1 and newer and compared.key else set()
        asked, found = list(found), {}
        before, seen = seen, {}
        for start in range(0, len(asked), at_once):
            some = asked[start : start + at_once]
            async with both_sides(ctx, sides) as both:
                listed = await both.fetch(compared.looked_up, some)
            differing = differing_keys(compared, *listed)
            # By values more may be found than by texts: 'a' is 'A' under some collations.
            found |= {key: differing[key] for key in some if key in differing}
            seen |= _rows(listed, found)
        pending |= {key for key in found if key in before and before[key] != seen[key]}
    left |= found
    if newer is None or not compared.key:
        return left, set()
    return left, (pending | await newer(label, list(left))) & left.keys() if left else set()


def _rows(listed: Sequence[Iterable[Any]], keys: Collection[str]) -> dict[str, _Rows]:
    """Of each key the digests of its rows, by side."""
    rows: dict[str, _Rows] = {}
    for number, side in enumerate(listed):
        for row in side:
            if row["k"] in keys:
                rows.setdefault(row["k"], set()).add((number, row["a"], row["b"], row["n"]))
    return rows


def _has_null(compared: Compared, key: str) -> bool:
    return bool(compared.key) and None in msgspec.json.decode(key, type=list[str | None])
