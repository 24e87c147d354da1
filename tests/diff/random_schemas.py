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
    "public.pair": [],
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
    pair = draw(st.permutations(["a integer", "b text", "c public.mood"]))[: draw(st.integers(2, 3))]
    parts.append(f"CREATE TYPE public.pair AS ({', '.join(sorted(pair[:2]) + pair[2:])})")
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
        parts += draw(_guards(table, columns[table]))
    parts += draw(_family())
    parts += draw(_routines(tables))
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
        elif _TYPES[type_] and draw(st.booleans()):
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


@st.composite
def _guards(draw: st.DrawFn, table: str, columns: dict[str, str]) -> list[str]:
    """Triggers, policies, rules, statistics: what stands in the way of a column."""
    name, label = quote(table), table.replace(".", "_").replace(" ", "").lower()
    found: list[str] = []
    texts = [each for each, type_ in columns.items() if type_ in ("text", "varchar(20)", "integer", "bigint")]
    if draw(st.integers(0, 2)) == 0:
        call = draw(st.sampled_from(["NEW", "OLD"]))
        found.append(f"CREATE FUNCTION touch_{label}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN {call}; END'")
        of = f' OF "{texts[0]}"' if texts and draw(st.booleans()) else ""
        moment = draw(st.sampled_from(["BEFORE", "AFTER"]))
        found.append(
            f"CREATE TRIGGER touch {moment} UPDATE{of} ON {name} FOR EACH ROW EXECUTE FUNCTION touch_{label}()"
        )
        if draw(st.booleans()):
            found.append(f"ALTER TABLE {name} DISABLE TRIGGER touch")
    if texts and draw(st.integers(0, 2)) == 0:
        command = draw(st.sampled_from(["SELECT", "ALL", "UPDATE"]))
        found.append(f'CREATE POLICY own ON {name} FOR {command} USING ("{texts[0]}"::text <> current_user)')
        found.append(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    if len(texts) > 1 and draw(st.integers(0, 3)) == 0:
        found.append(f'CREATE STATISTICS public.s_{label} ON "{texts[0]}", "{texts[1]}" FROM {name}')
    if draw(st.integers(0, 4)) == 0:
        found.append(f"CREATE RULE quiet AS ON DELETE TO {name} DO INSTEAD NOTHING")
    return found


@st.composite
def _family(draw: st.DrawFn) -> list[str]:
    """A partitioned table and a parent with a child."""
    found: list[str] = []
    if draw(st.booleans()):
        extra = draw(
            st.sampled_from(["", ", note text DEFAULT 'n'", ", note varchar(5) NOT NULL", ", n integer CHECK (n > 0)"])
        )
        key = draw(st.sampled_from(["", ", PRIMARY KEY (at, id)", ", UNIQUE (at)"]))
        found.append(f"CREATE TABLE public.log (id bigint, at date NOT NULL{extra}{key}) PARTITION BY RANGE (at)")
        for year in draw(st.lists(st.sampled_from([2020, 2021, 2022]), unique=True)):
            bounds = f"FROM ('{year}-01-01') TO ('{year + 1}-01-01')"
            found.append(f"CREATE TABLE public.log_{year} PARTITION OF public.log FOR VALUES {bounds}")
        if draw(st.booleans()):
            found.append("CREATE INDEX log_id ON public.log (id)")
        if extra.startswith(", n") and draw(st.booleans()):
            found.append("COMMENT ON TABLE public.log IS 'of events'")
    if draw(st.booleans()):
        columns = draw(
            st.lists(st.sampled_from(["p integer", "q text DEFAULT 'q'", "r date NOT NULL"]), min_size=1, unique=True)
        )
        found.append(f"CREATE TABLE public.above ({', '.join(columns)})")
        if draw(st.booleans()):
            found.append("CREATE TABLE public.below (own integer) INHERITS (public.above)")
    return found


@st.composite
def _routines(draw: st.DrawFn, tables: list[str]) -> list[str]:
    """Functions that need tables' row types and views, a sequence, an aggregate."""
    found: list[str] = []
    table = draw(st.sampled_from(tables))
    chosen = draw(st.sampled_from(["", "row", "set", "body", "default"]))
    name, head = quote(table), "CREATE FUNCTION public.of_row"
    if chosen == "row":
        found.append(f"{head}(r {name}) RETURNS bigint LANGUAGE sql AS 'SELECT (r).id::bigint'")
    elif chosen == "set":
        found.append(f"{head}() RETURNS SETOF {name} LANGUAGE sql AS 'SELECT * FROM {name}'")
    elif chosen == "body":
        found.append(f"{head}() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT max(id)::bigint FROM {name}; END")
    elif chosen == "default":
        default = draw(st.sampled_from(["1", "public.one()"]))
        found.append(f"{head}(n integer DEFAULT {default}) RETURNS integer LANGUAGE sql AS 'SELECT n'")
    if draw(st.booleans()):
        step, type_ = draw(st.sampled_from(["1", "5", "-1"])), draw(st.sampled_from(["bigint", "integer"]))
        found.append(f"CREATE SEQUENCE public.free AS {type_} INCREMENT {step}")
    if draw(st.integers(0, 3)) == 0:
        found.append(
            "CREATE FUNCTION public.add(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2'"
        )
        start = draw(st.sampled_from(["0", "1"]))
        found.append(
            f"CREATE AGGREGATE public.total(integer) (SFUNC = public.add, STYPE = integer, INITCOND = '{start}')"
        )
    return found


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
