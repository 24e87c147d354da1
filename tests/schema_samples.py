"""A schema with most kinds of objects, and what tests of its order share."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

import pgserver
from confiture.config.dsn import to_uri
from confiture.model import Plan, SourceFile, Statement, Target
from confiture.sql import read_script

DATA = Path(__file__).parents[2] / "shared" / "data"


def read(*texts: str) -> Plan:
    return read_script([SourceFile(f"{number}.sql", text) for number, text in enumerate(texts)])


def script(statements: Sequence[Statement]) -> str:
    return "".join(
        f"{statement.sql};\n" + (f"{statement.copy_data.decode()}\\.\n" if statement.copy_data is not None else "")
        for statement in statements
    )


def dump(target: Target) -> str:
    """``pg_dump -s``, less the key that pg_dump 18 makes up."""
    command = [pgserver.binaries() / "pg_dump", "-s", "-d", to_uri(target.params)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"})
    return "\n".join(line for line in done.stdout.splitlines() if "restrict" not in line)


def shuffled(plan: Plan, seed: int) -> Plan:
    """The statements in a random order, behind their settings."""
    settings = [statement for statement in plan.statements if statement.session]
    others = [statement for statement in plan.statements if not statement.session]
    random.Random(seed).shuffle(others)
    return msgspec.structs.replace(plan, statements=(*settings, *others))


SCHEMA = """
CREATE SCHEMA shop;
CREATE EXTENSION hstore;
CREATE TYPE shop.state AS ENUM ('new', 'paid');
CREATE DOMAIN shop.email AS text CHECK (VALUE LIKE '%@%');
CREATE FUNCTION shop.is_fine(a numeric) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT a >= 0';
CREATE TABLE shop.users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail shop.email UNIQUE, extra hstore);
CREATE SEQUENCE shop.numbers;
CREATE TABLE shop.orders (
    id int DEFAULT nextval('shop.numbers'::regclass), user_id bigint REFERENCES shop.users, state shop.state,
    total numeric CHECK (shop.is_fine(total)), PRIMARY KEY (id));
ALTER SEQUENCE shop.numbers OWNED BY shop.orders.id;
CREATE TABLE shop.lines (LIKE shop.orders INCLUDING DEFAULTS, mail text REFERENCES shop.users (mail));
ALTER TABLE shop.lines ADD COLUMN note text;
CREATE INDEX lines_note ON shop.lines (lower(note));
CREATE VIEW shop.totals AS SELECT u.id, u.mail, sum(o.total) FROM shop.users u JOIN shop.orders o ON o.user_id = u.id
    GROUP BY u.id;
CREATE MATERIALIZED VIEW shop.kept AS SELECT * FROM shop.totals;
CREATE UNIQUE INDEX ON shop.kept (id);
CREATE FUNCTION shop.of_user(u shop.users) RETURNS SETOF shop.orders LANGUAGE sql STABLE
    BEGIN ATOMIC SELECT o.* FROM shop.orders o WHERE o.user_id = (u).id; END;
CREATE FUNCTION shop.last(u bigint) RETURNS shop.state LANGUAGE sql AS
    'SELECT o.state FROM shop.of_user((SELECT x FROM shop.users x WHERE x.id = u)) o ORDER BY o.id DESC LIMIT 1';
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS
    $$ DECLARE l shop.lines%ROWTYPE; s shop.state; m shop.users.mail%TYPE; BEGIN RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON shop.lines FOR EACH ROW EXECUTE FUNCTION shop.touch();
COMMENT ON TRIGGER touch ON shop.lines IS 'touches';
COMMENT ON COLUMN shop.lines.note IS 'a note';
COMMENT ON VIEW shop.totals IS 'totals';
ALTER TABLE shop.users ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON shop.users USING (shop.last(id) IS NOT NULL);
CREATE TYPE shop.pair AS (a shop.state, b shop.email);
CREATE AGGREGATE shop.total(numeric) (SFUNC = shop.plus, STYPE = numeric);
CREATE FUNCTION shop.plus(a numeric, b numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE OPERATOR shop.#+# (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = shop.plus);
CREATE VIEW shop.sums AS SELECT a OPERATOR(shop.#+#) 1 AS s FROM (SELECT shop.total(total) AS a FROM shop.orders) x;
ALTER TABLE shop.orders OWNER TO CURRENT_USER;
ALTER TABLE shop.numbers OWNER TO CURRENT_USER;
CREATE TABLE shop.parts (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE shop.parts_1 PARTITION OF shop.parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE RULE quiet AS ON DELETE TO shop.lines DO INSTEAD NOTHING;
GRANT SELECT ON shop.totals TO PUBLIC;
INSERT INTO shop.users (mail) VALUES ('a@b');
INSERT INTO shop.orders (user_id, state, total) VALUES (1, 'new', 3);
CREATE STATISTICS shop.both ON user_id, state FROM shop.orders;
CREATE CAST (shop.pair AS text) WITH FUNCTION shop.as_text(shop.pair);
CREATE FUNCTION shop.as_text(p shop.pair) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT (p).b::text $$;
"""
