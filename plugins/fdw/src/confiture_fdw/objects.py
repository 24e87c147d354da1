"""Server, user mapping and foreign tables: made in the rows' transaction, and gone before it ends.

Nobody else ever sees them: what a transaction made and dropped is in no catalog for others. The password is in no
statement's text, since those are in pg_stat_activity and in logs. It goes into a temporary table as COPY's data, which
no server logs (bind values are, under ``log_statement``), and a DO block reads it from there: statements in a function
are in neither place. Where the role may make no temporary tables, it goes as a bind value.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.errors import PermissionMissing
from confiture.quoting import quote_ident, quote_literal
from confiture_fdw.layouts import FUNCTIONS, Layout, Relation
from confiture_fdw.queries import Name

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_fdw.addresses import Address

__all__ = [
    "EXTENSION",
    "Abilities",
    "Foreign",
    "create_extension",
    "read_abilities",
    "read_functions",
    "shared_extensions",
    "unknown_columns",
]

EXTENSION: Final = "postgres_fdw"
_ABILITIES: Final = """
SELECT current_user::text AS role, pg_catalog.current_database()::text AS database,
       (SELECT pg_catalog.has_foreign_data_wrapper_privilege(w.oid, 'USAGE')
          FROM pg_catalog.pg_foreign_data_wrapper w WHERE w.fdwname = 'postgres_fdw') AS usage,
       EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'postgres_fdw') AS installed,
       EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'postgres_fdw') AS available,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS schemas,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP') AS temporary,
       pg_catalog.current_setting('pg_stat_statements.track', true) = 'all'
           AND pg_catalog.current_setting('pg_stat_statements.track_utility', true) = 'on' AS tracked,
       pg_catalog.version() ~ 'linux' AS linux,
       ARRAY(SELECT extname || ' ' || extversion || ' ' || extnamespace::pg_catalog.regnamespace
               FROM pg_catalog.pg_extension) AS extensions
"""
_UNTRACKED: Final = """
DO $confiture$BEGIN
    PERFORM pg_catalog.set_config('pg_stat_statements.track', 'none', true);
EXCEPTION WHEN insufficient_privilege THEN NULL;
END$confiture$
"""
#: ``%s`` is a query for keyword and value. An error's own words and context would hold the statement.
_MAPPING: Final = """
DO $confiture$
DECLARE
    given text;
BEGIN
    SELECT pg_catalog.string_agg(pg_catalog.format('%%I %%L', g.keyword, g.value), ', ') INTO given FROM (%s) AS g;
    EXECUTE pg_catalog.format('CREATE USER MAPPING FOR CURRENT_USER SERVER %%I OPTIONS (%%s)', %s, given);
EXCEPTION WHEN query_canceled OR OTHERS THEN
    RAISE EXCEPTION 'the user mapping could not be made' USING ERRCODE = SQLSTATE;
END
$confiture$
"""
_SECRETS: Final = "confiture_fdw_secrets"
_SETTING: Final = "confiture.fdw_secrets"
_FETCH_BYTES: Final = 2 << 20
_FETCH_ROWS: Final = range(1, 50_000)
#: Of a relation that nobody has analyzed.
_ROW_BYTES: Final = 200
_KEEPS_SINCE: Final = 14
_TEXT: Final = ("pg_catalog", "text")


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What the target has, and what the role may do there."""

    role: str
    database: str
    usage: bool | None
    installed: bool
    available: bool
    schemas: bool
    temporary: bool
    tracked: bool | None
    linux: bool
    extensions: tuple[str, ...]
    version: int


async def read_abilities(target: Connection) -> Abilities:
    """Ask the target."""
    row = dict(await target.fetchrow(_ABILITIES))
    return msgspec.convert({**row, "version": target.get_server_version()[0]}, Abilities)


async def create_extension(target: Connection, able: Abilities) -> None:
    """Make it, in the transaction at hand. Raises ``PermissionMissing`` or ``FeatureMissing``."""
    import asyncpg

    from confiture.errors import FeatureMissing

    if not able.available:
        raise FeatureMissing(
            f"the target's server has no extension {EXTENSION!r}",
            hint="install PostgreSQL's contrib package there, or use the engine 'copy'",
        )
    try:
        await target.execute(f"CREATE EXTENSION {EXTENSION}")
    except asyncpg.InsufficientPrivilegeError:
        failure = PermissionMissing(
            f"{able.role!r} may not create the extension {EXTENSION!r} in the target",
            hint=f"have a superuser run, in that database: CREATE EXTENSION {EXTENSION}; {_grant(able.role)}",
        )
    else:
        return
    raise failure


def _grant(role: str) -> str:
    return f"GRANT USAGE ON FOREIGN DATA WRAPPER {EXTENSION} TO {quote_ident(role)};"


class Foreign:
    """The objects of one transaction.

    ``names``: the foreign table of each relation of the query. ``unknown``: the columns that are texts there, since the
    target does not have their types.
    """

    def __init__(
        self,
        target: Connection,
        able: Abilities,
        layout: Layout,
        types: Mapping[int, tuple[str, str]],
        *,
        schema: str | None = None,
        fetch_size: int | None = None,
    ) -> None:
        self._target = target
        self._able = able
        self._layout = layout
        self._types = types
        self._fetch_size = fetch_size
        self.unknown = unknown_columns(layout, types)
        self._name = f"confiture_{secrets.token_hex(6)}"
        self._own_schema = schema is None
        place = schema or self._name
        #: A domain, since postgres_fdw sends no comparison of one to the source, where the column is no text.
        self._text: Name | None = (place, f"{self._name}_text") if self.unknown else None
        self.names: dict[Name, Name] = {
            name: (place, self._name if number == 1 else f"{self._name}_{number}")
            for number, name in enumerate(layout.relations, 1)
        }

    async def describe(self) -> None:
        """Make empty tables of the same columns, which is enough to ask what the query's types are."""
        if self._able.temporary:
            self.names = {name: ("pg_temp", own) for name, (_, own) in self.names.items()}
        elif self._own_schema:
            await self._target.execute(f"CREATE SCHEMA {quote_ident(self._name)}")
        self._text = None
        await self._target.execute(
            ";\n".join(
                f"CREATE TABLE {_sql(self.names[name])} ({', '.join(self._columns(relation))})"
                for name, relation in self._layout.relations.items()
            )
        )

    async def create(self, address: Address) -> None:
        """Make all of them, in the transaction at hand. Raises ``PermissionMissing``."""
        if not self._able.usage:
            raise PermissionMissing(
                f"{self._able.role!r} may not use the foreign data wrapper {EXTENSION!r} of the target",
                hint=f"have its owner run, in that database: {_grant(self._able.role)}",
            )
        server = quote_ident(self._name)
        options = {
            **address.server,
            "extensions": ", ".join(map(quote_ident, shared_extensions(self._layout, self._able))),
        }
        if self._able.version >= _KEEPS_SINCE:
            options["keep_connections"] = "off"
        if len(self.names) > 1:
            options["use_remote_estimate"] = "true"
        statements = [f"CREATE SCHEMA {server}"] if self._own_schema else []
        statements.append(f"CREATE SERVER {server} FOREIGN DATA WRAPPER {EXTENSION} OPTIONS ({_options(options)})")
        if not address.secrets:
            statements.append(
                f"CREATE USER MAPPING FOR CURRENT_USER SERVER {server} OPTIONS (user {quote_literal(address.user)})"
            )
        if self._text is not None:
            statements.append(f"CREATE DOMAIN {_sql(self._text)} AS pg_catalog.text")
        for name, relation in self._layout.relations.items():
            of_table = {
                "schema_name": relation.schema,
                "table_name": relation.name,
                "fetch_size": str(self._fetch_size or _fetch_size(relation)),
            }
            table = f"{_sql(self.names[name])} ({', '.join(self._columns(relation))})"
            statements.append(f"CREATE FOREIGN TABLE {table} SERVER {server} OPTIONS ({_options(of_table)})")
        await self._target.execute(";\n".join(statements))
        if address.secrets:
            await self._map({"user": address.user, **address.secrets})

    async def drop(self) -> None:
        """Drop all of them again."""
        server = quote_ident(self._name)
        statements = [f"DROP FOREIGN TABLE {', '.join(_sql(each) for each in self.names.values())}"]
        statements += [f"DROP USER MAPPING FOR CURRENT_USER SERVER {server}", f"DROP SERVER {server}"]
        statements += [f"DROP DOMAIN {_sql(self._text)}"] if self._text is not None else []
        statements += [f"DROP SCHEMA {server}"] if self._own_schema else []
        await self._target.execute(";\n".join(statements))

    def _columns(self, relation: Relation) -> list[str]:
        shown = []
        for column in relation.columns:
            if column.type not in self._types:
                type_ = _sql(self._text or _TEXT)
            elif column.limited is not None:
                type_ = column.limited  # with its limits, so that the target's column has none to check again
            else:
                schema, name = self._types[column.type]
                array = "[]" if name.endswith("[]") else ""
                type_ = f"{_sql((schema, name.removesuffix('[]')))}{array}"
            shown.append(f"{quote_ident(column.name)} {type_}")
        return shown

    async def _map(self, values: Mapping[str, str]) -> None:
        target = self._target
        if self._able.tracked:
            await target.execute(_UNTRACKED)
            if await target.fetchval("SELECT pg_catalog.current_setting('pg_stat_statements.track')") == "all":
                raise PermissionMissing(
                    "the target's pg_stat_statements would keep the password of the source",
                    hint="set pg_stat_statements.track to 'top' there, or have a superuser run: GRANT SET ON PARAMETER "
                    f"pg_stat_statements.track TO {quote_ident(self._able.role)}; or use the engine 'copy'",
                )
        server = quote_literal(self._name)
        if not self._able.temporary:
            await target.fetch(
                "SELECT pg_catalog.set_config($1, pg_catalog.jsonb_object($2, $3)::text, true)",
                _SETTING,
                list(values),
                list(values.values()),
            )
            given = (
                "SELECT e.key AS keyword, e.value FROM pg_catalog.jsonb_each_text("
                f"pg_catalog.current_setting('{_SETTING}')::pg_catalog.jsonb) AS e"
            )
            await target.execute(_MAPPING % (given, server))
            await target.fetch("SELECT pg_catalog.set_config($1, '', true)", _SETTING)
            return
        await target.execute(f"CREATE TEMPORARY TABLE {_SECRETS} (keyword text, value text) ON COMMIT DROP")
        await target.copy_to_table(_SECRETS, schema_name="pg_temp", source=_Rows(list(values.items())), format="binary")
        given = f"SELECT keyword, value FROM pg_temp.{_SECRETS}"
        await target.execute(f"{_MAPPING % (given, server)}; DROP TABLE pg_temp.{_SECRETS}")


class _Rows:
    """Rows as COPY's binary form, whose errors show no data."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        fields = [[field.encode() for field in row] for row in rows]
        body = b"".join(
            struct.pack(">h", len(row)) + b"".join(struct.pack(">i", len(field)) + field for field in row)
            for row in fields
        )
        self._pieces = [b"PGCOPY\n\xff\r\n\0" + bytes(8) + body + struct.pack(">h", -1)]

    def __aiter__(self) -> _Rows:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop()


def unknown_columns(layout: Layout, types: Mapping[int, tuple[str, str]]) -> dict[str, str]:
    """The columns whose types the target does not have, by name; of which relation each is."""
    return {
        column.name: relation.label
        for relation in layout.relations.values()
        for column in relation.columns
        if column.type not in types
    }


def shared_extensions(layout: Layout, able: Abilities) -> list[str]:
    """Those of one version and schema on both sides: what they compare, the source may compare."""
    return sorted(name for name, version in layout.extensions if f"{name} {version}" in able.extensions)


def _fetch_size(relation: Relation) -> int:
    return min(max(_FETCH_BYTES // max(relation.row_bytes or _ROW_BYTES, 1), _FETCH_ROWS.start), _FETCH_ROWS.stop)


def _options(options: Mapping[str, str]) -> str:
    return ", ".join(f"{quote_ident(key)} {quote_literal(value)}" for key, value in options.items())


def _sql(name: Name) -> str:
    return f"{quote_ident(name[0])}.{quote_ident(name[1])}"


async def read_functions(target: Connection, names: Sequence[str]) -> frozenset[tuple[str, str, str, str]]:
    """The user's own functions of these names on the target."""
    rows = await target.fetch(FUNCTIONS, list(names))
    return frozenset((row["schema"], row["name"], row["arguments"], row["body"]) for row in rows)
