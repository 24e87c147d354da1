"""What a sample of rows tells where names tell nothing, and what it does not take for personal."""

from __future__ import annotations

import pytest

from confiture_sync.detect.sampling import SAMPLE_ROWS

pytestmark = pytest.mark.anyio

#: Values of which each is of its class; columns are called after nothing.
PERSONAL = {
    "email": ["ann.lee@mail.example.org", "B.O'Neil+x@sub.example.co.uk", "<c@example.com>", "mailto:d@example.net"],
    "phone": ["+49 170 1234567", "(555) 234-5678", "555-234-5678", "01 23 45 67 89", "0171/2345678",
              "0044 20 7946 0958"],
    "card": ["4111 1111 1111 1111", "5500000000000004", "3400-0000-0000-009", "6011000000000004"],
    "bank": ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "FR1420041010050500013M02606"],
    "national-id": ["123-45-6789", "AB 12 34 56 C", "RSSMRA85T10A562S", "255081416802538", "12345678Z",
                    "123.456.789-09"],
    "ip": ["203.0.113.7", "10.0.0.1", "2001:db8::1", "2001:db8:0:0:0:0:0:1"],
    "mac": ["00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7"],
    "address": ["12 Main Street", "221b Baker St, London", "Hauptstrasse 5", "Goethestraße 12a", "5 rue de la Paix",
                "Calle Mayor 12", "Via Roma, 7", "PO Box 77"],
    "geo": ["48.85837, 2.29448", "(-33.85678,151.21529)"],
    "secret": [
        "$2b$12$KIXQJ9bV1hY5u0m0Tq5Q5u8v8u4ZpQx1e3c5R7t9YbNdFgHjKlMnO",
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaA",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "https://example.com/reset?token=abcdef1234567890",
        "postgresql://ann:secret@db.example.com/app",
        "pbkdf2_sha256$260000$salt$hash",
    ],
}  # fmt: skip
#: The same within texts.
WITHIN = {
    "email": "please write to ann.lee@example.org, or call",
    "phone": "call me: +49 170 1234567, in the evening",
    "card": "paid with 4111 1111 1111 1111 yesterday",
    "bank": "to DE89 3704 0044 0532 0130 00 please",
    "national-id": "his number is 123-45-6789.",
    "secret": "log in at https://example.com/x?access_token=abcdef1234567890 now",
}
#: Numbers, codes and texts that are nobody's.
HARMLESS = {
    "orders": [f"ORD-2024-{n:06d}" for n in range(50)],
    "versions": [f"{n % 30}.{n % 7}.{n}.{n % 400 + 256}" for n in range(50)],
    "semver": [f"1.{n}.0" for n in range(50)],
    "dates": [f"2024-{n % 12 + 1:02d}-{n % 28 + 1:02d}" for n in range(50)],
    "german_dates": [f"{n % 28 + 1:02d}.{n % 12 + 1:02d}.2024" for n in range(50)],
    "times": [f"{n % 24:02d}:{n:02d}:00" for n in range(50)],
    "stamps": [f"2024-01-{n % 28 + 1:02d} 12:{n:02d}:00+00" for n in range(50)],
    "eans": [f"{4006381333900 + n}" for n in range(50)],
    "isbns": [f"978-3-16-{148410 + n}-0" for n in range(50)],
    "long_numbers": [str(4000000000000000 + n) for n in range(100)],
    "digits": [str(100000000 + n * 7) for n in range(50)],
    "hex": [f"{n * 2654435761 % 2**32:08x}{n:08x}" for n in range(50)],
    "uuids": [f"00000000-0000-4000-8000-{n:012d}" for n in range(50)],
    "prices": [f"{n * 13 % 97},{n:02d} EUR" for n in range(50)],
    "skus": [f"AB{n:02d}-{n * 3:04d}" for n in range(50)],
    "codes": [f"{10000000 + n}A" for n in range(50)],
    "urls": [f"https://example.com/articles/{n}?page={n}&lang=en" for n in range(50)],
    "prose": [f"Chapter {n}: the road went on, and nobody was @home. 5 of 6 stars." for n in range(50)],
    "handles": [f"@topic{n}" for n in range(50)],
    "colours": ["red", "green", "blue"] * 10,
    "sizes": [f"{n} x {n + 1} x {n + 2} mm" for n in range(50)],
    "cron": ["*/5 * * * *", "0 12 * * 1"] * 10,
    "paths": [f"/var/lib/app/{n}/way 5" for n in range(50)],
}


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@pytest.fixture
async def columns(source):
    """``await columns({name: values}, type="text")``: what looks personal of a table with them, by column."""

    async def look(values: dict[str, list[str]], type_: str = "text", make: str = "v::{}"):
        source.sql("DROP TABLE IF EXISTS things; CREATE TABLE things ("
                   + ", ".join(f'c{place} {type_}' for place in range(len(values))) + ")")  # fmt: skip
        for place, given in enumerate(values.values()):
            rows = ", ".join(f"({literal(value)})" for value in given)
            source.sql(f"INSERT INTO things (c{place}) SELECT {make.format(type_)} FROM (VALUES {rows}) AS t(v)")
        found = await source.personal("things")
        return {name: found.get(f"things.c{place}") for place, name in enumerate(values)}

    return look


async def test_each_class_by_its_content(columns):
    found = await columns(PERSONAL)
    assert {name: (each.what, each.because, each.within) for name, each in found.items() if each} == {
        name: (name, ("content",), False) for name in PERSONAL
    }


async def test_each_form_of_a_class(columns):
    """Each value alone: a column of nothing but one kind of telephone numbers is one."""
    alone = {f"{what} {value}": [value] for what, values in PERSONAL.items() for value in values}
    found = await columns(alone)
    assert {name: each.what if each else None for name, each in found.items()} == {
        name: name.partition(" ")[0] for name in alone
    }


async def test_within_texts(columns):
    """One in twenty of them is enough: for a name that is not in the text there is a sentence that is."""
    prose = ["nothing to see here, in row 12 of 19"] * 19
    found = await columns({what: [text, *prose] for what, text in WITHIN.items()})
    assert {name: (each.what, each.within) for name, each in found.items() if each} == {
        what: (what, True) for what in WITHIN
    }


async def test_what_is_not_personal(columns):
    found = await columns(HARMLESS)
    assert {name: each for name, each in found.items() if each} == {}


async def test_wrong_check_digits(columns):
    """What has the form of a card, an account or a number of a person, and not its check digit, is another number."""
    found = await columns(
        {
            "card": [f"4111 1111 1111 11{n}" for n in (12, 13, 14, 15, 16, 17, 18, 19, 10)],
            "bank": ["DE88 3704 0044 0532 0130 00", "GB81WEST12345698765432"],
            "nir": ["255081416802539", "255081416802540"],
            "dni": ["12345678A", "12345678B"],
            "ssn": ["000-45-6789", "666-45-6789", "123-00-6789"],
        }
    )
    assert {name: each for name, each in found.items() if each} == {}


async def test_inside_json_arrays_and_composites(source):
    """By the names of keys and by the texts, however deep; by the elements; by the fields of a row."""
    source.sql(r"""
        CREATE TYPE seen AS (place int, note text);
        CREATE TYPE who AS (first_name text, n int);
        CREATE DOMAIN mail_address AS text;
        CREATE TABLE things (
            a jsonb, b json, c text[], d seen, e jsonb[], f who[], g jsonb, h jsonb, i int[], j json, l mail_address
        );
        INSERT INTO things SELECT
            '{"x": {"list": [{"lastName": "Lee", "n": 1}]}}', '["no", {"deep": ["ann@example.org"]}]',
            ARRAY['red', '203.0.113.7'], ROW(1, 'write to ann@example.org')::seen,
            ARRAY['{"y": "ann@example.org"}'::jsonb],
            ARRAY[ROW('Ann', 1)::who], '{"name": "Lamp", "price": 12.5, "tokens": 12, "email_verified": true}',
            '{"homePhone": 4912345678, "size": 1}', ARRAY[1, 2],
            '{"bad": "\u0000 ann@example.org", "also": "\ud800", "big": 1e99999}', 'x'
          FROM generate_series(1, 10);
    """)
    found = await source.personal("things")
    assert {name.removeprefix("things."): (each.what, each.because) for name, each in found.items()} == {
        "a": ("name", ("content",)),
        "b": ("email", ("content",)),
        "c": ("ip", ("content",)),
        "d": ("email", ("content",)),
        "e": ("email", ("content",)),
        "f": ("name", ("content",)),
        "h": ("phone", ("content",)),
        "j": ("email", ("content",)),
        "l": ("email", ("type",)),
    }


async def test_by_type(source):
    """Addresses of machines by their type, whatever they are called; a name counts only where the type can be."""
    source.sql("""
        CREATE DOMAIN phone_number AS varchar(20);
        CREATE TABLE things (
            a inet, b macaddr, address inet, c phone_number, d phone_number[], email boolean, phone timestamptz,
            net cidr, birth_date date, token uuid, tokens_used int, secret int, password bytea, ssn bigint
        );
    """)
    found = await source.personal("things")
    assert {name.removeprefix("things."): (each.what, each.because) for name, each in found.items()} == {
        "a": ("ip", ("type",)),
        "b": ("mac", ("type",)),
        "address": ("ip", ("type",)),
        "c": ("phone", ("type",)),
        "d": ("phone", ("type",)),
        "birth_date": ("birth", ("name",)),
        "token": ("secret", ("name",)),
        "password": ("secret", ("name",)),
        "ssn": ("national-id", ("name",)),
    }


async def test_by_what_the_table_is_about(source):
    """A name is a person's in one table and a product's in the next; a place is somebody's only beside somebody."""
    source.sql("""
        CREATE TABLE members (id int PRIMARY KEY, name text, city text, gender text, salary numeric, lat float8);
        CREATE TABLE products (id int, name text, city text, weight numeric, lat float8);
        CREATE TABLE companies (id int, name text, phone text);
        CREATE TABLE signups (id int, name text, email text);
        CREATE TABLE checkins (id int, user_id int, lat float8, lon float8, name text);
        CREATE TABLE member_groups (id int, name text);
        CREATE TABLE films (title text, words tsvector);
        CREATE TABLE letters (first_name text, words tsvector);
    """)
    found = await source.personal()
    assert {name: each.what for name, each in found.items()} == {
        "members.name": "name",
        "members.gender": "gender",
        "members.salary": "pay",
        "members.lat": "geo",
        "companies.phone": "phone",
        "signups.name": "name",
        "signups.email": "email",
        "checkins.lat": "geo",
        "checkins.lon": "geo",
        "letters.first_name": "name",
        "letters.words": "text-search",
    }


async def test_a_text_index_of_addresses(source):
    """By its words, where the table is of nobody."""
    source.sql(
        "CREATE TABLE films (w tsvector); INSERT INTO films VALUES (to_tsvector('simple', 'to ann@example.org'))"
    )
    assert {name: each.what for name, each in (await source.personal()).items()} == {"films.w": "email"}


async def test_large_tables_are_sampled(source, no_session_left):
    """Some rows from all over, not the table's first thousand, and by few pages."""
    source.sql("""
        CREATE TABLE log (id int, a text, b text);
        INSERT INTO log SELECT n, CASE WHEN n > 30000 THEN 'u' || n || '@example.org' ELSE 'nobody' END, 'x'
          FROM generate_series(1, 60000) AS n;
        ANALYZE log;
    """)
    assert {name: each.what for name, each in (await source.personal()).items()} == {"log.a": "email"}
    read = "SELECT coalesce(heap_blks_read + heap_blks_hit, 0) FROM pg_statio_user_tables WHERE relname = 'log'"
    no_session_left(source.target)  # what a session has read is told by the server when it ends
    before = int(source.sql(read))
    await source.personal()
    no_session_left(source.target)
    pages = int(source.sql("SELECT relpages FROM pg_class WHERE relname = 'log'"))
    assert 0 < int(source.sql(read)) - before < pages / 4
    assert SAMPLE_ROWS == 1000


async def test_rows_at_the_end_of_an_empty_table(source):
    """A sample of pages has none of them: the first rows, wherever they are, are looked at as well."""
    source.sql("""
        CREATE TABLE queue (a text) WITH (autovacuum_enabled = off);
        INSERT INTO queue SELECT 'nothing to see here' FROM generate_series(1, 60000);
        INSERT INTO queue VALUES ('ann@example.org');
        ANALYZE queue;
        DELETE FROM queue WHERE a LIKE 'nothing%';
    """)
    assert {name: each.what for name, each in (await source.personal()).items()} == {"queue.a": "email"}


async def test_partitions_inheritance_and_odd_names(source):
    """The root's rows are its partitions'; a parent's are its own; names are quoted; collations do not meet."""
    source.sql("""
        CREATE TABLE "Par.t" (id int, "x""Y" text) PARTITION BY RANGE (id);
        CREATE TABLE part_1 PARTITION OF "Par.t" FOR VALUES FROM (0) TO (10);
        INSERT INTO "Par.t" VALUES (1, 'ann@example.org');
        CREATE TABLE parent (v text); CREATE TABLE child () INHERITS (parent);
        INSERT INTO child VALUES ('ann@example.org');
        CREATE TABLE collated (v text COLLATE "POSIX", w varchar(30) COLLATE "default");
        INSERT INTO collated VALUES ('ann@example.org', 'x');
        CREATE TABLE nothing ();
    """)
    found = await source.personal()
    assert {name: each.what for name, each in found.items()} == {
        'Par.t.x"Y': "email",
        "child.v": "email",
        "collated.v": "email",
    }
