"""Tables of every type and of odd shapes, with the values that get lost."""

from __future__ import annotations

#: Type, and values as SQL; NULL is added.
VALUES = {
    "bool": ["true", "false"],
    "bytea": [r"'\x00'", r"'\x'", r"'\x0001ff5c5c6e0a27'", r"'\x5c4e'"],
    '"char"': ["'x'", "''", "chr(39)::\"char\""],
    "name": ["'Name'", "''"],
    "int2": ["-32768", "32767"],
    "int4": ["-2147483648"],
    "int8": ["9223372036854775807", "-9223372036854775808"],
    "text": [r"''", r"E'\\N'", r"E'a\tb\nc\rd\\e\b\f\v'", "'ü€🍓'", "'  '", "'NULL'", r"E'\\.'", "repeat('x', 300000)"],
    "varchar": ["''", "'abc'"],
    "varchar(5)": ["'abcde'", "'ab   '"],
    "bpchar": ["'a '", "''"],
    "char(5)": ["'ab'", "''"],
    "oid": ["4294967295"],
    "xid": ["'4294967295'"],
    "xid8": ["'18446744073709551615'"],
    "cid": ["'7'"],
    "tid": ["'(4294967295,65535)'"],
    "oidvector": ["'1 2 3'", "''"],
    "int2vector": ["'1 -2'", "''"],
    "float4": ["'NaN'", "'Infinity'", "'-0'", "1.1", "3.4e38", "1e-45"],
    "float8": ["'-Infinity'", "'-0'", "0.1::float8 + 0.2::float8", "5e-324", "'NaN'", "1.7976931348623157e308"],
    "numeric": ["'NaN'", "'Infinity'", "'-Infinity'", "0.00", "1e1000", "-1.50", "1e-1000"],
    "numeric(12,2)": ["0.10", "'NaN'", "-0.01"],
    "numeric(3,-2)": ["12345"],
    "money": ["12.34", "'-92233720368547758.08'"],
    "date": ["'infinity'", "'0044-03-15 BC'", "'5874897-12-31'", "'2020-02-01'", "'4714-11-24 BC'"],
    "time": ["'24:00'", "'00:00:00.000001'"],
    "time(2)": ["'12:00:00.12'"],
    "timetz": ["'12:00+05:30'", "'00:00:00.1-15:59:59'"],
    "timestamp": ["'-infinity'", "'4713-01-01 BC'", "'1900-02-01 00:00:00.123456'"],
    "timestamp(0)": ["'2024-01-01 12:00:00.6'"],
    "timestamptz": ["'infinity'", "'1883-11-18 12:03:58 America/New_York'", "'0044-03-15 00:00 BC'"],
    "interval": ["'1 mon 2 days'", "'-1 mon +2 days -03:00:00.5'", "'infinity'", "'1 mon -1 day'", "'178000000 years'"],
    "interval day to second(2)": ["'2 days 03:00:00.52'"],
    "uuid": ["'00112233-4455-6677-8899-aabbccddeeff'"],
    "json": ["""'{"a" :  1, "a":2,\n "b": [ ] }'""", "'null'", "'1.0'"],
    "jsonb": ["""'{"a": [1, null, "x"], "b": {}, "c": "\\u00e9"}'""", "'1e400'", "'null'"],
    "jsonpath": ["'$.a[*] ? (@ > 1)'"],
    "inet": ["'192.0.2.1/24'", "'192.0.2.1'", "'::ffff:1.2.3.4/96'"],
    "cidr": ["'192.0.2.0/24'", "'2001:db8::/32'"],
    "macaddr": ["'08:00:2b:01:02:03'"],
    "macaddr8": ["'08:00:2b:01:02:03:04:05'"],
    "bit": ["B'1'"],
    "bit(5)": ["B'10101'"],
    "varbit": ["B''", "B'1'", "B'110011001100'"],
    "point": ["'(1.5,-2)'", "'(Infinity,NaN)'", "'(0.1,-0)'"],
    "line": ["'{1,-2,3}'"],
    "lseg": ["'[(0,0),(1,1e300)]'"],
    "box": ["'((1,1),(0,0))'"],
    "path": ["'((0,0),(1,1),(2,0))'", "'[(0,0),(1,1)]'"],
    "polygon": ["'((0,0),(1,1),(1,0))'"],
    "circle": ["'<(1,2),3.3>'"],
    "tsvector": ["'a:1A fat:2B,3C cat'", "''"],
    "tsquery": ["'fat & (rat | !cat:*)'"],
    "pg_lsn": ["'16/B374D848'"],
    "pg_snapshot": ["'10:20:10,14'"],
    "txid_snapshot": ["'10:20:10,14'"],
    "refcursor": ["'a cursor'"],
    "aclitem": ["'postgres=r/postgres'"],
    "regclass": ["'pg_class'", "'\"Odd ''N.\"\"am.es\"'"],
    "regcollation": ["'pg_catalog.\"C\"'"],
    "regconfig": ["'english'"],
    "regdictionary": ["'simple'"],
    "regnamespace": ["'pg_catalog'"],
    "regoper": ["'pg_catalog.||/'"],
    "regoperator": ["'+(integer,integer)'"],
    "regproc": ["'pg_catalog.now'"],
    "regprocedure": ["'lower(text)'"],
    "regrole": ["'postgres'"],
    "regtype": ["'mood'", "'integer[]'"],
    "int4range": ["'empty'", "'[1,5)'", "'(,)'"],
    "int8range": ["'[1,9223372036854775807)'"],
    "numrange": ["'(1.10,2.200]'"],
    "tsrange": ["'[2020-01-01,infinity]'"],
    "tstzrange": ["'[2020-01-01 00:00+00,infinity]'"],
    "daterange": ["'[0044-03-15 BC,2020-01-01]'"],
    "int4multirange": ["'{[1,2),[3,4)}'", "'{}'"],
    "int8multirange": ["'{(,)}'"],
    "nummultirange": ["'{[1,2),[3,4)}'", "'{}'"],
    "tsmultirange": ["'{[2020-01-01,2020-01-02)}'"],
    "tstzmultirange": ["'{[2020-01-01 00:00+00,2020-01-02 00:00+05)}'"],
    "datemultirange": ["'{[2020-01-01,2020-01-02)}'"],
    "int4[]": ["'{}'", "'{1,NULL,3}'", "'[2:3][0:1]={{1,2},{3,4}}'"],
    "char(3)[]": ["ARRAY['a', NULL]"],
    "text[]": [r"""ARRAY['', NULL, 'NULL', 'a"b', E'c\\d', '{}', ' x']"""],
    "bytea[]": [r"ARRAY['\x00'::bytea, NULL]"],
    "timestamptz[]": ["ARRAY['infinity'::timestamptz, '0044-03-15 00:00 BC']"],
    "float8[]": ["ARRAY['-0', 'NaN', 0.1]::float8[]"],
    "tstzrange[]": ["ARRAY['[2020-01-01 00:00+00,)']::tstzrange[]"],
    "mood": ["'so so'", "'Ok'", "'it''s \"odd\", ü'"],
    "mood[]": ["ARRAY['so so', NULL]::mood[]"],
    "positive": ["1"],
    "positive[]": ["ARRAY[1, NULL]::positive[]"],
    '"Pair"': ["""ROW(1, 'a,"b"')""", "ROW(NULL, '')", "ROW(NULL, NULL)"],
    '"Pair"[]': ["""ARRAY[ROW(1, 'a,"b"')]::"Pair"[]"""],
    '"Moody"': ["""ROW('Ok', '{so so}', '2020-01-01 00:00+00')"""],
    "moodrange": ["moodrange('Ok', 'so so')"],
    "moodmultirange": ["moodmultirange(moodrange('Ok', 'so so'))"],
    "pairs": ["""ROW(1, 'x')"""],
}  # fmt: skip
#: Types of PostgreSQL that have no values of a table's: no input function takes any, or this server was built without.
NO_VALUES = {
    "gtsvector", "pg_brin_bloom_summary", "pg_brin_minmax_multi_summary", "pg_dependencies", "pg_mcv_list",
    "pg_ndistinct", "pg_node_tree", "xml",
}  # fmt: skip
#: What binary COPY cannot carry, and with it the whole table: it is of another database's numbers, or risky.
_TEXT_ONLY = ("tsvector", "int2vector", "oidvector", "mood", "positive", "air", "oody", "reg", "aclitem")

TYPES = r"""
CREATE TYPE mood AS ENUM ('Ok', 'so so', 'it''s "odd", ü');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE "Pair" AS (a int, b text);
CREATE TYPE "Moody" AS (m mood, l mood[], t timestamptz);
CREATE TYPE moodrange AS RANGE (subtype = mood);
CREATE DOMAIN pairs AS "Pair";
"""
SHAPES = r"""
CREATE TABLE nothing ();
CREATE TABLE "Odd 'N.""am.es" (
    "Id" uuid PRIMARY KEY, "select" text, "a.b" int, "é€" text, "%s $1 :x \" text,
    "abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_abcdefghi" int
);
CREATE SCHEMA "Other Schema";
CREATE TABLE "Other Schema"."user" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text);
CREATE TABLE made (
    id bigint GENERATED ALWAYS AS IDENTITY (INCREMENT -3) PRIMARY KEY, a int,
    twice int GENERATED ALWAYS AS (a * 2) STORED, half int GENERATED ALWAYS AS (a / 2), b text DEFAULT 'default'
);
CREATE TABLE parted (k text, at timestamptz, v int, PRIMARY KEY (k, at)) PARTITION BY LIST (k);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a', '') PARTITION BY RANGE (at);
CREATE TABLE parted_a1 PARTITION OF parted_a FOR VALUES FROM (MINVALUE) TO ('2020-01-01 00:00+00');
CREATE TABLE parted_a2 PARTITION OF parted_a DEFAULT;
CREATE TABLE parted_b PARTITION OF parted DEFAULT;
CREATE TABLE keyless (a int, b text);
CREATE TABLE parent (id int PRIMARY KEY, v text);
CREATE TABLE child (extra text) INHERITS (parent);
CREATE TABLE two_keys (a text COLLATE "C", b uuid, v int, PRIMARY KEY (a, b));
CREATE TABLE by_text (id text PRIMARY KEY);
CREATE TABLE by_mood (id mood PRIMARY KEY, v int);
CREATE TABLE by_time (id timestamptz PRIMARY KEY, v int);
CREATE TABLE by_bytes (id bytea PRIMARY KEY, v int);
CREATE TABLE by_number (id numeric PRIMARY KEY, v int);
CREATE TABLE unique_only (a int NOT NULL UNIQUE, b text);
CREATE TABLE large (id int PRIMARY KEY, t text, b bytea);
"""
ROWS = r"""
INSERT INTO nothing SELECT FROM generate_series(1, 3);
INSERT INTO "Odd 'N.""am.es" SELECT md5(n::text)::uuid, 'v' || n, n, 'ü', E'\\N', -n FROM generate_series(1, 300) n;
INSERT INTO "Other Schema"."user" (v) SELECT 'u' || n FROM generate_series(1, 50) n;
INSERT INTO made (a, b) SELECT n, nullif('b', repeat('b', n % 3)) FROM generate_series(1, 100) n;
INSERT INTO parted
SELECT (ARRAY['a', '', 'b', E'\t'])[1 + n % 4], '2019-12-20 00:00+00'::timestamptz + n * interval '1 day', n
  FROM generate_series(1, 100) n;
INSERT INTO parted VALUES ('a', 'infinity', 0), ('a', '-infinity', 0), ('b', '0044-03-15 00:00+00 BC', 0);
INSERT INTO keyless SELECT n % 3, nullif(repeat('x', n % 4), 'x') FROM generate_series(1, 200) n;
INSERT INTO parent SELECT n, 'p' FROM generate_series(1, 20) n;
INSERT INTO child SELECT n, 'c', 'e' FROM generate_series(100, 120) n;
INSERT INTO two_keys
SELECT (ARRAY['', 'a', 'é', ' ', E'a\n'])[1 + n % 5], md5(n::text)::uuid, n FROM generate_series(1, 400) n;
INSERT INTO by_text SELECT CASE n WHEN 1 THEN '' ELSE chr(32 + n * 7 % 400) || n END FROM generate_series(1, 400) n;
INSERT INTO by_mood VALUES ('Ok', 1), ('so so', 2);
INSERT INTO by_time
SELECT '2020-01-01 00:00+00'::timestamptz + n * interval '1 h 0.000001 s', n FROM generate_series(1, 300) n;
INSERT INTO by_time VALUES ('infinity', 1), ('-infinity', 1), ('4713-01-01 00:00+00 BC', 2);
INSERT INTO by_bytes SELECT decode(md5(n::text), 'hex'), n FROM generate_series(1, 300) n;
INSERT INTO by_number SELECT n / 7.0, n FROM generate_series(1, 300) n;
INSERT INTO by_number VALUES ('NaN', 1), ('Infinity', 1), ('-Infinity', 1), (1e500, 1);
INSERT INTO unique_only SELECT n, 'b' FROM generate_series(1, 20) n;
INSERT INTO large VALUES (1, repeat('äß\n'::text, 10 << 20), NULL);
INSERT INTO large VALUES (2, NULL, convert_to(repeat('0123456789', 5 << 20), 'UTF8'));
INSERT INTO large SELECT n, 'small', '\x' FROM generate_series(3, 100) n;
"""
#: What is compared. `parent` with what inherits from it, and alone.
TABLES = (
    "wide", "narrow", "nothing", '"Odd \'N.""am.es"', '"Other Schema"."user"', "made", "parted", "parted_a1", "keyless",
    "parent", "ONLY parent", "child", "two_keys", "by_text", "by_mood", "by_time", "by_bytes", "by_number",
    "unique_only", "large",
)  # fmt: skip
#: What databases and roles may set for their sessions, to the harm of who does not mind it.
SOURCE_SETTINGS = {
    "TimeZone": "Asia/Kathmandu", "DateStyle": "SQL, DMY", "IntervalStyle": "sql_standard", "extra_float_digits": "-5",
    "bytea_output": "escape", "lc_monetary": "C.utf8", "array_nulls": "off",
    "quote_all_identifiers": "on", "client_encoding": "LATIN1",
}  # fmt: skip
TARGET_SETTINGS = {
    "TimeZone": "America/New_York", "DateStyle": "Postgres, MDY", "IntervalStyle": "iso_8601",
    "extra_float_digits": "0", "bytea_output": "escape", "lc_monetary": "C", "array_nulls": "off",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on", "default_transaction_isolation": "serializable", "client_encoding": "LATIN1",
    "default_transaction_deferrable": "on",
}  # fmt: skip
#: Tables that fdw says it cannot move, and names the engine that does.
NOT_FOR_FDW = """
tables:
  by_mood: {strategy: copy}
  parent: {strategy: copy}
"""
CLIENT = {"TZ": "Pacific/Chatham", "PGTZ": "Africa/Monrovia", "PGDATESTYLE": "German"}


def tables() -> str:
    """``wide`` with all types, which goes as text; ``narrow`` with what may go in binary; and the other shapes."""
    return f"{TYPES}{SHAPES}{_table('wide', list(VALUES))}{_table('narrow', _narrow())}"


def rows() -> str:
    """All rows."""
    return f"{ROWS}{_rows('wide', list(VALUES))}{_rows('narrow', _narrow())}"


def _narrow() -> list[str]:
    return [name for name in VALUES if not any(part in name for part in _TEXT_ONLY)]


def _table(name: str, types: list[str]) -> str:
    return f"CREATE TABLE {name} (id int PRIMARY KEY, {', '.join(f'c{n} {t}' for n, t in enumerate(types))});"


def _rows(name: str, types: list[str]) -> str:
    made = []
    for at in range(max(map(len, VALUES.values())) + 1):
        values = (VALUES[type_] for type_ in types)
        made.append(
            ", ".join(
                [
                    str(at),
                    *(
                        f"CAST({found[at] if at < len(found) else 'NULL'} AS {type_})"
                        for type_, found in zip(types, values, strict=True)
                    ),
                ]
            )
        )
    return f"INSERT INTO {name} VALUES {', '.join(f'({row})' for row in made)};"
