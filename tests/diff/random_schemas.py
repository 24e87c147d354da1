"""Random schemas as DDL. Names come from small pools, so that two of them share most, and differ in anything."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["schemas"]

_LABELS = ["sad", "ok", "happy", "it's", "Great"]
_TABLES = ["a", "b", "Weird name", "app.c"]
_COLUMNS = ["x", "y", "z", "Mixed", "w"]
#: Each type with defaults that fit it.
_TYPES = {
    "integer": ["0", "41 + 1", "public.one()"],
    "bigint": ["0", "public.one()"],
    "smallint": ["7"],
    "text": ["''", "'it''s'", "upper('x')"],
    "varchar(20)": ["'x'"],
    "numeric(10,2)": ["1.5", "0"],
    "boolean": ["true", "false"],
    "date": ["CURRENT_DATE", "'2020-01-01'"],
    "timestamptz": ["now()"],
    "jsonb": ["'{}'"],
    "integer[]": ["'{}'"],
    "public.mood": ["'ok'"],
    "public.mood[]": ["'{ok}'"],
    "public.short": ["'s'"],
}
_NUMBERS = ("integer", "bigint", "smallint", "numeric(10,2)")


def quote(name: str) -> str:
    """A name of the pools as SQL."""
    return ".".join(f'"{part}"' for part in name.split(".")) if "." in name else f'public."{name}"'


@st.composite
def schemas(draw: st.DrawFn) -> str:
    """One schema."""
    labels = draw(st.lists(st.sampled_from(_LABELS), min_size=1, max_size=5, unique=True))
    labels = ["ok", *[each for each in labels if each != "ok"]] if draw(st.booleans()) else [*labels, "ok"]
    labels = list(dict.fromkeys(labels))
    parts = [
        "CREATE SCHEMA app",
        f"CREATE TYPE public.mood AS ENUM ({', '.join(_literal(each) for each in labels)})",
        f"CREATE DOMAIN public.short AS {draw(st.sampled_from(['text', 'varchar(10)']))}"
        + draw(
            st.sampled_from(["", " DEFAULT 'q'", " CHECK (VALUE <> 'no')", " CONSTRAINT len CHECK (length(VALUE) < 9)"])
        ),
        "CREATE FUNCTION public.one() RETURNS integer LANGUAGE sql IMMUTABLE AS "
        + draw(st.sampled_from(["'SELECT 1'", "'SELECT 1 + 0'"])),
    ]
    if draw(st.booleans()):
        result = draw(st.sampled_from(["integer", "text"]))
        parts.append(
            f"CREATE FUNCTION public.feel(m public.mood) RETURNS {result} LANGUAGE plpgsql AS"
            f" 'BEGIN RETURN {'1' if result == 'integer' else 'm::text'}; END'"
        )
    tables = draw(st.lists(st.sampled_from(_TABLES), min_size=1, max_size=4, unique=True))
    columns: dict[str, dict[str, str]] = {}
    for table in tables:
        text, columns[table] = draw(_table(table))
        parts += text
    for number, table in enumerate(tables):
        parts += draw(_keys(table, tables, columns[table]))
        parts += draw(_view(f"v{number}", table, columns[table]))
    return "".join(f"{part};\n" for part in parts)


@st.composite
def _table(draw: st.DrawFn, table: str) -> tuple[list[str], dict[str, str]]:
    names = draw(st.lists(st.sampled_from(_COLUMNS), min_size=1, max_size=5, unique=True))
    types = {name: draw(st.sampled_from(sorted(_TYPES))) for name in names}
    identity = draw(st.sampled_from(["bigint GENERATED ALWAYS AS IDENTITY", "bigserial", "bigint", "integer"]))
    key = draw(st.sampled_from(["PRIMARY KEY", f'CONSTRAINT "key of {table}" PRIMARY KEY']))
    lines = [f"id {identity} {key}"]
    plain, used = dict(types), set[str]()
    for name, type_ in types.items():
        line = f'"{name}" {type_}'
        numbers = [each for each, other in plain.items() if other in _NUMBERS and each != name]
        if type_ in ("integer", "bigint") and name not in used and numbers and draw(st.integers(0, 5)) == 0:
            kept = draw(st.sampled_from(["STORED", "VIRTUAL"]))
            line = f'"{name}" numeric GENERATED ALWAYS AS ("{numbers[0]}" * 2) {kept}'
            used.add(numbers[0])
            del plain[name]
        elif draw(st.booleans()):
            line += f" DEFAULT {draw(st.sampled_from(_TYPES[type_]))}"
        if name in plain and draw(st.booleans()):
            line += " NOT NULL"
        lines.append(line)
    kind = draw(st.sampled_from(["", "", "", "UNLOGGED "])) if "app" in table else ""
    text = [f"CREATE {kind}TABLE {quote(table)} ({', '.join(lines)})"]
    if draw(st.booleans()):
        text.append(f"COMMENT ON TABLE {quote(table)} IS {_literal(draw(st.sampled_from(['one', 'its two'])))}")
    if draw(st.booleans()):
        text.append(f"COMMENT ON COLUMN {quote(table)}.\"{names[0]}\" IS 'c'")
    if draw(st.booleans()):
        text.append(f"GRANT {draw(st.sampled_from(['SELECT', 'SELECT, INSERT', 'ALL']))} ON {quote(table)} TO PUBLIC")
    return text, plain


@st.composite
def _keys(draw: st.DrawFn, table: str, tables: list[str], columns: dict[str, str]) -> list[str]:
    found: list[str] = []
    name = quote(table)
    for column, type_ in columns.items():
        chosen = draw(st.sampled_from(["", "", "index", "partial", "unique", "check", "key", "expression"]))
        label = f"{column.lower()}_{table.replace('.', '_').replace(' ', '')}".lower()
        if chosen == "index":
            found.append(f'CREATE INDEX "i_{label}" ON {name} ("{column}")' if type_ != "jsonb" else "SELECT 1")
        elif chosen == "partial":
            found.append(f'CREATE INDEX "i_{label}" ON {name} (id) WHERE "{column}" IS NOT NULL')
        elif chosen == "unique":
            found.append(f'ALTER TABLE {name} ADD CONSTRAINT "u_{label}" UNIQUE ("{column}", id)')
        elif chosen == "check" and type_ in _NUMBERS:
            found.append(
                f'ALTER TABLE {name} ADD CONSTRAINT "k_{label}" CHECK ("{column}" > {draw(st.integers(0, 1))})'
            )
        elif chosen == "check" and type_ == "public.mood":
            found.append(f'ALTER TABLE {name} ADD CONSTRAINT "k_{label}" CHECK ("{column}" <> \'ok\')')
        elif chosen == "key" and type_ in ("integer", "bigint"):
            other = draw(st.sampled_from(tables))
            action = draw(st.sampled_from(["", " ON DELETE CASCADE", " DEFERRABLE", " NOT VALID"]))
            key = f'FOREIGN KEY ("{column}") REFERENCES {quote(other)}{action}'
            found.append(f'ALTER TABLE {name} ADD CONSTRAINT "f_{label}" {key}')
        elif chosen == "expression" and type_ in ("text", "varchar(20)"):
            found.append(f'CREATE INDEX "i_{label}" ON {name} (lower("{column}"))')
    return [each for each in found if each != "SELECT 1"]


@st.composite
def _view(draw: st.DrawFn, view: str, table: str, columns: dict[str, str]) -> list[str]:
    chosen: Any = draw(st.sampled_from(["", "view", "materialized", "twice"]))
    if not chosen:
        return []
    shown = draw(st.lists(st.sampled_from(sorted(columns)), max_size=3, unique=True)) if columns else []
    listed = ", ".join(["id", *[f'"{each}"' for each in shown]])
    if chosen == "materialized":
        return [
            f"CREATE MATERIALIZED VIEW {view} AS SELECT {listed} FROM {quote(table)}",
            f"CREATE INDEX i_{view} ON {view} (id)",
        ]
    found = [f"CREATE VIEW {view} AS SELECT {listed} FROM {quote(table)}"]
    if chosen == "twice":
        found += [f"CREATE VIEW {view}_again AS SELECT * FROM {view}", f"COMMENT ON VIEW {view}_again IS 'of a view'"]
    return found


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
