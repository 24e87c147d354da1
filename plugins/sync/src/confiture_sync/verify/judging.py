"""What of that which was found is a leak."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture_sync.model import Check
from confiture_sync.verify.originals import PHRASE, STRONG, Column
from confiture_sync.verify.searching import Found, Place, Search

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["judge"]

#: What they give does not depend on the row's value, or is meant to be the same for many.
_MAY_STAY = frozenset({"constant", "null", "default", "generalize", "choice", "enum", "shuffle"})
#: What they give is near the value, or keeps a part of it: some stay.
_BY_CHANCE = frozenset({"noise", "date_shift", "faker", "ip", "mac", "array", "python"})
_CHANCE_ROWS, _CHANCE_SHARE = 3, 0.9
#: Of a word or a number of few digits: more than chance, and more than a city that some people are called like.
_OWN_ROWS, _OWN_SHARE, _ALL_SHARE = 3, 0.01, 0.5
_LINKED_ROWS, _LINKED_SHARE = 3, 0.2
#: Of phrases anywhere; and of telling values in masked columns and numbers, where some meet by chance.
_PHRASES, _PHRASES_SHARE = 3, 0.02
_MEETINGS, _MEETINGS_SHARE = 3, 0.01
#: Parts of names of columns whose words are everybody's: a list of all cities is no leak of where somebody lives.
_SHARED = frozenset(
    {"city", "town", "country", "state", "region", "province", "district", "county", "ville", "stadt", "pays", "ciudad"}
    | {"company", "employer", "organi", "department", "title", "position", "occupation", "language"}
)


def judge(search: Search) -> Sequence[Check]:
    """One check for each masked column, with the places that still have its originals."""
    by_column: dict[Column, dict[Place, Found]] = {column: {} for column in search.originals.columns}
    for (column, place), found in search.found.items():
        by_column[column][place] = found
    return [_check(column, by_column[column], search) for column in search.originals.columns]


def _check(column: Column, found: Mapping[Place, Found], search: Search) -> Check:
    leaks = []
    own = _own_place(column, found, search)
    if own:
        leaks.append(own)
    for place, each in found.items():
        if place.label != column.label and (leak := _elsewhere(column, place, each, search.linked[column])):
            leaks.append(f"{leak} in {place.label}")
    many = sum(column.classes.values())
    looked = (
        f"{many} originals and parts of {column.rows} rows looked for in {search.rows} rows of {search.places} columns"
    )
    detail = f"{'; '.join(leaks)} ({looked})" if leaks else looked
    return Check(name="leak", what=column.label, ok=not leaks, detail=detail)


def _own_place(column: Column, found: Mapping[Place, Found], search: Search) -> str:
    """A mask that does nothing, or puts something around the value."""
    if column.kind in _MAY_STAY:
        return ""
    there = next((each.own_rows for place, each in found.items() if place.label == column.label), {})
    for rows, among in ((column.same, column.rows), (there, search.linked[column])):
        strong, all_ = rows.get(STRONG, 0), sum(rows.values())
        if not all_:
            continue
        share = all_ / max(among, 1)
        if column.kind in _BY_CHANCE:
            leaks = all_ >= _CHANCE_ROWS and share > _CHANCE_SHARE
        else:
            leaks = strong > 0 or share >= _ALL_SHARE or (all_ >= _OWN_ROWS and share >= _OWN_SHARE)
        if leaks:
            return f"{all_} of {among} rows still hold their original"
    return ""


def _elsewhere(column: Column, place: Place, found: Found, linked: int) -> str:
    rule = place.plan.rules.get(place.name)
    if rule is not None and rule.kind == "keep":
        return ""
    read = place.plan.masked.reads.get(place.name, ()) if place.plan.label == column.plan.label else ()
    if rule is not None and rule.kind == "template" and column.name in read:
        return ""  # {raw.name}: somebody wrote that it is to be there
    strong, phrases = (len(found.originals.get(class_, ())) for class_ in (STRONG, PHRASE))
    if rule is None and not place.numbers:
        if strong:
            return f"{strong} originals"
        shared = any(word in column.name.lower() for word in _SHARED)
        if not shared and phrases >= _PHRASES and phrases >= _PHRASES_SHARE * column.classes[PHRASE]:
            return f"{phrases} originals"
    elif strong >= _MEETINGS and strong >= _MEETINGS_SHARE * column.classes[STRONG]:
        return f"{strong} originals"
    own = sum(found.own_rows.values())
    if own >= _LINKED_ROWS and own >= _LINKED_SHARE * linked:
        return f"the originals of {own} of {linked} rows, in the same rows,"
    return ""
