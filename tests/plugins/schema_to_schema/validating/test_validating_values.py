"""One value that is another one is found, of every type; and what is the same value is no mismatch."""

from __future__ import annotations

import pytest

from confiture_schema_to_schema.validating import relations

pytestmark = pytest.mark.anyio

#: By type, two values of it that are not the same.
VALUES = {
    "smallint": ("1", "-1"),
    "integer": ("1", "NULL"),
    "bigint": ("9223372036854775807", "9223372036854775806"),
    "numeric": ("1.10", "1.1"),
    "numeric(20,4)": ("'NaN'", "'0'"),
    "real": ("1.1", "'1.1000001'"),
    "double precision": ("0.1", "0.30000000000000004 - 0.2::float8"),
    "double precision /*2*/": ("'0'", "'-0'"),
    "money": ("'1.10'", "'1.11'"),
    "boolean": ("true", "false"),
    "text": ("''", "NULL"),
    "text /*2*/": ("'a,b'", "'a, b'"),
    "text /*3*/": ("'NULL'", "NULL"),
    "text /*4*/": ("'(\"x\")\\'", "'(x)\\'"),
    "text /*5*/": ("'e\u0301'", "'\u00e9'"),
    "varchar(9)": ("'x '", "'x'"),
    "char(4)": ("'x'", "'y'"),
    '"char"': ("'a'", "'b'"),
    "name": ("'a'", "'b'"),
    "bytea": (r"'\x00ff'", r"'\x00fe'"),
    "date": ("'0044-03-15 BC'", "'0044-03-15'"),
    "date /*2*/": ("'infinity'", "'-infinity'"),
    "time": ("'12:00:00.000001'", "'12:00'"),
    "timetz": ("'12:00+02'", "'10:00+00'"),
    "timestamp": ("'2024-02-03 04:05:06.000001'", "'2024-02-03 04:05:06'"),
    "timestamptz": ("'2024-02-03 00:00:00+01'", "'2024-02-03 00:00:01+01'"),
    "interval": ("'1 month'", "'30 days'"),
    "uuid": ("'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"),
    "inet": ("'10.0.0.1/24'", "'10.0.0.1'"),
    "cidr": ("'10.0.0.0/24'", "'10.0.0.0/25'"),
    "macaddr": ("'08:00:2b:01:02:03'", "'08:00:2b:01:02:04'"),
    "json": ("'{\"a\": 1}'", "'{\"a\":1}'"),
    "jsonb": ("'{\"a\": 1.0}'", "'{\"a\": 1}'"),
    "jsonb /*2*/": ("'null'", "NULL"),
    "point": ("'(1,2)'", "'(1,3)'"),
    "bit(3)": ("B'101'", "B'100'"),
    "varbit": ("B'1'", "B'01'"),
    "tsvector": ("'a:1 b'", "'a:2 b'"),
    "int4range": ("'[1,5)'", "'[1,6)'"),
    "int4range /*2*/": ("'empty'", "NULL"),
    "int4multirange": ("'{[1,5)}'", "'{}'"),
    "integer[]": ("'{1,NULL}'", "'{1}'"),
    "integer[] /*2*/": ("'[0:1]={1,2}'", "'{1,2}'"),
    "text[]": ("ARRAY['NULL']", "ARRAY[NULL]::text[]"),
    "text[] /*2*/": ("'{}'", "NULL"),
    "colour": ("'red'", "'blue'"),
    "pair": ("'(1,)'", "'(1,\"\")'"),
    "pair /*2*/": ("'(,)'", "NULL"),
    "positive": ("1", "2"),
    "pg_lsn": ("'0/1'", "'0/2'"),
}
TYPES = """
CREATE TYPE colour AS ENUM ('red', 'blue'); CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (value > 0);
"""


def torture() -> str:
    columns = ", ".join(f"c{number} {type_}" for number, type_ in enumerate(VALUES, 1))
    values = ", ".join(first for first, _ in VALUES.values())
    rows = f"INSERT INTO torture SELECT g, {values} FROM generate_series(1, {len(VALUES)}) AS g"
    return f"{TYPES} CREATE TABLE torture (id int PRIMARY KEY, {columns}); {rows};"


async def test_each_value_of_each_type_is_found(validated, pair, psql, told):
    """As the servers are set up differently, whatever a value's text depends on."""
    odd = {"timezone": "Asia/Tokyo", "datestyle": "SQL, DMY", "intervalstyle": "iso_8601", "bytea_output": "escape"}
    odd |= {"extra_float_digits": "0"}
    settings = "".join(f"ALTER DATABASE {pair[1].database} SET {name} = '{value}';" for name, value in odd.items())
    psql(pair[0], torture())
    psql(pair[1], settings + torture())
    same = (await validated())["public.torture"]
    assert (same.ok, same.source_rows, same.target_rows, same.differing) == (True, len(VALUES), len(VALUES), 0)
    psql(
        pair[1],
        ";".join(
            f"UPDATE torture SET c{n} = {other} WHERE id = {n}" for n, (_, other) in enumerate(VALUES.values(), 1)
        ),
    )
    found = (await validated())["public.torture"]
    rows = "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex';"
    rows += "SET extra_float_digits = 3; SELECT t FROM torture t"
    ours, theirs = (set(psql(each, rows).splitlines()) for each in pair)
    by_psql = sorted(int(row.strip("(").partition(",")[0]) for row in ours - theirs)
    assert sorted(int(key) for how, key in told(found) if how == "different") == by_psql
    assert by_psql == list(range(1, len(VALUES) + 1))
    assert (found.ok, found.differing, found.source_rows, found.target_rows) == (
        False, len(VALUES), len(VALUES), len(VALUES)
    )  # fmt: skip


async def test_values_that_the_new_column_writes_differently_are_the_same(validated, pair, psql, write, told):
    """What the copy does to a value on its way into the column is no mismatch; anything else is."""
    psql(
        pair[0],
        """CREATE TABLE t (id int PRIMARY KEY, n numeric, c char(3), v varchar(9), s timestamptz, j json, i int,
                        e text);
        INSERT INTO t VALUES (1, 1.005, 'a', 'x ', '2024-01-01 00:00:00.6+00', '{"a":  1}', 7, 'red'),
                             (2, 1.1, 'a', 'x', '2024-01-01 00:00:00+00', '[]', 7, 'blue')""",
    )
    psql(
        pair[1],
        """CREATE TYPE colour AS ENUM ('red', 'blue');
        CREATE TABLE t (id int PRIMARY KEY, n numeric(9,2), c char(6), v text, s timestamptz(0), j jsonb, i bigint,
                        e colour);
        INSERT INTO t VALUES (1, 1.01, 'a', 'x ', '2024-01-01 00:00:01+00', '{"a": 1}', 7, 'red'),
                             (2, 1.1, 'a', 'x', '2024-01-01 00:00:00+00', '[]', 7, 'blue')""",
    )

    def table(old, new):
        texts = {
            "n": "CAST({} AS numeric(9,2))",
            "c": "CAST({} AS character(6))",
            "s": "CAST({} AS timestamp(0) with time zone)",
            "j": "CAST({} AS jsonb)",
        }
        return [write(old, new, "public.t", texts=texts)]

    assert (await validated(table))["public.t"].ok
    psql(pair[1], "UPDATE t SET n = 1.00, v = 'x' WHERE id = 1")
    found = (await validated(table))["public.t"]
    assert (told(found), found.differing) == ([("different", "1")], 1)


async def test_a_value_of_many_megabytes(validated, pair, psql, told, monkeypatch):
    """Beyond some size the hash of a value stands for it: here from 100 kB on, to be quick."""
    monkeypatch.setattr(relations, "_MOST_BYTES", 100_000)
    sql = "CREATE TABLE t (id int PRIMARY KEY, b bytea, s text); INSERT INTO t SELECT 1,"
    big = " decode(repeat('00', {0}), 'hex') || '\\x01', repeat('a', {0}) || 'b'"
    psql(pair[0], sql + big.format(300_000))
    psql(pair[1], sql + big.format(300_000))
    assert (await validated())["public.t"].ok
    psql(pair[1], "UPDATE t SET s = left(s, -1) || 'c'")
    assert told((await validated())["public.t"]) == [("different", "1")]


async def test_values_that_move_into_the_next_column(validated, pair, psql, told):
    """No text of a row is another row's: where a NULL is, and where a value ends, is told apart."""
    sql = "CREATE TABLE t (id int PRIMARY KEY, a text, b text); INSERT INTO t VALUES (1, NULL, 'x'), (2, 'x,', 'y'),"
    psql(pair[0], sql + "(3, '', NULL)")
    psql(pair[1], sql.replace("NULL, 'x'", "'x', NULL").replace("'x,', 'y'", "'x', ',y'") + "(3, NULL, '')")
    assert told((await validated())["public.t"]) == [("different", "1"), ("different", "2"), ("different", "3")]
