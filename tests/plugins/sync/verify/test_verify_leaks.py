"""What of the originals is in the target is found, and what only looks like it is not."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio

SCHEMA = """
CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, name text, phone text, born date, city text, notes text,
                    profile jsonb, words tsvector, tags text[], zip text);
CREATE TABLE audit (id int PRIMARY KEY, what text, data json)
"""
#: What nobody is called by accident; rows 3, 10, 17... are of people whose name is a city.
ROWS = """
INSERT INTO users
SELECT i, format('zed%sebee@corp%s.io', i, i % 7),
       CASE WHEN i % 7 = 3 THEN 'Paris' ELSE initcap(translate(md5(i::text), '0123456789', 'ghijklmnop')) END,
       format('+49 7%s %s', 1000 + i, 30000 + i * 7), date '1950-01-01' + i * 37,
       CASE i % 5 WHEN 0 THEN 'Paris' WHEN 1 THEN 'Berlin' ELSE 'Springfield' END,
       'likes long walks', '{"likes": ["tea", 7]}', to_tsvector('english', 'long walks'), '{tea,walks}',
       lpad((i % 997 * 31)::text, 5, '0')
  FROM generate_series(1, 300) i;
INSERT INTO audit SELECT i, 'login', '{"ok": true}' FROM generate_series(1, 300) i
"""
RULES = {
    "users": {
        "email": "user_{id}@example.com",
        "name": {"pseudonym": {}},
        "phone": "+1-555-{random(4)}",
        "born": {"date_shift": {"days": 20}},
    }
}


def leaks(checks) -> dict[str, str]:
    """The columns that leaked, with what was said of them."""
    found = {check.what: check.detail for check in checks if check.name == "leak" and not check.ok}
    assert [check.name for check in checks if not check.ok and check.name != "leak"] == []
    for check in checks:
        assert not any(word in check.detail for word in ("zed", "corp", "Paris", "7100"))
    return found


async def test_what_is_masked_is_no_leak(looked):
    checks = await looked(SCHEMA, ROWS, RULES)
    assert leaks(checks) == {}
    said = {check.what: check.detail for check in checks if check.name == "leak"}
    assert sorted(said) == [f"public.users.{name}" for name in ("born", "email", "name", "phone")]
    assert said["public.users.email"].endswith("originals and parts of 300 rows looked for in 600 rows of 14 columns")


#: A rule that hides nothing, by the column whose originals stay.
NOTHING = {
    "a mask that gives the value": ("email", {"sql": "email", "unique": "allow_loss"}),
    "a prefix": ("email", {"sql": "'masked_' || email", "unique": "allow_loss"}),
    "a prefix without a border": ("email", {"sql": "'x' || email", "unique": "allow_loss"}),
    "another case": ("name", {"sql": "upper(name)"}),
    "some rows only": ("email", {"sql": "CASE WHEN id <> 77 THEN 'user' || id ELSE email END", "unique": "allow_loss"}),
    "numbers that stay": ("phone", {"sql": "phone"}),
    "short values that stay": ("zip", {"sql": "zip"}),
    "dates that stay": ("born", {"sql": "born"}),
    "what a function gives back": ("name", {"python": "builtins:str"}),
}


@pytest.mark.parametrize("case", NOTHING)
async def test_masks_that_hide_nothing_are_found(looked, case):
    column, rule = NOTHING[case]
    found = leaks(await looked(SCHEMA, ROWS, {"users": {**RULES["users"], column: rule}}))
    assert list(found) == [f"public.users.{column}"]
    assert "still hold their original" in found[f"public.users.{column}"]


async def test_the_target_is_asked_not_only_the_source(looked):
    """Whatever put it there: here somebody writes one address into its place."""
    spoil = "UPDATE users SET email = 'zed42ebee@corp0.io' WHERE id = 42"
    assert list(leaks(await looked(SCHEMA, ROWS, RULES, spoil=spoil))) == ["public.users.email"]


#: Uncovered columns that come to hold personal data, in the source's rows before the copy.
UNCOVERED = {
    "a second column": ("UPDATE users SET notes = email", "public.users.notes"),
    "one address in free text": (
        "UPDATE users SET notes = 'wrote to <' || upper(email) || '>, twice' WHERE id = 9",
        "public.users.notes",
    ),
    "one address in a document": (
        "UPDATE users SET profile = jsonb_build_object('a', jsonb_build_array(1, email)) WHERE id = 9",
        "public.users.profile",
    ),
    "a local part": ("UPDATE users SET notes = split_part(email, '@', 1)", "public.users.notes"),
    "an array": ("UPDATE users SET tags = ARRAY['a', phone] WHERE id = 9", "public.users.tags"),
    "a phone, otherwise written": (
        "UPDATE users SET notes = translate(phone, '+ ', '') WHERE id = 9",
        "public.users.notes",
    ),
    "lexemes": ("UPDATE users SET words = to_tsvector('english', name || ' ' || notes)", "public.users.words"),
    "lexemes of addresses": (
        "UPDATE users SET words = to_tsvector('simple', email) WHERE id = 9",
        "public.users.words",
    ),
    "a name in each row": ("UPDATE users SET notes = 'Dear ' || name || ', hello'", "public.users.notes"),
    "a log in another table": (
        "UPDATE audit a SET data = json_build_object('old', u.email) FROM users u WHERE a.id = u.id AND u.id < 5",
        "public.audit.data",
    ),
}


@pytest.mark.parametrize("case", UNCOVERED)
async def test_originals_in_other_columns_are_found(looked, case):
    change, place = UNCOVERED[case]
    found = leaks(await looked(SCHEMA, f"{ROWS}; {change}", RULES))
    assert found
    assert all(f" in {place}" in detail for detail in found.values())


async def test_a_trigger_that_fills_a_log_is_found(looked):
    schema = "; CREATE TABLE log (line text)"
    # On the source only: what it wrote is copied.
    trigger = """
        CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO public.log (line) VALUES (NEW::text); RETURN NEW; END';
        CREATE TRIGGER audit_all AFTER INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION log_it();
    """
    found = leaks(await looked(SCHEMA + schema, trigger + ROWS, RULES))
    assert " in public.log.line" in found["public.users.email"]


#: What looks like a leak and is none.
HARMLESS = {
    "a rule that keeps a part": {"users": {**RULES["users"], "email": {"email": {"domain": "keep"}}}},
    "a column that is kept for a reason": {"users": {"name": {"pseudonym": {}}, "email": "u{id}@example.com",
                                                     "phone": {"keep": "their own"}, "born": {"keep": "needed"}}},
    "rows that are kept by a condition": {"users": {**RULES["users"], "email": {
        "template": "u{id}@example.com", "when": "id > 9", "unique": "allow_loss"}}},
    "a raw column in a template": {"users": {**RULES["users"], "notes": "{raw.name} was here"}},
    "constants": {"users": {**RULES["users"], "city": {"constant": "Paris"}}},
    "few values": {"users": {**RULES["users"], "city": {"choice": ["Paris", "Berlin", "Springfield"]}}},
    "the same values in other rows": {"users": {**RULES["users"], "city": {"shuffle": {}}}},
    "values that are near": {"users": {**RULES["users"], "born": {"generalize": "year"}}},
}  # fmt: skip


@pytest.mark.parametrize("case", HARMLESS)
async def test_what_is_meant_to_be_there_is_no_leak(looked, case):
    assert leaks(await looked(SCHEMA, ROWS, HARMLESS[case])) == {}


async def test_data_that_was_masked_before_is_no_leak(looked):
    """A staging database as the source: the same rules give the same values."""
    rows = ROWS + "; UPDATE users SET email = 'user_' || id || '@example.com'"
    assert leaks(await looked(SCHEMA, rows, RULES)) == {}


async def test_a_masked_key_still_leads_to_its_row(looked):
    schema = "CREATE TABLE t (mail text PRIMARY KEY, name text, bio text)"
    values = "'zed' || i || 'x@corp.io', 'Ann' || chr(97 + i % 26) || 'osia', ''"
    rows = f"INSERT INTO t SELECT {values} FROM generate_series(1, 90) i"
    rules = {"t": {"mail": "{hash}@example.com", "name": {"pseudonym": {}}}}
    assert leaks(await looked(schema, rows, rules)) == {}


async def test_a_list_of_all_cities_is_no_leak(looked):
    schema = "CREATE TABLE people (id int PRIMARY KEY, city text); CREATE TABLE list (id int, city text)"
    name = "'San ' || initcap(translate(md5(i::text), '0123456789', 'ghijklmnop'))"
    row = f"SELECT i, {name} FROM generate_series(1, 60) i"
    rows = f"INSERT INTO people {row}; INSERT INTO list {row}"
    rules = {"people": {"city": {"pseudonym": {}}}}
    assert leaks(await looked(schema, rows, rules)) == {}


async def test_a_list_of_people_is_a_leak_of_their_names(looked):
    schema = "CREATE TABLE people (id int PRIMARY KEY, who text); CREATE TABLE list (id int, words text)"
    rows = """
        INSERT INTO people SELECT i, 'Ann ' || initcap(translate(md5(i::text), '0123456789', 'ghijklmnop'))
          FROM generate_series(1, 60) i;
        INSERT INTO list SELECT -i, 'seen: ' || who || '.' FROM people, generate_series(1, 2) i
    """
    found = leaks(await looked(schema, rows, {"people": {"who": {"pseudonym": {}}}}))
    assert "60 originals in public.list.words" in found["public.people.who"]
