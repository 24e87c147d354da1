"""``sync-init``: the first file of rules, which works at once, and the list of columns."""

from __future__ import annotations

import tomllib

import pytest
import yaml

from confiture.errors import ConfigError, Refused, UsageError
from confiture.hooks import ANONYMIZER
from confiture.masking import MaskingKey, compile_masks
from confiture.masking.reading import read_table
from conftest import run_psql

pytestmark = pytest.mark.anyio

#: Each class, on columns that are narrow, unique, NOT NULL, arrays, documents: a rule must fit all of that.
SCHEMA = """
    CREATE TYPE place AS (street text, zip text);
    CREATE TYPE mood AS ENUM ('a', 'b');
    CREATE DOMAIN short_name AS varchar(8);
    CREATE TABLE users (
        id int PRIMARY KEY, email varchar(24) NOT NULL UNIQUE, phone varchar(12), mobile bigint NOT NULL,
        fax text UNIQUE,
        first_name short_name NOT NULL, "lastName" text, username varchar(6) UNIQUE, address place NOT NULL,
        birth_date date NOT NULL, dob text, birth_year int, ssn char(11), national_id varchar(9) UNIQUE NOT NULL,
        credit_card text, cvv smallint, iban varchar(34), password_hash text NOT NULL, api_key uuid UNIQUE,
        secret bytea,
        last_ip inet NOT NULL, ip_address text, mac macaddr, gender mood NOT NULL, sex char(1), religion text NOT NULL,
        salary numeric(10,2), income money, age int, city varchar(5), zip varchar(3) NOT NULL, latitude float8 NOT NULL,
        location_gps point, photo bytea, avatar_url text, emails text[] NOT NULL, addresses jsonb NOT NULL,
        details json, words tsvector NOT NULL, contact_email text[], token text DEFAULT 'x' NOT NULL
    );
    CREATE TABLE posts (id int PRIMARY KEY, author varchar(20) REFERENCES users (email), "on" text, note text);
    CREATE SCHEMA "Odd";
    CREATE TABLE "Odd"."My.Table" ("E Mail" text, "null" text, plain text);
    INSERT INTO users SELECT n, 'u' || n || '@x.org', '555-234-5678', 100 + n, 'f' || n, 'Ann', 'Lee', 'u' || n,
        ROW('a', 'b')::place, '1990-01-01', '1990-01-01', 1990, '123-45-6789', 'n' || n, '4111111111111111', 123, 'x',
        'x', gen_random_uuid(), '\\x00', '10.0.0.1', '10.0.0.1', '00:1b:44:11:3a:b7', 'a', 'f', 'x', 1000, 1000, 33,
        'Ulm',
        '123', 1.5, '(1,2)', '\\x00', 'x', ARRAY['a@x.org'], '{"email": "a@x.org"}', '{"a": ["b@x.org"]}', 'words',
        ARRAY['a@x.org'], 'y' FROM generate_series(1, 3) AS n;
    INSERT INTO posts VALUES (1, 'u1@x.org', 'mail ann@x.org', 'nothing');
    INSERT INTO "Odd"."My.Table" VALUES ('x', 'ann@x.org', 'nothing');
    ANALYZE;
"""


@pytest.fixture(scope="module")
def _filled(new_database):
    target = new_database()
    run_psql(target, SCHEMA)
    return target


@pytest.fixture
def filled(source_of, _filled):
    """Only read."""
    return source_of(_filled)


async def test_the_first_files(filled):
    """One rule a finding, sorted, with what and why; the guard and the masks take them as they are."""
    report = await filled.init()
    assert report.written == ("db/sync_config.yaml", "db/sync_coverage.toml")
    assert {each.state for each in report.findings} == {"masked"}
    assert report.unfitting == ()
    text = (filled.project.root / "db/sync_config.yaml").read_text()
    rules = yaml.safe_load(text)["anonymize"]
    assert list(rules) == sorted(rules)
    assert all(list(columns) == sorted(columns) for columns in rules.values())
    columns = {(table, column) for table, columns in rules.items() for column in columns}
    # Words that YAML takes for truth or for nothing are quoted, and so are names that SQL would fold.
    assert {("posts", "on"), ('"Odd"."My.Table"', '"E Mail"'), ('"Odd"."My.Table"', "null")} < columns
    # The child takes the parent's rule over, and what is of nobody has none.
    assert ("posts", "author") not in columns
    assert len(columns) == len(report.rules) == sum(line.startswith("    # ") for line in text.splitlines())
    assert "    # email: by its name and content\n    email: " in text
    # What has a rule is not looked into again: its name and type say enough.
    told = {each.column for each in report.findings if each.because != ("content",)}
    assert {each.column for each in await filled.check()} == told | {"public.posts.author"}
    assert len(report.findings) == 43


async def test_what_is_written_gives_values_that_fit(filled):
    """The masked rows go into tables of the same form: the server says so."""
    await filled.init()
    key = MaskingKey(b"0123456789abcdef0123456789abcdef")
    ruled = await filled.ruled()
    async with filled.run() as ctx, ctx.connect(filled.target) as connection, ctx.transaction(connection):
        for name, value in key.settings.items():
            await connection.execute("SELECT set_config($1, $2, true)", name, value)
        users = await read_table(connection, "public", "users")
        rules = {name.rpartition(".")[2]: rule for name, rule in ruled.items() if name.startswith("public.users.")}
        masked = compile_masks(lambda kind: ctx.get(ANONYMIZER, kind), users, rules, key)
        names = ", ".join(f'"{name}"' for name in masked.columns)
        await connection.execute("CREATE TEMP TABLE masked (LIKE public.users INCLUDING ALL)")
        await connection.execute(f"INSERT INTO masked ({names}) {masked.query}")
        left = await connection.fetch("SELECT * FROM masked m JOIN public.users u USING (id) WHERE m.email = u.email")
        same = await connection.fetch(
            "SELECT k FROM masked m JOIN public.users u USING (id), jsonb_each_text(to_jsonb(m)) a(k, v) "
            "JOIN jsonb_each_text(to_jsonb(u)) b(k, v) USING (k, v) GROUP BY k HAVING count(*) = 3"
        )
    assert left == []
    # A city is nobody, and of two moods one is often the same.
    assert {row["k"] for row in same} <= {"id", "gender", "city"}


async def test_a_file_that_is_there_is_not_touched(filled):
    """What it does not cover is said; nothing is written."""
    filled.rules('anonymize: {users: {email: "u{hash(8)}"}}\n')
    report = await filled.init(tables=("users", "posts"))
    assert (report.written, report.rules, report.changed) == ((), {}, ())
    states = {each.column: each.state for each in report.findings}
    assert states["public.users.email"] == states["public.posts.author"] == "masked"
    assert states["public.users.phone"] == "open"
    assert "public.users.phone" in {each.column for each in report.open}
    assert (filled.project.root / "db/sync_config.yaml").read_text() == 'anonymize: {users: {email: "u{hash(8)}"}}\n'
    assert not (filled.project.root / "db/sync_coverage.toml").exists()


async def test_force_writes_it_anew(filled):
    """Whatever it says, and though it says nothing that can be read."""
    filled.rules("anonymize: {users: {emial: x}}\n")
    with pytest.raises(ConfigError, match="no column 'emial'"):
        await filled.init()
    report = await filled.init(force=True, tables=("users",))
    assert report.open == ()
    assert list(yaml.safe_load((filled.project.root / "db/sync_config.yaml").read_text())["anonymize"]) == ["users"]
    listed = tomllib.loads((filled.project.root / "db/sync_coverage.toml").read_text())
    assert list(listed) == ["public.users"]
    assert listed["public.users"]["first_name"] == "public.short_name"
    await filled.init(accept=True, tables=("posts",))
    listed = tomllib.loads((filled.project.root / "db/sync_coverage.toml").read_text())
    assert list(listed) == ["public.posts", "public.users"]
    assert listed["public.posts"] == {"author": "character varying(20)", "id": "integer", "note": "text", "on": "text"}


async def test_nothing_personal(source, monkeypatch):
    """A file without rules is one, and the list is written."""
    monkeypatch.chdir(source.project.root)
    source.sql("CREATE TABLE t (id int, amount numeric)")
    report = await source.init(config="rules/mine.yaml")
    assert report.written == ("rules/mine.yaml", "db/sync_coverage.toml")
    assert await source.check(config="rules/mine.yaml") == ()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"config": "db/x.toml"}, "written as YAML"),
        ({"accept": True, "force": True}, "--accept writes no rules"),
        ({"accept": True, "config": "db/none.yaml"}, "there is no file"),
        ({"tables": ("nobody",)}, "no table 'nobody'"),
        ({"tables": ("users",), "exclude": ("users",)}, "there is no table to look at"),
        ({"source": ""}, "--from has an empty value"),
    ],
)
async def test_what_cannot_be_asked(filled, asked, message):
    with pytest.raises(UsageError, match=message):
        await filled.init(**asked)


async def test_a_list_that_cannot_be_written(filled):
    """Where a folder is in the way; and no half file stays."""
    (filled.project.root / "db/sync_coverage.toml").mkdir()
    with pytest.raises((UsageError, ConfigError), match=r"sync_coverage\.toml|list of columns"):
        await filled.init(accept=True)
    assert list((filled.project.root / "db").glob(".*")) == []


async def test_the_commands_of_the_mission(source):
    """Letter for letter, without and with its file: the guard lets both through, and lets nothing else."""
    source.sql("""
        CREATE TABLE users (id int PRIMARY KEY, email text, phone text, ssn text);
        CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users, title text, body text);
        CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts, body text);
        CREATE TABLE payments (id int PRIMARY KEY, credit_card text);
        INSERT INTO users VALUES (1, 'ann@example.org', '555-234-5678', '123-45-6789');
    """)
    asked = {"anonymize": ("users.email", "users.phone"), "tables": ("users", "posts", "comments")}
    with pytest.raises(Refused, match=r"decide about: public\.users\.ssn$"):
        await source.check(**asked)
    source.rules("""
# db/sync_config.yaml
anonymize:
  users:
    email: "user_{id}@example.com"
    phone: "+1-555-{random(4)}"
    ssn: "XXX-XX-{random(4)}"
  payments:
    credit_card: "**** **** **** {last4}"
""")
    assert {each.state for each in await source.check(**asked)} == {"masked"}
    assert len(await source.check()) == 4
