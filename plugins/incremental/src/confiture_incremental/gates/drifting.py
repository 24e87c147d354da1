"""What others have changed since the last run, of that which migrations touch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.errors import DriftFound
from confiture.model import Note
from confiture.quoting import quote_literal
from confiture.sql.effects.known import identity_of
from confiture_incremental.gates.facts import Fact, facts_query
from confiture_incremental.gates.remembering import FORMAT, settings
from confiture_incremental.gates.targets import CREATE

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment
    from confiture_incremental.gates.seen import Seen
    from confiture_incremental.gates.touching import Touched

__all__ = ["check_drift"]

#: A longer text, such as a function, is not shown: that it has changed is.
_SHOWN = 100


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What :func:`confiture_incremental.gates.remembering.remember` stores."""

    format: int
    server: int
    facts: list[Fact] = []


async def check_drift(seen: Seen) -> None:
    """Raise ``DriftFound`` with the differences of what the migrations touch. Says where it cannot be told."""
    names = _names(seen)
    if not names:
        return
    snapshot = await _snapshot(seen.deployment)
    if snapshot is None:
        return
    if snapshot.server != seen.version:
        seen.deployment.ctx.emit(
            Note(message=f"the server was PostgreSQL {snapshot.server} at the last run: what others have changed "
                 "since is not looked for")
        )  # fmt: skip
        return
    was = _by_object(fact for fact in snapshot.facts if (_space(fact[0]), fact[1]) in names)
    now = _by_object(await _facts(seen))
    by: Touched | None = None
    lines: list[str] = []
    for kind, identity in dict.fromkeys((*was, *now)):
        some = _compared(was.get((kind, identity)), now.get((kind, identity)))
        lines += [f'the {kind} "{identity}" {line}' for line in some]
        if some:
            by = by or names.get((_space(kind), identity))
    if by is not None:
        _refuse(by, lines)


def _space(kind: str) -> str:
    """Among what a kind of object has its name."""
    return kind if kind in ("type", "function") else "function" if kind == "procedure" else "relation"


def _refuse(by: Touched, lines: list[str]) -> None:
    origin = by.statement.origin
    others = f", and {len(lines) - 1} more" if len(lines) > 1 else ""
    raise DriftFound(
        f"{by.recorded.version} ({by.recorded.name}) touches what has changed since confiture's last run: "
        f"{lines[0]}{others}",
        file=origin.file if origin else by.recorded.migration.file.shown,
        line=origin.line if origin else None,
        hint="take the change back, or make it part of the project (`confiture drift` shows all of it); "
        "--ignore-drift goes on with what is there",
        detail="\n".join(lines) if len(lines) > 1 else None,
    )


def _names(seen: Seen) -> dict[tuple[str, str], Touched]:
    """Spaces and identities of what is touched: as they are there, else as they would have to be."""
    found: dict[tuple[str, str], Touched] = {}
    for number, one in enumerate(seen.touched):
        if one.act.space == "schema":
            continue
        places = seen.there.get(number, ())
        for place in places:
            found.setdefault((one.act.space, identity_of(place.schema, place.name)), one)
        if not places and one.act.right != CREATE:
            found.setdefault((one.act.space, identity_of(one.act.schema or "public", one.act.name)), one)
    return found


async def _snapshot(deployment: Deployment) -> Snapshot | None:
    """What the last run has left; None where nothing is known, or a run since did not come to its end."""
    history, tracking = deployment.history, deployment.tracking
    if "snapshot" not in history.columns:
        return None
    row = await deployment.connection.fetchrow(
        f"SELECT id, snapshot FROM {tracking.qualified} WHERE snapshot IS NOT NULL ORDER BY id DESC LIMIT 1"
    )
    if row is None:
        return None
    if any(event.id > row["id"] and (event.state != "failed" or event.statements) for event in history.events):
        deployment.ctx.emit(
            Note(message="the last run did not come to its end: what others have changed is not looked for")
        )
        return None
    try:
        found = msgspec.json.decode(row["snapshot"], type=Snapshot)
    except msgspec.MsgspecError:
        return None  # of another version of confiture
    return found if found.format == FORMAT else None


async def _facts(seen: Seen) -> list[Any]:
    oids: dict[str, list[int]] = {"relation": [], "type": [], "function": []}
    for number, places in seen.there.items():
        space = seen.touched[number].act.space
        if space in oids:
            oids[space] += [place.oid for place in places]
    deployment = seen.deployment
    if oids["type"]:  # of a composite type it is the relation that has the attributes
        rows = await deployment.connection.fetch(
            "SELECT typrelid FROM pg_type WHERE oid = ANY ($1::oid[]) AND typrelid <> 0", oids["type"]
        )
        oids["relation"] += [row["typrelid"] for row in rows]
    tracking = deployment.tracking
    query = facts_query(quote_literal(tracking.schema), quote_literal(tracking.table), some=True)
    async with deployment.ctx.transaction(deployment.connection):
        await deployment.connection.execute(settings())
        return [tuple(row) for row in await deployment.connection.fetch(query, *oids.values())]


def _by_object(facts: Iterable[Any]) -> dict[tuple[str, str], dict[str, dict[str, str]]]:
    found: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for kind, identity, part, name, value in facts:
        found.setdefault((kind, identity), {}).setdefault(part, {})[name] = value
    return found


def _compared(was: dict[str, dict[str, str]] | None, now: dict[str, dict[str, str]] | None) -> list[str]:
    """Each difference, for people, to be read behind the object's name."""
    if was is None or now is None:
        return ["is gone" if now is None else "is new"] if was != now else []
    found = []
    for part in dict.fromkeys((*was, *now)):
        before, after = was.get(part), now.get(part)
        if before is None or after is None:
            what = f"has no {part} any more" if after is None else f"has a new {part}"
            found.append(what + _value(", which was", before) if before is not None else what + _value(":", after))
            continue
        found += [
            f"has another {name}{f' of {part}' if part else ''}{_change(before.get(name), after.get(name))}"
            for name in dict.fromkeys((*before, *after))
            if before.get(name) != after.get(name)
        ]
    return found


def _value(words: str, facts: dict[str, str] | None) -> str:
    value = (facts or {}).get("type") or (facts or {}).get("definition")
    return f"{words} {value}" if value and _is_short(value) else ""


def _change(before: str | None, after: str | None) -> str:
    if not all(value is None or _is_short(value) for value in (before, after)):
        return ""
    was, now = (repr(value) if value is not None else "none" for value in (before, after))
    return f": it was {was}, and is {now}"


def _is_short(value: str) -> bool:
    return len(value) <= _SHOWN and "\n" not in value
