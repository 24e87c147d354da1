"""One of each kind: found without a word, renamed by SQL that works, and taken back by its undo."""

from __future__ import annotations

import pytest

from catalogs import dump

pytestmark = pytest.mark.anyio

BASE = """
CREATE TABLE users (id int PRIMARY KEY, email text, age int, CHECK (age > 0));
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
INSERT INTO users VALUES (1, 'a@b.c', 3);
"""
#: What is in the old schema, the rename, and what is found.
KINDS = {
    "schema": (
        "CREATE SCHEMA a; CREATE TABLE a.t (id int, label text); CREATE VIEW a.v AS SELECT label FROM a.t",
        "ALTER SCHEMA a RENAME TO b",
        ("schema", "a", "b"),
    ),
    "table": ("", "ALTER TABLE users RENAME TO people", ("table", "users", "people")),
    "moved table": (
        "CREATE SCHEMA app",
        "ALTER TABLE users SET SCHEMA app",
        ("table", "users", "app.users"),
    ),
    "moved and renamed table": (
        "CREATE SCHEMA app",
        "ALTER TABLE users SET SCHEMA app; ALTER TABLE app.users RENAME TO people",
        ("table", "users", "app.people"),
    ),
    "table to a schema that is new": (
        "",
        "CREATE SCHEMA app; ALTER TABLE users SET SCHEMA app",
        ("table", "users", "app.users"),
    ),
    "partition": (
        "CREATE TABLE log (at date, x int) PARTITION BY RANGE (at);"
        "CREATE TABLE log_a PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
        "ALTER TABLE log_a RENAME TO log_2024",
        ("table", "log_a", "log_2024"),
    ),
    "foreign table": (
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        "CREATE FOREIGN TABLE far (id int, label text, note text) SERVER s",
        "ALTER FOREIGN TABLE far RENAME TO away",
        ("foreign table", "far", "away"),
    ),
    "column": ("", "ALTER TABLE users RENAME email TO email_address", ("column", "users.email", "users.email_address")),
    "column with a dot": (
        'ALTER TABLE users ADD "first.name" text',
        'ALTER TABLE users RENAME "first.name" TO "First Name"',
        ("column", 'users."first.name"', 'users."First Name"'),
    ),
    "column of a partitioned table": (
        "CREATE TABLE log (at date, message text) PARTITION BY RANGE (at);CREATE TABLE log_a PARTITION OF log DEFAULT",
        "ALTER TABLE log RENAME message TO log_message",
        ("column", "log.message", "log.log_message"),
    ),
    "column of a foreign table": (
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        "CREATE FOREIGN TABLE far (id int, label text) SERVER s",
        "ALTER FOREIGN TABLE far RENAME label TO short_label",
        ("column", "far.label", "far.short_label"),
    ),
    "column of a view": (
        "CREATE VIEW v AS SELECT id, email FROM users",
        "ALTER VIEW v RENAME email TO mail",
        ("column", "v.email", "v.mail"),
    ),
    "column of a materialized view": (
        "CREATE MATERIALIZED VIEW v AS SELECT id, email FROM users",
        "ALTER MATERIALIZED VIEW v RENAME email TO mail",
        ("column", "v.email", "v.mail"),
    ),
    "attribute": (
        "CREATE TYPE point3 AS (x int, label text)",
        "ALTER TYPE point3 RENAME ATTRIBUTE label TO short_label",
        ("attribute", "point3.label", "point3.short_label"),
    ),
    "index": ("CREATE INDEX a ON users (email)", "ALTER INDEX a RENAME TO b", ("index", "a", "b")),
    "index of a materialized view": (
        "CREATE MATERIALIZED VIEW v AS SELECT id FROM users; CREATE UNIQUE INDEX a ON v (id)",
        "ALTER INDEX a RENAME TO b",
        ("index", "a", "b"),
    ),
    "primary key": (
        "",
        "ALTER TABLE users RENAME CONSTRAINT users_pkey TO users_key",
        ("constraint", "users.users_pkey", "users.users_key"),
    ),
    "check": (
        "",
        "ALTER TABLE users RENAME CONSTRAINT users_age_check TO adult",
        ("constraint", "users.users_age_check", "users.adult"),
    ),
    "not null": (
        "ALTER TABLE users ADD CONSTRAINT a NOT NULL email",
        "ALTER TABLE users RENAME CONSTRAINT a TO b",
        ("constraint", "users.a", "users.b"),
    ),
    "foreign key": (
        "CREATE TABLE pets (owner int CONSTRAINT a REFERENCES users)",
        "ALTER TABLE pets RENAME CONSTRAINT a TO b",
        ("constraint", "pets.a", "pets.b"),
    ),
    "domain constraint": (
        "CREATE DOMAIN d AS int CONSTRAINT a CHECK (VALUE > 0)",
        "ALTER DOMAIN d RENAME CONSTRAINT a TO b",
        ("domain constraint", "d.a", "d.b"),
    ),
    "sequence": (
        "CREATE SEQUENCE order_seq",
        "ALTER SEQUENCE order_seq RENAME TO orders_seq",
        ("sequence", "order_seq", "orders_seq"),
    ),
    "sequence of a column": (
        "CREATE TABLE s (id serial)",
        "ALTER SEQUENCE s_id_seq RENAME TO other",
        ("sequence", "s_id_seq", "other"),
    ),
    "sequence of an identity": (
        "CREATE TABLE s (id int GENERATED ALWAYS AS IDENTITY)",
        "ALTER SEQUENCE s_id_seq RENAME TO other",
        ("sequence", "s_id_seq", "other"),
    ),
    "enum": (
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "ALTER TYPE mood RENAME TO feeling",
        ("enum", "mood", "feeling"),
    ),
    "enum value": (
        "CREATE TYPE mood AS ENUM ('sad', 'it''s fine', 'top')",
        "ALTER TYPE mood RENAME VALUE 'it''s fine' TO 'its fine'",
        ("enum value", 'mood."it\'s fine"', 'mood."its fine"'),
    ),
    "domain": (
        "CREATE DOMAIN email AS text CHECK (VALUE <> '')",
        "ALTER DOMAIN email RENAME TO mail",
        ("domain", "email", "mail"),
    ),
    "composite type": (
        "CREATE TYPE point3 AS (x int, y int)",
        "ALTER TYPE point3 RENAME TO point_3d",
        ("composite type", "point3", "point_3d"),
    ),
    "range type": (
        "CREATE TYPE floats AS RANGE (subtype = float8)",
        "ALTER TYPE floats RENAME TO reals; ALTER TYPE floats_multirange RENAME TO many",
        ("range type", "floats", "reals"),
    ),
    "collation": (
        'CREATE COLLATION a (provider = libc, locale = "C")',
        "ALTER COLLATION a RENAME TO b",
        ("collation", "a", "b"),
    ),
    "view": ("CREATE VIEW a AS SELECT email FROM users", "ALTER VIEW a RENAME TO b", ("view", "a", "b")),
    "materialized view": (
        "CREATE MATERIALIZED VIEW a AS SELECT email FROM users",
        "ALTER MATERIALIZED VIEW a RENAME TO b",
        ("materialized view", "a", "b"),
    ),
    "function": (
        "CREATE FUNCTION a(x int DEFAULT 1, y text = '') RETURNS int LANGUAGE sql AS 'SELECT x'",
        "ALTER FUNCTION a RENAME TO b",
        ("function", "a(integer, text)", "b(integer, text)"),
    ),
    "procedure": (
        "CREATE PROCEDURE a(x int, OUT y int) LANGUAGE plpgsql AS 'BEGIN y := 1; END'",
        "ALTER PROCEDURE a RENAME TO b",
        ("procedure", "a(integer)", "b(integer)"),
    ),
    "aggregate": (
        "CREATE AGGREGATE a(int) (sfunc = int4pl, stype = int)",
        "ALTER AGGREGATE a(int) RENAME TO b",
        ("aggregate", "a(integer)", "b(integer)"),
    ),
    "moved function": (
        "CREATE SCHEMA app; CREATE FUNCTION a() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER FUNCTION a SET SCHEMA app",
        ("function", "a()", "app.a()"),
    ),
    "trigger": (
        "CREATE TRIGGER a BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
        "ALTER TRIGGER a ON users RENAME TO b",
        ("trigger", "users.a", "users.b"),
    ),
    "policy": (
        "CREATE POLICY a ON users FOR SELECT USING (id > 0)",
        "ALTER POLICY a ON users RENAME TO b",
        ("policy", "users.a", "users.b"),
    ),
    "rule": (
        "CREATE RULE a AS ON DELETE TO users DO INSTEAD NOTHING",
        "ALTER RULE a ON users RENAME TO b",
        ("rule", "users.a", "users.b"),
    ),
    "statistics": (
        "CREATE STATISTICS a ON id, age FROM users",
        "ALTER STATISTICS a RENAME TO b",
        ("statistics", "a", "b"),
    ),
    "event trigger": (
        "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER a ON ddl_command_end EXECUTE FUNCTION e()",
        "ALTER EVENT TRIGGER a RENAME TO b",
        ("event trigger", "a", "b"),
    ),
    "publication": (
        "CREATE PUBLICATION user_feed FOR TABLE users",
        "ALTER PUBLICATION user_feed RENAME TO users_feed",
        ("publication", "user_feed", "users_feed"),
    ),
    "server": (
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far_away FOREIGN DATA WRAPPER w",
        "ALTER SERVER far_away RENAME TO faraway",
        ("server", "far_away", "faraway"),
    ),
    "text search configuration": (
        "CREATE TEXT SEARCH CONFIGURATION a (copy = english)",
        "ALTER TEXT SEARCH CONFIGURATION a RENAME TO b",
        ("text search configuration", "a", "b"),
    ),
    "text search dictionary": (
        "CREATE TEXT SEARCH DICTIONARY a (template = simple)",
        "ALTER TEXT SEARCH DICTIONARY a RENAME TO b",
        ("text search dictionary", "a", "b"),
    ),
}

#: Those that meet in one schema: no two of a group have a name in common. A table that moves is alone.
GROUPS = (
    ("table",),
    ("moved table",),
    ("moved and renamed table",),
    ("table to a schema that is new",),
    ("column", "partition", "foreign table", "enum", "collation", "trigger", "text search configuration", "function"),
    ("column with a dot", "column of a partitioned table", "column of a foreign table", "enum value", "attribute",
     "primary key", "policy", "text search dictionary", "procedure", "schema", "materialized view"),
    ("column of a view", "index", "check", "sequence", "domain", "composite type", "rule", "aggregate",
     "event trigger", "server"),
    ("column of a materialized view", "view", "not null", "sequence of a column", "range type", "statistics",
     "publication", "moved function"),
    ("index of a materialized view", "foreign key", "sequence of an identity", "domain constraint"),
)  # fmt: skip


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0])
async def test_renames_are_found_made_and_undone(group, renamed, psql):
    old = ";".join([BASE, *(KINDS[kind][0] for kind in group)])
    result = await renamed(old, ";".join([old, *(KINDS[kind][1] for kind in group)]), before=dump)
    assert result.questions == ()
    assert {KINDS[kind][2] for kind in group} - result.pairs == set()
    assert sorted(dump(result.target).splitlines()) == sorted(dump(result.other).splitlines())
    psql(result.target, ";".join(result.undo))
    assert sorted(dump(result.target).splitlines()) == sorted(result.before.splitlines())
    assert psql(result.target, "SELECT email FROM users") == "a@b.c"


def test_every_kind_is_in_a_group():
    assert sorted(kind for group in GROUPS for kind in group) == sorted(KINDS)
