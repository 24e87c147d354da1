"""Rows that the new schema would not take, found on the source before a byte moves."""

from __future__ import annotations

import pytest

from confiture_schema_to_schema.checking import offenders

pytestmark = pytest.mark.anyio

OLD = """
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE users (
    id int PRIMARY KEY, "E Mail" text, name text, age bigint, price numeric, state text, mood mood, boss int);
INSERT INTO users SELECT i, 'u' || i, 'n', i, i, 'new', 'sad', NULL FROM generate_series(1, 20) i;
"""


@pytest.fixture
def queries(monkeypatch) -> list[str]:
    """What the source is asked about rows."""
    asked: list[str] = []
    run = offenders._Asker._run

    async def recording(self, source, query):
        asked.append(query)
        return await run(self, source, query)

    monkeypatch.setattr(offenders._Asker, "_run", recording)
    return asked


async def test_not_null_length_label_and_check_are_found_in_one_scan(source, target, psql, check, queries):
    psql(source, OLD)
    psql(
        target,
        """
        CREATE TYPE mood AS ENUM ('happy', 'glad');
        CREATE DOMAIN short AS text CHECK (char_length(VALUE) < 3);
        CREATE TABLE users (id int PRIMARY KEY, "E Mail" varchar(3) NOT NULL, name short, age int CHECK (age > 2),
            price numeric(3, 1), state text, mood mood, boss int, CONSTRAINT each CHECK (state <> 'old' OR age < 5));
        """,
    )
    psql(
        source,
        """
        UPDATE users SET "E Mail" = NULL WHERE id IN (4, 5);
        UPDATE users SET "E Mail" = 'long!' WHERE id = 6;
        UPDATE users SET "E Mail" = 'x      ' WHERE id = 7;
        UPDATE users SET name = 'too long' WHERE id = 8;
        UPDATE users SET price = 99.96 WHERE id = 9;
        UPDATE users SET price = 'NaN' WHERE id = 10;
        UPDATE users SET mood = 'happy' WHERE id > 1;
        UPDATE users SET state = 'old' WHERE id = 11;
        """,
    )
    found = await check()
    assert found.of("not-null") == [("error", 2, ('["4"]', '["5"]'))]
    assert sorted(found.of("length")) == [("error", 1, ('["6"]',)), ("error", 1, ('["9"]',))]
    assert found.of("label") == [("error", 1, ('["1"]',))]
    assert sorted(found.of("check")) == [
        ("error", 1, ('["11"]',)),
        ("error", 1, ('["8"]',)),
        ("error", 2, ('["1"]', '["2"]')),
    ]
    messages = found.messages("error")
    assert "2 rows of 'public.users' have no 'E Mail', which is NOT NULL" in messages
    assert "1 row of 'public.users' violate the constraint 'each'" in messages
    assert not any("long!" in message or "old" in message for message in messages), "a value was told"
    counting = [query for query in queries if "FILTER" in query]
    assert len(counting) == 1
    assert psql(target, "SELECT count(*) FROM users") == "0"


async def test_a_number_that_the_new_column_cannot_hold_is_found_by_key(source, target, psql, check):
    psql(source, OLD)
    psql(target, "CREATE TABLE users (id int PRIMARY KEY, years smallint NOT NULL)")
    psql(source, "UPDATE users SET age = 40000 WHERE id = 3; UPDATE users SET age = -32768 WHERE id = 4")
    drop = """['"E Mail"', name, price, state, mood, boss]"""
    found = await check("tables: {users: {columns: {age: years}, drop: " + drop + "}}")
    assert found.of("length") == [("error", 1, ('["3"]',))]
    assert found.of("not-null") == [], "what fails is not asked anything else"


async def test_duplicates_of_a_new_unique_index_are_found(source, target, psql, check):
    psql(source, OLD)
    psql(
        target,
        """
        CREATE TABLE users (id int PRIMARY KEY, "E Mail" text, name text, age bigint, price numeric, state text,
            mood text, boss int);
        CREATE UNIQUE INDEX ci ON users (lower("E Mail"));
        CREATE UNIQUE INDEX part ON users (price) WHERE state = 'dup';
        CREATE UNIQUE INDEX one_null ON users (age) NULLS NOT DISTINCT;
        """,
    )
    psql(
        source,
        """
        UPDATE users SET "E Mail" = CASE id WHEN 1 THEN 'A' WHEN 2 THEN 'a' END WHERE id IN (1, 2, 3, 4);
        UPDATE users SET price = 7; UPDATE users SET state = 'dup' WHERE id IN (5, 6, 7);
        UPDATE users SET age = NULL WHERE id IN (8, 9);
        """,
    )
    found = await check()
    assert found.of("unique") == [
        ("error", 2, ('["1"]', '["2"]')),
        ("error", 2, ('["8"]', '["9"]')),
        ("error", 3, ('["5"]', '["7"]')),
    ]
    assert "2 rows of 'public.users' share 1 value of lower(\"E Mail\") ('ci')" in found.messages("error")


async def test_two_tables_that_become_one_may_not_share_keys(source, target, psql, check):
    psql(
        source,
        """
        CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);
        INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES (2), (3);
        """,
    )
    psql(target, "CREATE TABLE c (id int PRIMARY KEY)")
    found = await check("tables: {a: {target: c}, b: {target: c}}")
    assert found.of("unique") == [("error", 2, ('["2"]',))]


async def test_rows_without_a_parent_are_found(source, target, psql, check):
    psql(source, OLD + "CREATE TABLE posts (id int, kind text, author int, PRIMARY KEY (id, kind));")
    psql(
        source, "INSERT INTO posts SELECT i, 'k', nullif(i, 3) FROM generate_series(1, 22) i; UPDATE users SET boss = 1"
    )
    psql(
        target,
        """
        CREATE TABLE people (id bigint PRIMARY KEY, boss bigint CONSTRAINT boss REFERENCES people);
        CREATE TABLE posts (id int, kind text, author bigint CONSTRAINT wrote REFERENCES people,
            PRIMARY KEY (id, kind));
        """,
    )
    drop = """['"E Mail"', name, age, price, state, mood]"""
    found = await check("tables: {users: {target: people, filter: id > 1, drop: " + drop + "}}")
    keys = ('["1", "k"]', '["21", "k"]', '["22", "k"]')
    assert [each for each in found.of("foreign-key") if each[1] == 3] == [("error", 3, keys)]
    assert [each[:2] for each in found.of("foreign-key")] == [("error", 19), ("error", 3)]


SAME = """
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE {users} (id {int} PRIMARY KEY, {mail} varchar(30) NOT NULL UNIQUE, age positive, {state} text
    CHECK ({state} IN ('new', 'old')), amount numeric(10, 2), level int NOT NULL DEFAULT 1);
CREATE UNIQUE INDEX ON {users} (lower({mail})) WHERE age IS NOT NULL;
CREATE TABLE {posts} (id {int} PRIMARY KEY, {author} {int} NOT NULL REFERENCES {users});
"""
NAMES = {"users": "users", "posts": "posts", "mail": "mail", "state": "state", "author": "author", "int": "int"}
RENAMED = {"users": "accounts", "posts": "articles", "mail": '"E-Mail"', "state": '"select"', "author": "writer"}
RENAMES = """
tables:
  users: {target: accounts, columns: {mail: '"E-Mail"', state: select}}
  posts: {target: articles, columns: {author: writer}}
"""


async def test_a_table_that_is_only_renamed_is_not_read(source, target, psql, check, queries):
    psql(source, SAME.format(**NAMES))
    psql(target, SAME.format(**NAMES | RENAMED | {"int": "bigint"}))
    found = await check(RENAMES)
    assert [each for each in found.findings if each.level != "note"] == []
    assert queries == []


def mail_as(transform: str) -> str:
    return RENAMES.replace("""mail: '"E-Mail"',""", f"""mail: {{target: '"E-Mail"', transform: "{transform}"}},""")


@pytest.fixture(scope="module")
def pair(new_database, psql):
    """For all the changes to one schema."""
    places = new_database(), new_database()
    for place, names in zip(places, (NAMES, NAMES | RENAMED), strict=True):
        psql(place, SAME.format(**names))
    return places


@pytest.mark.parametrize(
    ("change", "map_", "asked"),
    [
        ("ALTER TABLE users ALTER mail DROP NOT NULL", RENAMES, "IS NULL"),
        (
            "ALTER TABLE users ALTER mail DROP NOT NULL, ADD CONSTRAINT there NOT NULL mail NOT VALID",
            RENAMES,
            "IS NULL",
        ),
        ("ALTER TABLE users ALTER mail TYPE varchar(31)", RENAMES, "char_length"),
        ("ALTER TABLE users ALTER mail TYPE text", RENAMES, "char_length"),
        ("ALTER TABLE users ALTER amount TYPE numeric(11, 2)", RENAMES, "1e8"),
        ("ALTER TABLE users DROP CONSTRAINT users_mail_key", RENAMES, "GROUP BY"),
        ("DROP INDEX users_lower_idx; CREATE UNIQUE INDEX ON users (lower(mail)) WHERE age > 3", RENAMES, "GROUP BY"),
        (
            "ALTER TABLE users DROP CONSTRAINT users_state_check; "
            "ALTER TABLE users ADD CONSTRAINT users_state_check CHECK (state IN ('new', 'old')) NOT VALID",
            RENAMES,
            "IS FALSE",
        ),
        ("ALTER TABLE users ALTER age TYPE int", RENAMES, "age > 0"),
        ("ALTER TABLE posts DROP CONSTRAINT posts_author_fkey", RENAMES, "NOT EXISTS"),
        (
            "ALTER TABLE posts DROP CONSTRAINT posts_author_fkey; "
            "ALTER TABLE posts ADD CONSTRAINT posts_author_fkey FOREIGN KEY (author) REFERENCES users NOT VALID",
            RENAMES,
            "NOT EXISTS",
        ),
        ("", RENAMES.replace("{target: accounts", "{filter: age > 1, target: accounts"), "NOT EXISTS"),
        ("", mail_as("mail || ''"), "IS NULL"),
        ("", mail_as("left(mail, 5)"), "GROUP BY"),
        (
            "",
            RENAMES.replace(
                "state: select", "state: {target: select, transform: \"regexp_split_to_table(state, '')\"}"
            ),
            "GROUP BY",
        ),
    ],
)
async def test_what_the_old_database_does_not_see_to_is_read(change, map_, asked, pair, psql, check, queries):
    source, target = pair
    psql(source, "DROP TABLE posts, users; DROP DOMAIN positive;" + SAME.format(**NAMES) + change)
    await check(map_, source=source, target=target, schema=target, compiled_from=source)
    assert any(asked in query for query in queries), queries


async def test_what_cannot_be_asked_is_said(source, target, psql, check):
    psql(source, "CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, NULL)")
    psql(
        target,
        """
        CREATE FUNCTION fine(text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
        CREATE TABLE t (id int PRIMARY KEY, a text NOT NULL CHECK (fine(a)), more int DEFAULT 1, CHECK (more < id));
        """,
    )
    found = await check()
    assert found.of("not-null") == [("error", 1, ('["1"]',))], "the others are asked all the same"
    notes = " ".join(found.messages("note"))
    assert "'t_a_check' of 'public.t' could not be looked at beforehand: function fine(text) does not exist" in notes
    assert "it needs 'more', which the map does not fill" in notes


async def test_a_value_that_fails_in_the_query_is_an_error_that_does_not_tell_it(source, target, psql, check):
    psql(source, "CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'secret')")
    psql(target, "CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > 0))")
    found = await check("tables: {t: {columns: {a: {target: a, transform: a::int}}}}")
    assert [each.level for each in found.findings if each.check == "check"] == ["note", "error"]
    assert "secret" not in " ".join(found.messages())


async def test_rows_are_not_looked_at_where_that_was_not_wanted(source, target, psql, check, queries):
    psql(source, OLD)
    psql(target, "CREATE TABLE users (id int PRIMARY KEY, name varchar(1) NOT NULL)")
    drop = """['"E Mail"', age, price, state, mood, boss]"""
    await check("tables: {users: {drop: " + drop + "}}", rows=False)
    assert queries == []
