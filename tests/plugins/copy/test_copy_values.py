"""Values arrive as they were; psql is the judge on both sides."""

from __future__ import annotations

import msgspec
import pytest

from confiture.errors import ConfitureError, Refused
from confiture.hooks import TRANSFER
from confiture.model import Mask, TransferTask

pytestmark = pytest.mark.anyio

#: Type, and values as SQL. Each has NULL as well.
VALUES = {
    "text": [r"''", r"E'\\N'", r"E'a\tb\nc\rd\\e\b\f\v'", "'ü€🍓'", r"E'\\.'", "repeat('x', 300000)", "'  '"],
    "varchar(5)": ["'abcde'", "''"],
    "char(5)": ["'ab'", "''"],
    '"char"': ["'x'", "''"],
    "name": ["'Name'"],
    "bytea": [r"'\x00'", r"'\x'", r"'\x0001ff5c5c6e0a'"],
    "bool": ["true", "false"],
    "int2": ["-32768", "32767"],
    "int4": ["-2147483648", "0"],
    "int8": ["9223372036854775807"],
    "oid": ["4294967295"],
    "float4": ["'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "1.1", "3.4e38", "1e-45"],
    "float8": ["'NaN'", "'Infinity'", "'-Infinity'", "0.1::float8 + 0.2::float8", "5e-324", "'-0'"],
    "numeric": ["'NaN'", "'Infinity'", "'-Infinity'", "0.00", "1e1000", "-1.50", "1e-1000"],
    "numeric(12,2)": ["0.10", "-9999999999.99", "'NaN'"],
    "money": ["12.34", "'-92233720368547758.08'"],
    "date": ["'infinity'", "'-infinity'", "'0044-03-15 BC'", "'5874897-12-31'"],
    "time": ["'24:00'", "'00:00:00.000001'"],
    "timetz": ["'12:00+05:30'", "'00:00:00.1-15:59:59'"],
    "timestamp": ["'infinity'", "'-infinity'", "'4713-01-01 BC'", "'1900-01-01 00:00:00.123456'"],
    "timestamptz": ["'infinity'", "'-infinity'", "'1883-11-18 12:03:58 America/New_York'"],
    "interval": ["'1 mon 2 days'", "'-1 mon +2 days -03:00:00.5'", "'infinity'", "'1 mon -1 day'"],
    "uuid": ["'00112233-4455-6677-8899-aabbccddeeff'"],
    "json": ["""'{"a" :  1, "a":2}'""", "'null'", """'"\\u0041"'"""],
    "jsonb": ["""'{"a": [1, null, "x"], "b": {}}'""", "'null'", "'1e400'"],
    "inet": ["'192.0.2.1/24'", "'2001:db8::1'"],
    "cidr": ["'192.0.2.0/24'"],
    "macaddr": ["'08:00:2b:01:02:03'"],
    "macaddr8": ["'08:00:2b:01:02:03:04:05'"],
    "bit(5)": ["B'10101'"],
    "varbit": ["B''", "B'1'"],
    "point": ["'(1.5,-2)'", "'(NaN,Infinity)'"],
    "polygon": ["'((0,0),(1,1),(1,0))'"],
    "tsvector": ["'a:1A fat:2B,3C cat'"],
    "tsquery": ["'fat & (rat | !cat:*)'"],
    "pg_lsn": ["'16/B374D848'"],
    "int4[]": ["'{}'", "'{1,NULL,3}'", "'[2:3][0:1]={{1,2},{3,4}}'"],
    "text[]": [r"""ARRAY['', NULL, 'NULL', 'a"b', E'c\\d', '{}']"""],
    "int4range": ["'empty'", "'[1,5)'", "'(,)'"],
    "tstzrange": ["'[2020-01-01,infinity]'"],
    "nummultirange": ["'{[1,2),[3,4)}'", "'{}'"],
    "mood": ["'so so'", "'Ok'"],
    "mood[]": ["ARRAY['so so', NULL]::mood[]"],
    "positive": ["1"],
    "positive[]": ["ARRAY[1, NULL]::positive[]"],
    '"Pair"': ["""ROW(1, 'a,"b')""", "ROW(NULL, '')", "ROW(NULL, NULL)"],
    '"Moody"': ["""ROW('Ok', '{so so}')"""],
    "moodrange": ["moodrange('Ok', 'so so')"],
    "regclass": ["'pg_class'"],
    "regtype": ["'mood'"],
    "aclitem": ["'postgres=r/postgres'"],
    "jsonpath": ["'$.a[*] ? (@ > 1)'"],
    "hstore": ["""'"a"=>NULL, "b"=>"x,y"'"""],
    "citext": ["'MiXed'"],
    "int2vector": ["'1 2'", "''"],
    "oidvector": ["'1 2'", "''"],
}
TYPES = """
CREATE EXTENSION IF NOT EXISTS hstore; CREATE EXTENSION IF NOT EXISTS citext;
CREATE TYPE mood AS ENUM ('Ok', 'so so'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE "Pair" AS (a int, b text); CREATE TYPE "Moody" AS (m mood, l mood[]);
CREATE TYPE moodrange AS RANGE (subtype = mood);
"""
#: Their binary form holds OIDs, is not safely received, or there is none: they go as text, and so does who asks for it.
AS_TEXT = {"mood[]", "positive[]", '"Moody"', "regclass", "regtype", "aclitem", "tsvector", "int2vector", "oidvector"}


@pytest.fixture
def types(both, psql, target):
    psql(target, "CREATE TABLE other_oids (a int); CREATE TYPE another AS ENUM ('x')")
    both(TYPES)


def rows_of(type_: str) -> str:
    values = ", ".join(f"(CAST({value} AS {type_}))" for value in ["NULL", *VALUES[type_]])
    return f"INSERT INTO t VALUES {values}"


async def test_every_type_arrives_in_its_form_as_it_was(transfer, both, equal, psql, source, target, types):
    """In binary, and where that cannot be, in text; a session's own settings change nothing."""
    psql(source, f"ALTER DATABASE \"{source.database}\" SET DateStyle = 'SQL, DMY'")
    psql(source, f"ALTER DATABASE \"{source.database}\" SET IntervalStyle = 'sql_standard'")
    psql(target, f"ALTER DATABASE \"{target.database}\" SET bytea_output = 'escape'")
    psql(target, f"ALTER DATABASE \"{target.database}\" SET DateStyle = 'Postgres, MDY'")
    psql(source, f'ALTER DATABASE "{source.database}" SET extra_float_digits = -5')
    for type_, values in VALUES.items():
        for binary in (True, False):
            both(f"DROP TABLE IF EXISTS t; CREATE TABLE t (v {type_})")
            psql(source, rows_of(type_))
            report = await transfer("v", binary=binary)
            assert (type_, report.rows) == (type_, len(values) + 1)
            assert (type_, report.binary) == (type_, binary and type_ not in AS_TEXT)
            equal("SELECT v::text, v IS NULL FROM t ORDER BY ctid")


async def test_all_types_in_one_row(transfer, both, equal, psql, source, types):
    """As text, since one of them needs it; without those, in binary."""
    for names in (list(VALUES), [name for name in VALUES if name not in AS_TEXT]):
        columns = ", ".join(f"c{number} {type_}" for number, type_ in enumerate(names))
        both(f"DROP TABLE IF EXISTS t; CREATE TABLE t ({columns})")
        psql(source, f"INSERT INTO t VALUES ({', '.join(VALUES[name][0] for name in names)})")
        psql(source, "INSERT INTO t (c0) VALUES (NULL)")
        report = await transfer(", ".join(f"c{number}" for number in range(len(names))))
        assert (report.rows, report.binary) == (2, len(names) < len(VALUES))
        equal()


async def test_odd_names_and_another_order_of_columns(transfer, both, equal, psql, source, target):
    """Tables and columns of any name; a column goes where it is named, not where it stands."""
    for place, columns in ((source, '"A b" text, "c""d" int, "ü" date'), (target, '"ü" date, "c""d" int, "A b" text')):
        psql(place, f'CREATE SCHEMA "My ""Schema"; CREATE TABLE "My ""Schema"."T t" ({columns})')
    psql(source, """INSERT INTO "My ""Schema"."T t" VALUES ('x', 1, '2020-01-01'), ('y', NULL, NULL)""")
    report = await transfer('A b, c"d, ü', table='"My ""Schema"."T t"')
    assert report.rows == 2
    equal("""SELECT "A b", "c""d", "ü" FROM "My ""Schema"."T t" ORDER BY 1""")


async def test_no_rows_and_one_that_is_bigger_than_a_piece(transfer, both, equal, psql, source):
    """An empty table has a header and an end only; 30 MB in one value come in many reads."""
    both("CREATE TABLE t (id int, v bytea)")
    assert (await transfer("id, v")).rows == 0
    psql(source, "INSERT INTO t SELECT 1, decode(repeat('00ff5c', 10000000), 'hex')")
    report = await transfer("id, v", masks=[Mask(column="id", function=lambda value: value)])
    assert (report.rows, report.bytes > 30_000_000) == (1, True)
    assert equal("SELECT md5(v), length(v) FROM t").endswith("|30000000")


async def test_generated_columns_are_refused_and_identity_takes_values(transfer, both, equal, psql, source, target):
    """The caller leaves out what the target computes; GENERATED ALWAYS AS IDENTITY takes what COPY brings."""
    both("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, a int, b int GENERATED ALWAYS AS (a * 2) STORED)")
    psql(source, "INSERT INTO t (a) SELECT generate_series(1, 10); DELETE FROM t WHERE id < 4")
    with pytest.raises(Refused, match="'b' of 't' is generated"):
        await transfer("id, a, b")
    assert (await transfer("id, a")).rows == 7
    equal()


async def test_what_does_not_fit_is_refused_with_both_types(transfer, both, psql, source, target):
    """int8's bytes would be an error of the server's in the middle of the rows, or another value."""
    psql(source, "CREATE TABLE t (a bigint, b text, c timestamptz); INSERT INTO t VALUES (7, 'x', now())")
    psql(target, "CREATE TABLE t (a integer, b text, c timestamp)")
    with pytest.raises(Refused, match="'a' of 't' is 'integer', and the query gives 'bigint'") as caught:
        await transfer("a, b")
    assert "binary=False" in (caught.value.hint or "")
    with pytest.raises(Refused, match="timestamp with time zone"):
        await transfer("c")
    for columns, query in (("a, b", "SELECT a FROM t"), ("a, nope", "SELECT 1, 2"), ("a", "SELECT $1::int")):
        with pytest.raises(Refused):
            await transfer(columns, query=query)
    with pytest.raises(Refused, match="no table 'nowhere'"):
        await transfer("a", table="nowhere", query="SELECT 1")
    assert psql(target, "SELECT count(*) FROM t") == "0"
    assert (await transfer("a, b", binary=False)).rows == 1
    assert psql(target, "SELECT a, b FROM t") == "7|x"


async def test_texts_go_into_each_other_and_enums_in_binary(transfer, psql, source, target):
    """A template yields text, the column is varchar, an enum or a domain: the target checks what it gets."""
    psql(source, "CREATE TABLE t (a text, b text, c text, d text)")
    psql(source, "INSERT INTO t VALUES ('abc', 'Ok', '{}', 'x')")
    psql(target, "CREATE TYPE mood AS ENUM ('Ok'); CREATE DOMAIN short AS varchar(3)")
    psql(target, "CREATE TABLE t (a varchar(3), b mood, c json, d short)")
    assert (await transfer("a, b, c, d")).binary
    assert psql(target, "SELECT t FROM t") == "(abc,Ok,{},x)"
    psql(source, "UPDATE t SET a = 'abcd'")
    with pytest.raises(ConfitureError, match=r"value too long for type character varying\(3\) .*column 'a'"):
        await transfer("a, b, c, d")


async def test_the_registered_engine_tells_how_far_it_is(kernel_run, both, psql, source, target):
    """Found by its name; progress in rows, near enough on the way and exact at the end, and in bytes."""
    both("CREATE TABLE t (id int, v text)")
    # Short and long rows beside each other, so that any piece is like all of them: which ones are counted is chance.
    psql(source, "INSERT INTO t SELECT n, repeat('x', n % 5 * 25) FROM generate_series(1, 300000) AS n")
    task = TransferTask(
        source=source, target=target, table="t", columns=("id", "v"), query="SELECT * FROM t", step="sync.t",
        estimated_rows=300_000,
    )  # fmt: skip
    events = []
    async with kernel_run(observers=[events.append]) as run:
        engine = run.get(TRANSFER, "copy")
        for binary in (True, False):
            report = await engine.transfer(run, msgspec.structs.replace(task, binary=binary))
            assert report.rows == 300_000
    rows = [event for event in events if getattr(event, "step", "") == "sync.t"]
    sizes = [event for event in events if getattr(event, "step", "") == "sync.t.bytes"]
    assert (rows[-1].done, rows[-1].total, rows[-1].unit) == (300_000, 300_000, "rows")
    assert (sizes[-1].done, sizes[-1].unit) == (report.bytes, "bytes")
    assert all(event.done <= 310_000 for event in rows)
