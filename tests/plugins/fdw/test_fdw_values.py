"""Values arrive as they were; psql is the judge on both sides."""

from __future__ import annotations

import pytest

from confiture.errors import ConfitureError, Refused
from confiture.testing import check_transfer_engine
from confiture_copy.engine import CopyEngine
from confiture_fdw.engine import FdwEngine
from conftest import run_psql

pytestmark = pytest.mark.anyio

#: Type, and values as SQL. Each has NULL as well.
VALUES = {
    "text": [r"''", r"E'\\N'", r"E'a\tb\nc\rd\\e\b\f\v'", "'ü€🍓'", "repeat('x', 300000)", "'  '"],
    "varchar(5)": ["'abcde'", "''"],
    "char(5)": ["'ab'", "''"],
    '"char"': ["'x'", "''"],
    "name": ["'Name'"],
    "bytea": [r"'\x00'", r"'\x'", r"'\x0001ff5c5c6e0a'"],
    "bool": ["true", "false"],
    "int2": ["-32768"],
    "int8": ["9223372036854775807"],
    "oid": ["4294967295"],
    "float4": ["'NaN'", "'Infinity'", "'-0'", "1.1", "3.4e38", "1e-45"],
    "float8": ["'-Infinity'", "0.1::float8 + 0.2::float8", "5e-324"],
    "numeric": ["'NaN'", "'Infinity'", "0.00", "1e1000", "-1.50", "1e-1000"],
    "numeric(12,2)": ["0.10", "'NaN'"],
    "money": ["12.34", "'-92233720368547758.08'"],
    "date": ["'infinity'", "'0044-03-15 BC'", "'5874897-12-31'", "'2020-02-01'"],
    "time": ["'24:00'", "'00:00:00.000001'"],
    "timetz": ["'12:00+05:30'", "'00:00:00.1-15:59:59'"],
    "timestamp": ["'-infinity'", "'4713-01-01 BC'", "'1900-02-01 00:00:00.123456'"],
    "timestamptz(0)": ["'infinity'", "'1883-11-18 12:03:58 America/New_York'"],
    "interval": ["'1 mon 2 days'", "'-1 mon +2 days -03:00:00.5'", "'infinity'", "'1 mon -1 day'"],
    "interval day to second(2)": ["'2 days 03:00:00.52'"],
    "uuid": ["'00112233-4455-6677-8899-aabbccddeeff'"],
    "json": ["""'{"a" :  1, "a":2}'""", "'null'"],
    "jsonb": ["""'{"a": [1, null, "x"], "b": {}}'""", "'1e400'"],
    "inet": ["'192.0.2.1/24'", "'192.0.2.1'"],
    "cidr": ["'192.0.2.0/24'"],
    "macaddr8": ["'08:00:2b:01:02:03:04:05'"],
    "bit(5)": ["B'10101'"],
    "varbit": ["B''", "B'1'"],
    "point": ["'(1.5,-2)'"],
    "polygon": ["'((0,0),(1,1),(1,0))'"],
    "tsvector": ["'a:1A fat:2B,3C cat'"],
    "tsquery": ["'fat & (rat | !cat:*)'"],
    "pg_lsn": ["'16/B374D848'"],
    "int4[]": ["'{}'", "'{1,NULL,3}'", "'[2:3][0:1]={{1,2},{3,4}}'"],
    "char(3)[]": ["ARRAY['a', NULL]"],
    "text[]": [r"""ARRAY['', NULL, 'NULL', 'a"b', E'c\\d', '{}']"""],
    "int2vector": ["'1 2'"],
    "oidvector": ["'1 2'"],
    "int4range": ["'empty'", "'[1,5)'"],
    "tstzrange": ["'[2020-01-01,infinity]'"],
    "nummultirange": ["'{[1,2),[3,4)}'", "'{}'"],
    "mood": ["'so so'", "'Ok'"],
    "mood[]": ["ARRAY['so so', NULL]::mood[]"],
    "positive": ["1"],
    "positive[]": ["ARRAY[1, NULL]::positive[]"],
    '"Pair"': ["""ROW(1, 'a,"b"')""", "ROW(NULL, '')"],
    '"Moody"': ["""ROW('Ok', '{so so}')"""],
    "moodrange": ["moodrange('Ok', 'so so')"],
    "regclass": ["'pg_class'"],
    "regtype": ["'mood'"],
    "aclitem": ["'postgres=r/postgres'"],
    "jsonpath": ["'$.a[*] ? (@ > 1)'"],
    "hstore": ["""'"a"=>NULL, "b"=>"x,y"'"""],
    "citext": ["'MiXed'"],
}
TYPES = """
CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('Ok', 'so so');
CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE TYPE "Pair" AS (a int, b text);
CREATE TYPE "Moody" AS (m mood, l mood[]); CREATE TYPE moodrange AS RANGE (subtype = mood);
"""
#: A type's text is not always what its cast to text gives: a boolean's is "true" there, an address has its mask.
TEXTS = [
    "bool",
    "char(5)",
    "inet",
    '"char"',
    "money",
    "int8",
    "mood",
    "date",
    "int4[]",
    "positive",
    "hstore",
    "regtype",
]


async def test_it_conforms(ctx, source, target):
    """The rules that all transfer engines keep."""
    await check_transfer_engine(ctx, FdwEngine(), source, target)


def everything_in_one_row() -> tuple[str, str]:
    """The table's columns, and rows in which each has all of its values."""
    columns = ", ".join(f"c{number} {type_}" for number, type_ in enumerate(VALUES))
    rows = []
    for at in range(max(map(len, VALUES.values())) + 1):
        values = [f"CAST({v[at] if at < len(v) else 'NULL'} AS {type_})" for type_, v in VALUES.items()]
        rows.append(f"({at}, {', '.join(values)})")
    return f"row int, {columns}", ", ".join(rows)


async def test_every_type_arrives_as_it_was(transfer, both, equal, psql, source, target):
    """As it is and by its text; what a database or a role sets for its sessions changes nothing."""
    psql(target, "CREATE TABLE other_oids (a int); CREATE TYPE another AS ENUM ('x')")
    for place, settings in (
        (source, {"DateStyle": "'SQL, DMY'", "IntervalStyle": "sql_standard", "extra_float_digits": "-5"}),
        (source, {"TimeZone": "'Asia/Kathmandu'", "bytea_output": "escape"}),
        (target, {"DateStyle": "'Postgres, MDY'", "TimeZone": "'America/New_York'"}),
    ):
        for name, value in settings.items():
            psql(place, f'ALTER DATABASE "{place.database}" SET {name} = {value}')
    columns, rows = everything_in_one_row()
    both(f"{TYPES} CREATE TABLE t ({columns})")
    psql(source, f"INSERT INTO t VALUES {rows}")
    names = ", ".join(["row", *(f"c{number}" for number in range(len(VALUES)))])
    for binary in (True, False):
        report = await transfer(names, binary=binary)
        assert (report.rows, report.binary) == (7, False)
        assert "infinity" in equal("SELECT t::text FROM t ORDER BY row")
        psql(target, "TRUNCATE t")


async def test_texts_are_those_that_copy_gives(ctx, transfer, task_of, both, psql, source, target):
    """Any type into text, and texts into any type: each as its output and input functions have it."""
    both(TYPES)
    for way in ("to text", "from text"):
        typed = ", ".join(f"c{number} {type_}" for number, type_ in enumerate(TEXTS))
        texts = ", ".join(f"c{number} text" for number in range(len(TEXTS)))
        psql(source, f"DROP TABLE IF EXISTS t, typed; CREATE TABLE typed ({typed})")
        psql(source, f"INSERT INTO typed VALUES ({', '.join(VALUES[name][0] for name in TEXTS)})")
        psql(target, f"DROP TABLE IF EXISTS t; CREATE TABLE t ({texts if way == 'to text' else typed})")
        psql(source, f"CREATE TABLE t ({typed if way == 'to text' else texts})")
        columns = ", ".join(f"c{number}" for number in range(len(TEXTS)))
        shown = ", ".join(f"textin({output}(c{number}))" for number, output in enumerate(
            psql(source, "SELECT string_agg(y.typoutput::text, ' ' ORDER BY a.attnum) FROM pg_attribute a JOIN "
                 "pg_type y ON y.oid = a.atttypid WHERE a.attrelid = 'typed'::regclass AND a.attnum > 0").split(" ")
        ))  # fmt: skip
        psql(
            source,
            "INSERT INTO t SELECT * FROM typed" if way == "to text" else f"INSERT INTO t SELECT {shown} FROM typed",
        )
        found = []
        for engine in (CopyEngine(), FdwEngine()):
            await engine.transfer(ctx, task_of(columns, binary=False))
            found.append(psql(target, "SELECT t FROM t"))
            psql(target, "TRUNCATE t")
        assert found[0] == found[1]
        assert "(t," in found[1]


async def test_types_that_the_target_lacks_or_has_otherwise(transfer, psql, source, target):
    """Another schema, other labels, a domain that is gone: what matters is the text, and the column that takes it."""
    psql(
        source,
        "CREATE SCHEMA old; CREATE TYPE old.\"Mood\" AS ENUM ('sad', 'ok'); CREATE DOMAIN old.short AS varchar(3)",
    )
    psql(source, "CREATE TYPE state AS ENUM ('b', 'a'); CREATE TYPE old.pair AS (a int, b old.short)")
    psql(source, 'CREATE TABLE t (a old."Mood", b old.short, c state, d old.pair, e old."Mood"[])')
    psql(source, "INSERT INTO t VALUES ('ok', 'abc', 'a', ROW(1, 'x'), '{ok,sad}'), ('sad', NULL, 'b', NULL, NULL)")
    psql(target, "CREATE TYPE mood AS ENUM ('ok', 'sad'); CREATE TYPE state AS ENUM ('a', 'b')")
    psql(
        target,
        "CREATE TYPE pair AS (a int, b varchar); CREATE TABLE t (a mood, b varchar(3), c state, d pair, e mood[])",
    )
    await transfer("a, b, c, d, e", binary=False)
    assert psql(target, "SELECT t FROM t ORDER BY a") == '(ok,abc,a,"(1,x)","{ok,sad}")\n(sad,,b,,)'
    # Comparing texts finds what comparing labels does, but for their order.
    psql(target, "TRUNCATE t")
    found = "c IN ('a', 'b') AND c <> 'b' AND coalesce(c, 'b') = 'a'"
    await transfer("b", query=f"SELECT c FROM t WHERE {found}", binary=False)
    assert psql(target, "SELECT b FROM t") == "a"
    for query in ("SELECT max(c)::text FROM t", "SELECT b FROM t WHERE c > 'a'", "SELECT b FROM t ORDER BY c LIMIT 1"):
        with pytest.raises(Refused, match=r"asks for the order of 'c' of 'public\.t'"):
            await transfer("b", query=query)


async def test_odd_names_identities_rules_and_tables_without_columns(transfer, both, equal, psql, source, target):
    """GENERATED ALWAYS takes what is copied; COPY leaves rules alone, so INSERT must not meet any."""
    name = '"My ""Schema"."T.t %s"'
    long = "ü" * 31
    both('CREATE SCHEMA "My ""Schema"')
    psql(source, f'CREATE TABLE {name} ("A b" text, "c""d" int, "{long}" int GENERATED ALWAYS AS IDENTITY)')
    psql(target, f'CREATE TABLE {name} ("{long}" int GENERATED ALWAYS AS IDENTITY, "c""d" int, "A b" text)')
    psql(source, f'INSERT INTO {name} ("A b", "c""d") VALUES (\'x\', 1), (\'y\', NULL)')
    await transfer(f'A b, c"d, {long}', table=name)
    equal(f'SELECT "A b", "c""d", "{long}" FROM {name} ORDER BY 1')

    both("CREATE TABLE n ()")
    psql(source, "INSERT INTO n DEFAULT VALUES; INSERT INTO n DEFAULT VALUES")
    assert (await transfer("x", table="n", columns=(), query="SELECT FROM n")).rows == 2

    both("CREATE TABLE t (a int); CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING")
    with pytest.raises(Refused, match="'t' has a rule for INSERT"):
        await transfer("a")


async def test_what_does_not_fit_is_refused_with_both_types(transfer, psql, source, target):
    """As by the engine copy, before a row moves; a value that is too long is told with its column."""
    psql(source, "CREATE TABLE t (a bigint, b text); INSERT INTO t VALUES (7, 'abcd')")
    psql(target, "CREATE TABLE t (a integer, b varchar(3), g int GENERATED ALWAYS AS (1) STORED)")
    with pytest.raises(Refused, match="'a' of 't' is 'integer', and the query gives 'bigint'"):
        await transfer("a")
    with pytest.raises(Refused, match="'g' of 't' is generated"):
        await transfer("g", query="SELECT 1")
    with pytest.raises(ConfitureError, match=r"too long for type character varying\(3\) .*column 'b'"):
        await transfer("b")
    psql(source, "UPDATE t SET b = 'abc   '")  # blanks too many are cut by COPY as well
    await transfer("a, b", binary=False)
    assert run_psql(target, "SELECT a, b || '|' FROM t") == "7|abc|"
