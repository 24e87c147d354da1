"""Masks in the kernel: the keyed function in SQL and Python, one SELECT of all masks, what is refused, keys."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import hmac
import ipaddress
import sys
import uuid
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import toys
from confiture.errors import ConfigError, Refused, UnknownProvider
from confiture.masking import (
    MaskingKey,
    Rule,
    canonical,
    canonical_sql,
    collision_probability,
    compile_masks,
    inherit,
    load_key,
    number_of,
    number_sql,
    read_rule,
    read_rules,
    read_table,
)
from confiture.masking.prf import prf_sql
from confiture.masking.reading import read_tables
from confiture.masking.rules import split_name
from confiture.masking.values import ValueType
from confiture.model import Mask
from confiture.quoting import quote_ident
from confiture.transfer import reading

pytestmark = pytest.mark.anyio
KEY = MaskingKey(b"0123456789abcdef")
SECRET = b"0123456789abcdef"


class Expression:
    """A kind whose option ``sql`` is the mask: the tests' own; ``{other}`` reads a column after its rule."""

    def compile(self, rule, scope):
        class Names(dict):
            def __missing__(self, name):
                return scope.masked(name)

        sql = rule.options["sql"].format_map(Names(value=scope.value))
        promises = {key: value for key, value in rule.options.items() if key != "sql"}
        return Mask(expression=sql, **promises)


def kinds(name):
    known = {"sql": Expression(), "toy": toys.ToyAnonymizer()}
    if name not in known:
        raise UnknownProvider(f"no {name}", hint="there are: sql, toy")
    return known[name]


def sql(text, **keys):
    promises = {key: keys.pop(key) for key in ("uniqueness", "bits", "max_length", "nullable") if key in keys}
    return Rule(kind="sql", options={"sql": text, **promises}, path="anonymize.t.c", **keys)


async def masked(run, target, rules, table="people", key=KEY, **options):
    async with run.connect(target) as connection:
        described = await read_table(connection, "public", table)
    return compile_masks(kinds, described, rules, key, **options)


async def rows(run, target, masked, key=KEY):
    async with reading(run, target, settings=key.settings) as connection:
        return [tuple(row) for row in await connection.fetch(f"SELECT * FROM ({masked.query}) AS q ORDER BY 1")]


@pytest.fixture
async def people(kernel_run, database, psql):
    psql(
        database,
        """CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, name varchar(8) NOT NULL, born date,
             full_name text GENERATED ALWAYS AS (name || ' ' || email) STORED);
           INSERT INTO people VALUES (1, 'a@x.org', 'Ann', '1990-01-02'), (2, NULL, 'Bob', NULL),
             (3, '', 'Cy', NULL)""",
    )
    async with kernel_run() as run:
        yield SimpleNamespace(run=run, target=database)


# -- the keyed function ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [b"k" * 16, b"k" * 64, b"k" * 65, bytes(range(256))])
async def test_the_function_is_hmac_in_python_and_in_sql(kernel_run, database, key):
    """RFC 2104 pads short keys and hashes long ones; what looks like an escape for bytea is none."""
    texts = ["", "a", "O'Brien", "\\x41", "back\\slash \\\\", "ü€😀", "x" * 1000]
    masking = MaskingKey(key)
    async with kernel_run() as run, reading(run, database, settings=masking.settings) as connection:
        for text in texts:
            expected = hmac.new(key, b"public.t.c\0" + b"0\0" + text.encode(), hashlib.sha256).digest()
            assert masking.prf("public.t.c", "0", text) == expected
            assert await connection.fetchval(f"SELECT {prf_sql('public.t.c', '0', '$1::text')}", text) == expected


@pytest.mark.parametrize("version", [15, 18])
async def test_a_number_is_the_same_in_both(kernel_run, database, version):
    """In the two ways in which servers make one of bytes: a high first bit is not a sign."""
    async with kernel_run() as run, run.connect(database) as connection:
        for eight in (bytes(8), b"\xff" * 8, b"\x80" + bytes(7), bytes(range(1, 9))):
            assert await connection.fetchval(f"SELECT {number_sql('$1::bytea', version)}", eight) == number_of(eight)


CANONICAL = {
    "text": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    "int4": st.integers(-(2**31), 2**31 - 1),
    "int8": st.integers(-(2**63), 2**63 - 1),
    "numeric": st.decimals(allow_nan=True, allow_infinity=True, places=6) | st.decimals(-100, 100, allow_nan=False),
    "float8": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "uuid": st.uuids(),
    "date": st.dates(),
    "timestamp": st.datetimes(),
    "timestamptz": st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9998, 1, 1), timezones=st.just(dt.UTC)),
    "bytea": st.binary(),
    "inet": st.ip_addresses() | st.ip_addresses(v=4).map(lambda ip: ipaddress.ip_interface(f"{ip}/9")),
    "cidr": st.ip_addresses(v=6).map(lambda ip: ipaddress.ip_network(f"{ip}/67", strict=False)),
}


@pytest.mark.parametrize("name", CANONICAL)
async def test_a_value_has_one_text_in_both(kernel_run, database, name):
    """Whatever the session's settings for dates, zones and numbers are."""
    query = f"SELECT {canonical_sql(f'$1::{name}', ValueType(sql=name, name=name, category='X'))}"
    odd = {"DateStyle": "German", "TimeZone": "Asia/Kolkata", "extra_float_digits": "-10", "bytea_output": "escape"}
    samples = []

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(CANONICAL[name])
    def collect(value):
        samples.append(value)

    collect()
    async with kernel_run() as run, run.connect(database, settings=odd) as connection:
        for value in samples:
            assert await connection.fetchval(query, value) == canonical(value), value


def test_keys_of_different_types_have_one_text():
    """An int4 references an int8, and a numeric one too."""
    assert canonical(7) == canonical(decimal.Decimal("7.00")) == canonical(decimal.Decimal("7"))
    assert canonical(decimal.Decimal("100")) == "100"
    assert canonical(uuid.UUID("ABCDEF00-0000-0000-0000-000000000000")).startswith("abcdef00")
    assert canonical(None) == ""
    with pytest.raises(TypeError):
        canonical(object())


# -- one SELECT -----------------------------------------------------------------------------------------------------


async def test_masks_of_a_table_are_one_select(people):
    """Generated columns are left out, uncovered ones pass, NULL stays NULL."""
    table = await masked(people.run, people.target, {"email": Rule(kind="toy")})
    assert table.columns == ("id", "email", "name", "born")
    expected = KEY.prf("public.people.email", "", "a@x.org").hex()[:8]
    empty = KEY.prf("public.people.email", "", "").hex()[:8]
    assert await rows(people.run, people.target, table) == [
        (1, expected, "Ann", dt.date(1990, 1, 2)),
        (2, None, "Bob", None),
        (3, empty, "Cy", None),
    ]
    assert table.kept == ("id", "name", "born")


async def test_a_column_is_read_after_its_rule(people):
    """In whatever order they are written, and its mask is computed once."""
    rules = {"email": sql("{name} || '!'", unique="allow_loss"), "name": sql("upper({value})")}
    table = await masked(people.run, people.target, rules)
    assert table.query.count("upper(") == 1
    assert [row[1:3] for row in await rows(people.run, people.target, table)] == [
        ("ANN!", "ANN"),
        (None, "BOB"),
        ("CY!", "CY"),
    ]


async def test_rules_that_wait_for_each_other_are_an_error(people):
    """It names the circle."""
    with pytest.raises(ConfigError, match="email -> name -> email"):
        await masked(people.run, people.target, {"email": sql("{name}"), "name": sql("{email}")})


async def test_common_keys(people, psql):
    """NULL, the empty text and conditions are the kernel's, so that all kinds have them."""

    async def emails(rule):
        table = await masked(people.run, people.target, {"email": rule}, check=False)
        return [row[1] for row in await rows(people.run, people.target, table)]

    assert await emails(sql("'m'")) == ["m", None, "m"]
    assert await emails(sql("'m'", on_null="mask")) == ["m", "m", "m"]
    assert await emails(sql("'m'", on_empty="keep")) == ["m", None, ""]
    assert await emails(sql("'m'", on_empty="null")) == ["m", None, None]
    assert await emails(sql("'m'", when="id > 2 -- the last ones")) == ["a@x.org", None, "m"]
    with pytest.raises(Exception, match=r"NULL in public\.people\.email"):
        await emails(sql("'m'", on_null="error"))


async def test_text_that_is_too_long_is_refused_and_never_cut_unasked(people):
    """A cast to varchar(8) would cut it without a word."""
    rule = sql("'123456789'", max_length=9)
    with pytest.raises(ConfigError, match="up to 9 characters"):
        await masked(people.run, people.target, {"name": rule})
    table = await masked(people.run, people.target, {"name": rule}, check=False)
    assert [row[2] for row in await rows(people.run, people.target, table)] == ["123456789"] * 3
    cut = sql("'123456789'", max_length=9, too_long="truncate")
    table = await masked(people.run, people.target, {"name": cut})
    assert [row[2] for row in await rows(people.run, people.target, table)] == ["12345678"] * 3


async def test_bytes_of_the_row_are_given_away_once(people):
    """Four numbers are one hash a row, each from other bytes; and not the bytes of another row."""

    class Four:
        def compile(self, rule, scope):
            parts = " || ',' || ".join(f"{scope.number(per='row', draw=str(i))}::text" for i in range(4))
            return Mask(expression=parts)

    async with people.run.connect(people.target) as connection:
        described = await read_table(connection, "public", "people")
    table = compile_masks(lambda _: Four(), described, {"email": Rule(kind="four", on_null="mask")}, KEY, check=False)
    assert table.query.count("current_setting('confiture.k2')") == 1
    numbers = [number for row in await rows(people.run, people.target, table) for number in row[1].split(",")]
    assert len(set(numbers)) == 12
    block = KEY.row("public.people", [1])
    assert numbers[:4] == [str(number_of(block[i : i + 8])) for i in range(0, 32, 8)]


async def test_the_key_is_in_no_statement(people):
    """It would be in pg_stat_activity and in logs."""
    table = await masked(people.run, people.target, {"email": Rule(kind="toy")})
    for block in KEY.settings.values():
        assert block not in table.query
    assert SECRET.hex() not in table.query
    assert SECRET.decode() not in table.query
    assert SECRET.decode() not in repr(KEY)


async def test_a_nonce_takes_the_place_of_the_key(people):
    """Runs cannot be linked where the rule says so."""
    rule = {"email": Rule(kind="toy", deterministic=False)}
    table = await masked(people.run, people.target, rule)
    first = await rows(people.run, people.target, table)
    assert first == await rows(people.run, people.target, table)
    other = MaskingKey(SECRET)
    assert first != await rows(
        people.run, people.target, await masked(people.run, people.target, rule, key=other), other
    )


async def test_a_run_that_goes_on_draws_the_same_again(people):
    """Under its name, and the key: another run has other values, and so has another key."""
    rule = {"email": Rule(kind="toy", deterministic=False)}
    keys = [MaskingKey(SECRET, run="1"), MaskingKey(SECRET, run="1"), MaskingKey(SECRET, run="2")]
    keys.append(load_key(environ={"CONFITURE_ANONYMIZATION_KEY": "another key of 16 bytes"}, run="1"))
    table = await masked(people.run, people.target, rule)
    found = [await rows(people.run, people.target, table, key) for key in keys]
    assert found[0] == found[1]
    assert len({tuple(each) for each in found}) == 3
    assert {key.fingerprint for key in keys[:3]} == {KEY.fingerprint}


async def test_bytes_of_a_row_are_the_same_in_python(kernel_run, database, psql):
    """Whatever type the primary key has, and however many columns."""
    keys = {
        "i int": (-7, 7),
        "i bigint": (2**62, 1),
        "i bool": (True, False),
        "i text": ("a\\'", ""),
        "i numeric(9,2)": (decimal.Decimal("1.50"), decimal.Decimal(2)),
        "i uuid": (uuid.UUID(int=5), uuid.UUID(int=2**127)),
        "i int, j text": ((1, "2:x"), (12, "")),
        "i date, j uuid": ((dt.date(2000, 2, 29), uuid.UUID(int=1)), (dt.date(12, 1, 1), uuid.UUID(int=9))),
    }

    class Whole:
        def compile(self, rule, scope):
            return Mask(expression=scope.bytes(per="row"))

    async with kernel_run() as run, run.connect(database) as connection:
        for number, (columns, values) in enumerate(keys.items()):
            name = f't{number}."x'
            names = [column.split()[0] for column in columns.split(", ")]
            await connection.execute(
                f"CREATE TABLE {quote_ident(name)} ({columns}, b bytea NOT NULL, PRIMARY KEY ({', '.join(names)}))"
            )
            given = [value if isinstance(value, tuple) else (value,) for value in values]
            places = ", ".join(f"${place + 1}" for place in range(len(names)))
            for value in given:
                await connection.execute(f"INSERT INTO {quote_ident(name)} VALUES ({places}, '')", *value)
            described = await read_table(connection, "public", name)
            done = compile_masks(lambda _: Whole(), described, {"b": Rule(kind="whole")}, KEY, check=False)
            found = {row[:-1]: row[-1] for row in await rows(run, database, done)}
            assert found == {value: KEY.row(f"public.{name}", value) for value in given}
    secret = hmac.digest(SECRET, b"row public.t\x001\x00", "sha256")
    assert KEY.row("public.t", [1], 1) == hashlib.sha256(secret + (1).to_bytes(8, "big")).digest()


async def test_odd_names_and_types(kernel_run, database, psql):
    """Mixed case, reserved words, quotes; char(n), bit(n), a domain and an enumeration have no length in a cast."""
    psql(
        database,
        """CREATE DOMAIN code AS varchar(5) CHECK (VALUE <> ''); CREATE TYPE "Mood" AS ENUM ('so', 'la');
           CREATE TABLE people ("select" int, "My "" Col" char(4), b bit(3), d code, m "Mood", n numeric(6,2));
           INSERT INTO people VALUES (1, 'ab', B'101', 'x', 'so', 1.5)""",
    )
    rules = {
        'My " Col': sql("'abcd'"),
        "b": sql("B'010'"),
        "d": sql("'yz'"),
        "m": sql("'la'"),
        "n": sql("'1234.5'"),
        "select": sql("{value} + 1"),
    }
    async with kernel_run() as run:
        table = await masked(run, database, rules)
        found = (await rows(run, database, table))[0]
    assert (found[0], found[1], found[3], found[4], found[5]) == (2, "abcd", "yz", "la", decimal.Decimal("1234.5"))
    assert found[2].as_string() == "010"
    assert [column.type.shown for column in table.table.columns] == [
        "integer",
        "character(4)",
        "bit(3)",
        "code",
        '"Mood"',
        "numeric(6,2)",
    ]
    assert table.table.column("d").type.length == 5
    assert table.table.column("m").type.labels == ("so", "la")
    assert (table.table.column("n").type.precision, table.table.column("n").type.scale) == (6, 2)


async def test_only_the_tables_own_rows(kernel_run, database, psql):
    """Those of a table that inherits are copied with it; those of partitions with the whole."""
    psql(
        database,
        """CREATE TABLE people (id int); CREATE TABLE more () INHERITS (people); INSERT INTO people VALUES (1);
           INSERT INTO more VALUES (2); CREATE TABLE parts (id int) PARTITION BY LIST (id);
           CREATE TABLE part PARTITION OF parts FOR VALUES IN (7); INSERT INTO parts VALUES (7)""",
    )
    async with kernel_run() as run:
        assert await rows(run, database, await masked(run, database, {})) == [(1,)]
        assert await rows(run, database, await masked(run, database, {}, table="parts")) == [(7,)]


# -- foreign keys ---------------------------------------------------------------------------------------------------

SHOP = """
CREATE TABLE users (id bigint PRIMARY KEY, boss bigint REFERENCES users);
CREATE TABLE staff (user_id int PRIMARY KEY REFERENCES users);
CREATE TABLE notes (id int PRIMARY KEY, author int REFERENCES staff, log text);
"""


async def test_a_foreign_key_has_the_domain_of_what_it_references(kernel_run, database, psql):
    """At the end of all keys, itself included; declared ones count too. The values then match across types."""
    psql(database, SHOP + "INSERT INTO users VALUES (7); INSERT INTO staff VALUES (7); INSERT INTO notes VALUES (1, 7)")
    names = [("public", name) for name in ("users", "staff", "notes")]
    virtual = {("public", "notes", "log"): ("public", "users", "id")}
    async with kernel_run() as run, run.connect(database) as connection:
        tables = await read_tables(connection, names, virtual)
        domains = {column.label: column.domain for table in tables for column in table.columns}
        hidden = sql("(abs(hashtext({value}::text)) % 1000)", uniqueness="preserved")
        rules = inherit(tables, {"public.users": {"id": hidden}})
    assert domains == {
        "public.users.id": "public.users.id",
        "public.users.boss": "public.users.id",
        "public.staff.user_id": "public.users.id",
        "public.notes.id": "public.notes.id",
        "public.notes.author": "public.users.id",
        "public.notes.log": "public.users.id",
    }
    assert {name: list(columns) for name, columns in rules.items()} == {
        "public.users": ["id", "boss"],
        "public.staff": ["user_id"],
        "public.notes": ["author", "log"],
    }


async def test_a_condition_does_not_part_parent_and_child(kernel_run, database, psql):
    """The same words need not hold for the other row."""
    psql(database, SHOP)
    async with kernel_run() as run:
        async with run.connect(database) as connection:
            tables = await read_tables(connection, [("public", "users"), ("public", "staff")])
        with pytest.raises(ConfigError, match="cannot go with it"):
            inherit(tables, {"public.users": {"id": sql("1", when="id > 5")}})
        with pytest.raises(ConfigError, match="would part the two sides"):
            await masked(run, database, {"user_id": sql("1", when="user_id > 5")}, table="staff")


async def test_a_mask_of_a_foreign_key_depends_on_its_value_alone(kernel_run, database, psql):
    """On both sides: another row stands on the other one, and another id."""
    psql(
        database,
        """CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE);
           CREATE TABLE logins (id int PRIMARY KEY, email text REFERENCES users (email));
           INSERT INTO users VALUES (1, 'a@x.org'); INSERT INTO logins VALUES (7, 'a@x.org')""",
    )

    class Rowwise:
        def compile(self, rule, scope):
            return Mask(expression=f"encode({scope.bytes(8, per='row')}, 'hex')", uniqueness="probable", bits=64)

    async with kernel_run() as run:
        for table in ("users", "logins"):
            for rule in (sql("'u' || {id}"), Rule(kind="toy", per="row"), Rule(kind="toy", per="id")):
                with pytest.raises(ConfigError, match="would part the two sides"):
                    await masked(run, database, {"email": rule}, table=table)
        found = []
        for table in ("users", "logins"):
            async with run.connect(database) as connection:
                described = await read_table(connection, "public", table)
            done = compile_masks(lambda _: Rowwise(), described, {"email": Rule(kind="rowwise")}, KEY)
            found.append((await rows(run, database, done))[0][1])
    assert found == [KEY.prf("public.users.email", "", "a@x.org")[:8].hex()] * 2


async def test_a_circle_of_foreign_keys_has_one_domain(kernel_run, database, psql):
    """Each side would otherwise have another."""
    psql(
        database,
        """CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY REFERENCES a);
           ALTER TABLE a ADD FOREIGN KEY (id) REFERENCES b""",
    )
    async with kernel_run() as run, run.connect(database) as connection:
        tables = await read_tables(connection, [("public", "a"), ("public", "b")])
    assert {table.columns[0].domain for table in tables} == {"public.a.id"}


# -- what is refused ------------------------------------------------------------------------------------------------


async def test_null_into_not_null(people):
    """The target would refuse the first row."""
    with pytest.raises(ConfigError, match="NOT NULL, and the mask gives NULL"):
        await masked(people.run, people.target, {"name": sql("NULL", nullable=True)})


async def test_unique_columns(people, psql):
    """A lossy mask never, a probable one by the number of rows, one that is told to be allowed always."""
    cases = [
        (sql("'x'"), False),
        (sql("'x'", unique="allow_loss"), True),
        (sql("{value}", uniqueness="preserved"), True),
    ]
    cases += [(sql("'x'", uniqueness="probable", bits=bits), fine) for bits, fine in ((80.0, True), (32.0, False))]
    psql(people.target, "INSERT INTO people SELECT n, n, n FROM generate_series(10, 3000) AS n; ANALYZE people")
    for rule, fine in cases:
        if fine:
            await masked(people.run, people.target, {"email": rule})
        else:
            with pytest.raises(ConfigError, match="is unique, and the mask gives"):
                await masked(people.run, people.target, {"email": rule})
    with pytest.raises(ConfigError, match="is unique"):
        await masked(people.run, people.target, {"born": sql("'2000-01-01'", unique="require")})


async def test_bytes_of_another_column_do_not_keep_values_apart(people):
    """Two rows with one name would get one mask, unless names are unique."""
    rule = read_rule({"sql": {"sql": "'x'", "uniqueness": "probable", "bits": 80.0}, "per": "name"})
    with pytest.raises(ConfigError, match="is unique"):
        await masked(people.run, people.target, {"email": rule})
    await masked(people.run, people.target, {"email": msgspec.structs.replace(rule, per="id")})


async def test_unique_indexes_over_expressions_are_told(kernel_run, database, psql):
    """Nothing is proved about them; columns that an index only includes are not unique."""
    psql(
        database,
        """CREATE TABLE people (a text, b text, c text); CREATE UNIQUE INDEX ON people (lower(a));
           CREATE UNIQUE INDEX ON people (b) INCLUDE (c)""",
    )
    async with kernel_run() as run:
        table = (await masked(run, database, {})).table
    assert table.unique == (("b",),)
    assert ["lower(a)" in text for text in table.expressions] == [True]


def test_the_birthday_bound():
    """The sizes at which two of a column's values are alike with a probability of a half."""
    for rows_, bits in ((118, 13.2877), (77163, 32.0)):
        assert abs(collision_probability(rows_, bits) - 0.5) < 0.01
    assert collision_probability(10**6, 80) < 1e-6 < collision_probability(10**6, 40)
    assert collision_probability(0, 1) == collision_probability(1, 1) == 0


async def test_names_and_sql_that_do_not_fit(people):
    """With the nearest name, the kinds that there are, and the place in the SQL."""
    with pytest.raises(ConfigError, match="has no column 'emial'") as caught:
        await masked(people.run, people.target, {"emial": Rule(kind="toy", file="f.yaml", line=3)})
    assert "did you mean 'email'" in caught.value.hint
    assert caught.value.where == "f.yaml:3"
    with pytest.raises(ConfigError, match="there is no kind 'tpy'"):
        await masked(people.run, people.target, {"email": Rule(kind="tpy")})
    with pytest.raises(ConfigError, match="generated column"):
        await masked(people.run, people.target, {"full_name": Rule(kind="toy")})
    for text, words in {
        "id > ": "is not SQL",
        "id, 1": "more than one",
        "1); DROP TABLE people; SELECT (1": "more than one",
        "true FROM people": "is not SQL",
        "1) FROM (SELECT 2": "more than one",
    }.items():
        with pytest.raises(ConfigError, match=words):
            await masked(people.run, people.target, {"email": sql("'x'", when=text)})
    async with people.run.connect(people.target) as connection:
        with pytest.raises(Refused, match="there is no table"):
            await read_table(connection, "public", "nobody")


# -- what is written ------------------------------------------------------------------------------------------------


def test_values_become_rules():
    """Text, null, plain values, mappings in full and in short."""
    assert read_rule("user_{id}").kind == "template"
    assert read_rule(None).kind == "null"
    assert (read_rule(0).kind, read_rule(0).options) == ("constant", {"value": 0})
    full = read_rule({"kind": "hash", "length": 8, "domain": "email"})
    assert full == read_rule({"hash": {"length": 8, "domain": "email"}})
    assert full == read_rule({"hash": {"length": 8}, "domain": "email"})
    assert (full.kind, full.options, full.domain) == ("hash", {"length": 8}, "email")
    assert read_rule({"sql": "lower(x)"}).options == {"value": "lower(x)"}
    assert read_rule({"default": None}).kind == "default"
    kept = read_rule({"keep": "public anyway"})
    assert (kept.kind, kept.reason, kept.options) == ("keep", "public anyway", {})
    for wrong in ([1], {}, {"a": 1, "b": 2}, {"kind": "x", "on_null": "sometimes"}, {"kind": 3}):
        with pytest.raises(ConfigError, match="'p"):
            read_rule(wrong, path="p")


def test_a_file_of_rules_has_lines(tmp_path):
    """An error names the line; a column that is written twice is one."""
    file = tmp_path / "sync.yaml"
    file.write_text('other: 1\nanonymize:\n  users:\n    # mail\n    email: "user_{id}"\n    phone: null\n')
    rules = read_rules(file, "sync.yaml")
    assert (rules["users"]["email"].line, rules["users"]["phone"].line) == (5, 6)
    assert rules["users"]["phone"].path == "anonymize.users.phone"
    file.write_text("anonymize:\n  users:\n    email: null\n    email: x\n")
    with pytest.raises(ConfigError, match="twice, first on line 3"):
        read_rules(file, "sync.yaml")
    toml = tmp_path / "sync.toml"
    toml.write_text('[anonymize.users]\nemail = "user_{id}"\n')
    assert read_rules(toml, "sync.toml")["users"]["email"].options == {"value": "user_{id}"}
    for text in ("anonymize: 3", "anonymize: {users: 3}"):
        file.write_text(text)
        with pytest.raises(ConfigError, match="must have"):
            read_rules(file, "sync.yaml")


def test_names_are_read_as_postgresql_reads_them():
    """Folded where they are not quoted."""
    assert split_name("Public.Users.eMail") == ("public", "users", "email")
    assert split_name('"My.Table"."a""b"') == ("My.Table", 'a"b')
    for wrong in ("", "a..b", '"a', '"a"b', "a."):
        with pytest.raises(ConfigError):
            split_name(wrong)


# -- keys -----------------------------------------------------------------------------------------------------------


def test_where_keys_come_from(tmp_path, monkeypatch):
    """All places give the same key, and a newline at the end is none of it."""
    file = tmp_path / "key"
    file.write_bytes(SECRET + b"\n")
    environ = {"CONFITURE_ANONYMIZATION_KEY": SECRET.decode()}
    keys = [load_key(file=file), load_key(command=f"cat {file}"), load_key(environ=environ)]
    ring = {("s", "n"): SECRET.decode()}
    keyring = SimpleNamespace(get_password=lambda service, name: ring.get((service, name)))
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    keys.append(load_key(keyring="s/n"))
    assert {key.fingerprint for key in keys} == {KEY.fingerprint}
    assert MaskingKey(SECRET + b"!").fingerprint != KEY.fingerprint


def test_keys_that_are_refused(tmp_path, monkeypatch):
    """Short ones can be guessed; no message has any of them."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    for options in (
        {"environ": {}},
        {"environ": {"CONFITURE_ANONYMIZATION_KEY": "hunter2"}},
        {"file": tmp_path / "none"},
        {"command": "echo hunter2; echo hunter2 >&2; exit 3"},
        {"keyring": "s/n"},
        {"keyring": "s"},
        {"command": "true", "keyring": "a/b"},
    ):
        with pytest.raises(ConfigError) as caught:
            load_key(**options)
        assert "hunter2" not in f"{caught.value} {caught.value.hint} {caught.value.detail}"


async def test_a_part_of_a_table_is_read_by_its_own_name(kernel_run, database, psql):
    """A partition, whose columns may stand in another order; rules speak of the table all the same."""
    psql(
        database,
        """CREATE TABLE "P p" (id int, name text) PARTITION BY LIST (id); CREATE TABLE "one ""1"" " (name text, id int);
           ALTER TABLE "P p" ATTACH PARTITION "one ""1"" " FOR VALUES IN (1, 2);
           CREATE TABLE two PARTITION OF "P p" DEFAULT;
           INSERT INTO "P p" VALUES (1, 'a'), (2, 'b'), (3, 'c')""",
    )
    async with kernel_run() as run:
        table = await masked(run, database, {"name": sql("""upper("P p".name) || {id}""")}, table="P p")
        part = table.of('ONLY "one ""1"" "', "ctid >= '(0,2)'", "name = 'b' -- or another")
        async with reading(run, database, settings=KEY.settings) as connection:
            assert [tuple(row) for row in await connection.fetch(part)] == [(2, "B2")]
            assert len(await connection.fetch(table.of('"P p"'))) == 3
    assert not table.whole
