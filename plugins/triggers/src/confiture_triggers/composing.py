"""The SQL that is installed: the log, a function for each table, and its triggers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from confiture.quoting import quote_ident, quote_literal
from confiture.transfer import PINNED

if TYPE_CHECKING:
    from confiture_triggers.catalog import Column
    from confiture_triggers.naming import Home

__all__ = [
    "ROW_TYPE",
    "TRUNCATE_TYPE",
    "function_body",
    "function_settings",
    "function_sql",
    "log_sql",
    "rows_sql",
    "trigger_sql",
]

#: pg_trigger.tgtype: for each row 1, after INSERT 4, DELETE 8, UPDATE 16; after TRUNCATE 32, for each statement.
ROW_TYPE: Final = 1 | 4 | 8 | 16
TRUNCATE_TYPE: Final = 32
#: pg_temp last: left out, it would be looked into first, and a writer could put a type of his own there.
_PATH = ("search_path", "pg_catalog, pg_temp")
#: Types whose text hangs on settings of the writer's session, and on which; those that are not here may hang on all.
_DATES, _ZONED = ("DateStyle",), ("DateStyle", "TimeZone")
_HANGS_ON: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("int2", "int4", "int8", "numeric", "bool", "oid", "text", "varchar", "bpchar", "name"), ()),
    **dict.fromkeys(("char", "uuid", "json", "jsonb", "inet", "cidr", "macaddr", "macaddr8", "bit", "varbit"), ()),
    **dict.fromkeys(("date", "timestamp"), _DATES),
    "timestamptz": _ZONED,
    "bytea": ("bytea_output",),
    **dict.fromkeys(("float4", "float8"), ("extra_float_digits",)),
    "interval": ("IntervalStyle",),
    "money": ("lc_monetary",),
}
_ALL = ("DateStyle", "TimeZone", "IntervalStyle", "extra_float_digits", "bytea_output", "lc_monetary")


def log_sql(home: Home) -> str:
    """The log, and the list of tables. No index: writers pay for it, and the log is read whole."""
    return f"""
CREATE TABLE {home.log} (
    seq bigint GENERATED ALWAYS AS IDENTITY, rel smallint NOT NULL, op "char" NOT NULL, before text[], after text[],
    xid bigint NOT NULL DEFAULT pg_catalog.txid_current(),
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
) WITH (
    autovacuum_enabled = true, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000
);
COMMENT ON TABLE {home.log} IS {quote_literal(home.comment)};
CREATE TABLE {home.tables} (
    number smallint PRIMARY KEY, label text NOT NULL UNIQUE, relation oid NOT NULL, relations oid[] NOT NULL,
    columns text[] NOT NULL, types text[] NOT NULL, triggers oid[] NOT NULL
);
"""


def function_settings(columns: Iterable[Column]) -> list[tuple[str, str]]:
    """What the function sets. Each setting costs its writer something for each row, so only what is needed."""
    needed = {setting for column in columns for setting in _HANGS_ON.get(column.plain or "", _ALL)}
    return [_PATH, *((name, PINNED[name]) for name in _ALL if name in needed)]


def function_body(home: Home, number: int, columns: Iterable[str]) -> str:
    """What happens for each changed row.

    A column that was renamed, or that is of another type since, must make no write fail: nothing is known of the row
    then, and it is logged as TRUNCATE is, by no values at all.
    """
    names = [quote_ident(name) for name in columns]
    old, new = (
        f"ARRAY[{', '.join(f'{row}.{name}::pg_catalog.text' for name in names)}]::pg_catalog.text[]"
        for row in ("OLD", "NEW")
    )
    return f"""
DECLARE
    was pg_catalog.text[];
    is_now pg_catalog.text[];
BEGIN
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            was := {old};
            is_now := {new};
            IF was = is_now THEN was := NULL; END IF;
        ELSIF TG_OP = 'INSERT' THEN is_now := {new};
        ELSIF TG_OP = 'DELETE' THEN was := {old};
        END IF;
    EXCEPTION WHEN OTHERS THEN
        was := NULL;
        is_now := NULL;
    END;
    INSERT INTO {home.log} (rel, op, before, after) VALUES ({number}, TG_OP::pg_catalog."char", was, is_now);
    RETURN NULL;
END
"""


def function_sql(home: Home, number: int, columns: tuple[Column, ...]) -> str:
    """The function. Its owner writes to the log, so that writers need no right to it; nobody else may use it."""
    settings = " ".join(
        f"SET {name} = {value if name == 'search_path' else quote_literal(value)}"
        for name, value in function_settings(columns)
    )
    body = quote_literal(function_body(home, number, (column.name for column in columns)))
    function = home.function(number)
    return (
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER {settings}"
        f" AS {body}; REVOKE ALL ON FUNCTION {function}() FROM PUBLIC;"
    )


def rows_sql(home: Home, number: int, relation: str, columns: Iterable[str]) -> str:
    """Log the rows that a partition has as if each were inserted now."""
    values = ", ".join(f"{quote_ident(name)}::pg_catalog.text" for name in columns)
    return (
        f"INSERT INTO {home.log} (rel, op, after) SELECT {number}, 'I', ARRAY[{values}]::pg_catalog.text[]"
        f" FROM ONLY {relation}"
    )


def trigger_sql(home: Home, number: int, table: str, *, truncate: bool) -> str:
    """A table's trigger for TRUNCATE, or for everything else: in one statement, so that no event goes unseen."""
    name = home.truncate_trigger(number) if truncate else home.row_trigger(number)
    events, each = ("TRUNCATE", "STATEMENT") if truncate else ("INSERT OR UPDATE OR DELETE", "ROW")
    return (
        f"CREATE TRIGGER {quote_ident(name)} AFTER {events} ON {table}"
        f" FOR EACH {each} EXECUTE FUNCTION {home.function(number)}();"
    )
