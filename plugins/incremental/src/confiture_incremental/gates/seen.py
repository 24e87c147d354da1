"""What a database has of that which migrations act on: looked up once, for all gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.hooks import INSPECTOR
from confiture.model import Schema
from confiture_incremental.gates.targets import CREATE, DROP, OWN, TOUCH
from confiture_incremental.gates.touching import Touched, touched_by

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment
    from confiture_incremental.recorded import Recorded

__all__ = ["Place", "Seen", "look"]

#: Only what these do to an object depends on what the object is like.
_DEPENDS = frozenset({CREATE, OWN, DROP, TOUCH, "TRUNCATE"})

#: A name without a schema is looked up along the search path; where a statement has set another one, anywhere.
_WHERE = """
WHERE CASE WHEN w.schema <> '' THEN s.nspname = w.schema
           WHEN w.placed THEN s.nspname = ANY (current_schemas(true))
           ELSE s.nspname !~ '^pg_' AND s.nspname <> 'information_schema' END
"""
_ORDER = "ORDER BY 1, array_position(current_schemas(true), s.nspname)"
_COMMON = "s.nspname AS schema, pg_has_role(s.nspowner, 'USAGE') AS schema_owned"
_SUPER = "EXISTS (SELECT FROM pg_roles AS o WHERE o.oid = {} AND o.rolsuper) AS super_owned"
_RELATIONS = f"""
SELECT w.number, c.oid, c.relname AS name, c.relkind::text AS kind, {_COMMON},
       pg_get_userbyid(c.relowner) AS owner, pg_has_role(c.relowner, 'USAGE') AS owned,
       has_schema_privilege(s.oid, 'USAGE') AS usable, {_SUPER.format("c.relowner")},
       CASE WHEN c.relkind NOT IN ('r', 'p', 'v', 'm', 'f') THEN true
            WHEN w.wanted IN ('INSERT', 'UPDATE', 'REFERENCES') THEN has_any_column_privilege(c.oid, w.wanted)
            WHEN w.wanted IN ('DELETE', 'TRUNCATE', 'TRIGGER') THEN has_table_privilege(c.oid, w.wanted)
            ELSE true END AS granted
FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::bool[]) AS w(number, schema, name, wanted, placed)
JOIN pg_class c ON c.relname = w.name JOIN pg_namespace s ON s.oid = c.relnamespace
{_WHERE}{_ORDER}
"""
_OTHERS = f"""
SELECT w.number, t.oid, t.typname AS name, 'type' AS kind, {_COMMON},
       pg_get_userbyid(t.typowner) AS owner, pg_has_role(t.typowner, 'USAGE') AS owned,
       has_schema_privilege(s.oid, 'USAGE') AS usable, {_SUPER.format("t.typowner")}, true AS granted
FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::bool[]) AS w(number, schema, name, space, placed)
JOIN pg_type t ON t.typname = w.name AND w.space = 'type' JOIN pg_namespace s ON s.oid = t.typnamespace
{_WHERE}
UNION ALL
SELECT w.number, p.oid, p.proname, 'function', {_COMMON},
       pg_get_userbyid(p.proowner), pg_has_role(p.proowner, 'USAGE'), has_schema_privilege(s.oid, 'USAGE'),
       {_SUPER.format("p.proowner")}, true
FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::bool[]) AS w(number, schema, name, space, placed)
JOIN pg_proc p ON p.proname = w.name AND w.space = 'function' JOIN pg_namespace s ON s.oid = p.pronamespace
{_WHERE}
UNION ALL
SELECT w.number, s.oid, s.nspname, 'schema', {_COMMON},
       pg_get_userbyid(s.nspowner), pg_has_role(s.nspowner, 'USAGE'), has_schema_privilege(s.oid, 'USAGE'),
       {_SUPER.format("s.nspowner")}, true
FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::bool[]) AS w(number, schema, name, space, placed)
JOIN pg_namespace s ON s.nspname = w.name AND w.space = 'schema'
"""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An object that is there. ``kind`` is ``pg_class.relkind``, or type, function, schema.

    ``owned``: the role is its owner or a member of it; ``schema_owned``: the same of its schema;
    ``super_owned``: its owner is a superuser. ``usable``: it may
    name what is in the schema. ``granted``: it has the privilege that the act asks for, as far as that was looked at.
    """

    number: int
    oid: int
    name: str
    kind: str
    schema: str
    schema_owned: bool
    owner: str
    owned: bool
    super_owned: bool
    usable: bool
    granted: bool


class Seen:
    """Migrations, what they touch, and what is there of that (``there``, by the position in ``touched``)."""

    def __init__(
        self,
        deployment: Deployment,
        recorded: Sequence[Recorded],
        touched: Sequence[Touched],
        there: dict[int, list[Place]],
    ) -> None:
        self.deployment = deployment
        self.recorded = recorded
        self.touched = touched
        self.there = there
        self._schema: Schema | None = None

    @property
    def version(self) -> int:
        """The server's major version."""
        return int(self.deployment.connection.get_server_version().major)

    async def schema(self) -> Schema:
        """The live schema; an empty one where nothing is altered that is there: reading it takes a while."""
        if self._schema is None:
            matters = any(
                self.touched[number].act.right in _DEPENDS and any(place.kind != "function" for place in places)
                for number, places in self.there.items()
            )
            if matters:
                ctx = self.deployment.ctx
                self._schema = await ctx.get(INSPECTOR, "catalog").inspect(ctx, self.deployment.target)
            else:
                self._schema = Schema.of(())
        return self._schema


async def look(deployment: Deployment, recorded: Sequence[Recorded]) -> Seen:
    """Look up what the migrations act on. One query, and a second one where they act on more than relations."""
    touched = touched_by(recorded)
    there: dict[int, list[Place]] = {}
    for query, chosen in (
        (_RELATIONS, [n for n, one in enumerate(touched) if one.act.space == "relation"]),
        (_OTHERS, [n for n, one in enumerate(touched) if one.act.space != "relation"]),
    ):
        if not chosen:
            continue
        acts = [touched[number].act for number in chosen]
        rows: list[Any] = await deployment.connection.fetch(
            query,
            chosen,
            [act.schema for act in acts],
            [act.name for act in acts],
            [act.right if act.space == "relation" else act.space for act in acts],
            [touched[number].placed for number in chosen],
        )
        for row in rows:
            place = Place(**dict(row.items()))
            found = there.setdefault(place.number, [])
            one = touched[place.number]
            # Of several with that name it is the first one on the path; of functions it is all of them.
            if not found or not one.placed or one.act.space == "function":
                found.append(place)
    return Seen(deployment, recorded, touched, there)
