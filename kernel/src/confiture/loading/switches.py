"""What is switched off rather than dropped: triggers, rules, and row-level security that is forced on the owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.loading.parts import Part, Thing
from confiture.loading.records import Phase, Record
from confiture.quoting import quote_ident

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["read_switches"]

# Those that PostgreSQL made for constraints are not an owner's to switch. COPY knows no rules, but what replaces and
# removes rows does.
_SWITCHES = """
SELECT t.tgrelid AS oid, 'trigger' AS kind, t.tgname::text AS name, t.tgenabled::text AS state
  FROM pg_catalog.pg_trigger t WHERE t.tgrelid = ANY($1::oid[]) AND NOT t.tgisinternal AND t.tgenabled <> 'D'
UNION ALL
SELECT r.ev_class, 'rule', r.rulename::text, r.ev_enabled::text
  FROM pg_catalog.pg_rewrite r WHERE r.ev_class = ANY($1::oid[]) AND r.ev_type <> '1' AND r.ev_enabled <> 'D'
 ORDER BY 1, 2, 3
"""
_ENABLE = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}


async def read_switches(connection: Connection, parts: Sequence[Part]) -> list[Thing]:
    """What is on, how it is switched off, and on again to the state that it had."""
    by_oid = {part.oid: part for part in parts}
    found = []
    for row in await connection.fetch(_SWITCHES, list(by_oid)):
        part, what = by_oid[row["oid"]], f"{row['kind'].upper()} {quote_ident(row['name'])}"
        # ONLY: a trigger of a partition may be in another state than that of its root.
        alter = f"ALTER TABLE {'ONLY ' if row['kind'] == 'trigger' else ''}{part.sql}"
        on = f"{alter} {_ENABLE[row['state']]} {what}"
        found.append(_thing(part, row["kind"], row["name"], f"{alter} DISABLE {what}", on))
    for part in parts:
        if part.forced:
            alter = f"ALTER TABLE {part.sql}"
            off, on = f"{alter} NO FORCE ROW LEVEL SECURITY", f"{alter} FORCE ROW LEVEL SECURITY"
            found.append(_thing(part, "row security", "", off, on))
    return found


def _thing(part: Part, kind: str, name: str, off: str, on: str) -> Thing:
    record = Record(phase=Phase.SWITCH, kind=kind, schema=part.schema, table=part.name, name=name, statements=(on,))
    return Thing(off=off, records=(record,))
