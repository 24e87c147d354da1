"""What the role lacks for the migrations, told before the first statement. What is not sure is left to PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.errors import PermissionMissing
from confiture.sql.effects.known import identity_of, written
from confiture_incremental.gates.targets import CREATE, DROP, OWN, TOUCH

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment
    from confiture_incremental.gates.seen import Place, Seen
    from confiture_incremental.gates.touching import Touched

__all__ = ["check_privileges"]

_ROLE = """
SELECT current_user::text AS role, rolsuper AS super, quote_ident(current_user) AS shown,
       current_database()::text AS database, has_database_privilege(current_database(), 'CREATE') AS may_create
FROM pg_roles WHERE rolname = current_user
"""
#: In the order in which they are given; NULL where there is no such schema. "" is where new objects go.
_SCHEMAS = """
SELECT w.schema AS wanted, s.nspname AS schema, has_schema_privilege(s.oid, 'CREATE') AS may_create,
       has_schema_privilege(s.oid, 'USAGE') AS usable
FROM unnest($1::text[]) AS w(schema)
LEFT JOIN pg_namespace s ON s.nspname = CASE w.schema WHEN '' THEN current_schema() ELSE w.schema END
"""
_TRACKING = """
SELECT has_table_privilege(c.oid, 'SELECT') AS may_read, has_table_privilege(c.oid, 'INSERT') AS may_write,
       pg_has_role(c.relowner, 'USAGE') AS owned, pg_get_userbyid(c.relowner) AS owner
FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace WHERE s.nspname = $1 AND c.relname = $2
"""
_KINDS = {"v": "VIEW", "m": "MATERIALIZED VIEW", "f": "FOREIGN TABLE", "S": "SEQUENCE", "i": "INDEX", "I": "INDEX",
          "type": "TYPE", "schema": "SCHEMA"}  # fmt: skip


class Missing(msgspec.Struct, frozen=True):
    """What is missing, and what gives it: SQL, for whoever may run it."""

    what: str
    fix: str
    by: Touched | None = None


async def check_privileges(seen: Seen) -> None:
    """Raise ``PermissionMissing`` naming all that the role lacks; a superuser lacks nothing."""
    role = await seen.deployment.connection.fetchrow(_ROLE)
    if role is None or role["super"]:
        return
    found: dict[str, Missing] = {}
    for missing in [
        *await _of_history(seen.deployment, role),
        *await _of_schemas(seen, role),
        *_of_objects(seen, role["shown"]),
    ]:
        found.setdefault(missing.what, missing)
    if not found:
        return
    first = next(iter(found.values()))
    origin = first.by.statement.origin if first.by is not None else None
    others = f", and {len(found) - 1} more" if len(found) > 1 else ""
    raise PermissionMissing(
        f"the role {role['role']!r} may not run this: {first.what}{others}; nothing was run",
        file=origin.file if origin else None,
        line=origin.line if origin else None,
        hint="\n".join(dict.fromkeys(one.fix for one in found.values())),
        detail="\n".join(f"{_place(one)}{one.what}" for one in found.values()) if len(found) > 1 else None,
    )


def _place(missing: Missing) -> str:
    origin = missing.by.statement.origin if missing.by is not None else None
    return f"{origin.file}:{origin.line}: " if origin else ""


async def _of_history(deployment: Deployment, role: Any) -> list[Missing]:
    """For the tracking table: to make it, to bring it to the present layout, to write to it."""
    tracking, history = deployment.tracking, deployment.history
    shown = role["shown"]
    if not history.schema_exists:
        return [] if role["may_create"] else [_no_schema(tracking.schema, role)]
    schema = written(tracking.schema)
    if not history.exists:
        row = await deployment.connection.fetchrow(_SCHEMAS, [tracking.schema])
        if row["may_create"] and row["usable"]:
            return []
        return [Missing(f"the table of the history cannot be made in the schema {tracking.schema!r}",
                        f"GRANT CREATE, USAGE ON SCHEMA {schema} TO {shown};")]  # fmt: skip
    row = await deployment.connection.fetchrow(_TRACKING, tracking.schema, tracking.table)
    found = []
    if not (row["may_read"] and row["may_write"]):
        found.append(Missing(f"the history {tracking.qualified} cannot be written to",
                             f"GRANT SELECT, INSERT, UPDATE ON {tracking.qualified} TO {shown};"))  # fmt: skip
    if deployment.missing_statements() and not row["owned"]:
        what = (
            f"the history {tracking.qualified} is to be brought to its present layout, and belongs to {row['owner']!r}"
        )
        found.append(Missing(what, f"ALTER TABLE {tracking.qualified} OWNER TO {shown};"))
    return found


async def _of_schemas(seen: Seen, role: Any) -> list[Missing]:
    """CREATE on the database for new schemas, on schemas for what is made in them."""
    found = []
    wanted: dict[str, Touched] = {}
    for one in seen.touched:
        if not one.trusted or one.act.right != CREATE:
            continue
        if one.act.space == "schema":
            if not role["may_create"]:
                found.append(_no_schema(one.act.name, role, one))
        elif one.act.schema or one.placed:
            wanted.setdefault(one.act.schema, one)
    if not wanted:
        return found
    for row in await seen.deployment.connection.fetch(_SCHEMAS, list(wanted)):
        if row["schema"] is None or row["may_create"]:
            continue
        by = wanted[row["wanted"]]
        found.append(Missing(f"{by.act.name!r} cannot be made in the schema {row['schema']!r}",
                             f"GRANT CREATE ON SCHEMA {written(row['schema'])} TO {role['shown']};", by))  # fmt: skip
    return found


def _no_schema(name: str, role: Any, by: Touched | None = None) -> Missing:
    return Missing(
        f"the schema {name!r} cannot be made",
        f"GRANT CREATE ON DATABASE {written(role['database'])} TO {role['shown']};",
        by,
    )


def _of_objects(seen: Seen, role: str) -> Iterator[Missing]:
    """What is altered and dropped belongs to a role that it is a member of; what is used is granted."""
    for number, places in seen.there.items():
        one = seen.touched[number]
        if not one.trusted or not one.placed or not places:
            continue
        missing = _of_object(one, places[0], role)
        if missing is not None:
            yield missing


def _of_object(by: Touched, place: Place, role: str) -> Missing | None:
    act = by.act
    identity = written(place.name) if place.kind == "schema" else identity_of(place.schema, place.name)
    kind = _KINDS.get(place.kind, "TABLE")
    if act.schema and not place.usable:
        return Missing(f"nothing in the schema {place.schema!r} can be named",
                       f"GRANT USAGE ON SCHEMA {written(place.schema)} TO {role};", by)  # fmt: skip
    if act.space == "function" or act.right in (CREATE, TOUCH):
        return None
    if act.right in (OWN, DROP):
        if place.owned or (act.right == DROP and place.schema_owned):
            return None
        verb = "dropped" if act.right == DROP else "altered"
        given = f"ALTER {kind} {identity} OWNER TO {role};"
        if kind == "INDEX":  # it always belongs to the owner of its table
            given = f"ALTER TABLE ... OWNER TO {role}; -- the table of {identity}"
        return Missing(
            f'the {kind.lower()} "{identity}" cannot be {verb}: it belongs to {place.owner!r}',
            given if place.super_owned else f"GRANT {written(place.owner)} TO {role}; -- or: {given}",
            by,
        )
    if place.granted:
        return None
    return Missing(f'there is no right to {act.right} on "{identity}"', f"GRANT {act.right} ON {identity} TO {role};",
                   by)  # fmt: skip
