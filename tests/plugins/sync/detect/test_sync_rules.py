"""Which rule holds for which column: the file's names and patterns, the command's options, and foreign keys."""

from __future__ import annotations

import pytest

from confiture.errors import ConfigError, UsageError
from conftest import run_psql

pytestmark = pytest.mark.anyio

SCHEMA = """
    CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, phone varchar(20), born text, country text);
    CREATE TABLE posts (id int PRIMARY KEY, author text REFERENCES users (email), title text);
    CREATE TABLE "My Table" (id int, "E Mail" text, email text GENERATED ALWAYS AS (lower("E Mail")) STORED);
    CREATE SCHEMA billing;
    CREATE TABLE billing.cards (id int, work_email text, email_home text);
    CREATE TABLE billing.users (id int, email text);
    INSERT INTO users VALUES (1, 'ann@example.org', '+49 170 1234567', 'Ulm', 'DE');
"""


@pytest.fixture(scope="module")
def _filled(new_database):
    target = new_database()
    run_psql(target, SCHEMA)
    return target


@pytest.fixture
def schema(source_of, _filled):
    """Only read: what writes to it takes ``source``."""
    return source_of(_filled)


@pytest.fixture
def rules(schema):
    """``await rules(yaml, ...)``: by column, the template or the kind."""

    async def resolve(text: str = "", **asked) -> dict[str, str]:
        if text:
            schema.rules(text)
        asked.setdefault("tables", ("posts", "users"))
        found = await schema.ruled(**asked)
        return {name: rule.options.get("value", rule.kind) for name, rule in found.items()}

    return resolve


async def test_names_are_those_of_sql(rules):
    """Folded where they are not quoted, quoted as they are, with a schema or along the search path."""
    assert await rules("anonymize: {USERS: {Email: 'u{hash}'}, billing.users: {email: 'b{hash}'}}") == {
        "public.users.email": "u{hash}",
        "public.posts.author": "u{hash}",
    }
    assert await rules("""anonymize: {'"My Table"': {'"E Mail"': 'm{hash}'}}""", tables=('"My Table"',)) == {
        "public.My Table.E Mail": "m{hash}",
    }


async def test_toml(schema):
    """The same file in the other language."""
    schema.rules('[anonymize.users]\nemail = "u{hash}"\nphone = "p"\n', "db/sync_config.toml")
    found = await schema.ruled(tables=("users",))
    assert {name: rule.options["value"] for name, rule in found.items()} == {
        "public.users.email": "u{hash}",
        "public.users.phone": "p",
    }


async def test_patterns(rules):
    """A name wins over a pattern; generated columns are none of its; a pattern without a schema means the path's."""
    assert await rules(
        """
anonymize:
  "match:*": {"*mail": "p{hash}"}
  users: {email: "exact{hash}", phone: "x"}
"""
    ) == {"public.users.email": "exact{hash}", "public.posts.author": "exact{hash}", "public.users.phone": "x"}
    found = await rules('anonymize: {"match:billing.*": {"*email*": "p"}}', tables=("billing.*",))
    assert found == {
        "billing.cards.work_email": "p",
        "billing.cards.email_home": "p",
        "billing.users.email": "p",
    }
    assert await rules('anonymize: {"match:*": {"*mail": "p"}}', tables=('"My Table"',)) == {}
    text = """anonymize: {"match:*": {'"E*"': "p"}}"""
    assert await rules(text, tables=('"My Table"',)) == {"public.My Table.E Mail": "p"}


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("anonymize:\n  userz:\n    email: x", 3, "userz.email': the source has no table 'userz'", "you mean users"),
        ("anonymize:\n  users:\n    emial: x", 3, "'public.users' has no column 'emial'", "did you mean 'email'"),
        ("anonymize:\n  My Table:\n    id: x", 3, "the source has no table 'My Table'", "write it as '\"My Table\"'"),
        ("anonymize:\n  '\"My Table\"':\n    E mail: x", 3, "has no column 'e mail'", "did you mean '\"E Mail\"'"),
        ("anonymize:\n  'user*':\n    email: x", 3, "'*' stands for nothing in a name", "match:user*"),
        ("anonymize:\n  users:\n    '*mail': x", 3, "'*' stands for nothing", "match:users"),
        ("anonymize:\n  'match:x*':\n    '*mail': x", 3, "no table is like 'x*'", "public.users"),
        ("anonymize:\n  'match:*':\n    '*nothing*': x", 3, "none of 3 tables has a column like", "mistake"),
        ("anonymize:\n  'match:*':\n    '*mail': x\n    'e*': y", 4,
         "another rule, 'anonymize.match:*.*mail', on line 3",
         "give the column a rule by its name"),
        ("anonymize:\n  users:\n    email: x\n  public.users:\n    email: y", 5, "has another rule", "leave one"),
        ("anonymize:\n  a.b.users:\n    email: x", 3, "has too many parts", "schema.table"),
        ("anonymize:\n  users:\n    a.email: x", 3, "is not the name of a column", "quote"),
        ("anonymize:\n  '\"users':\n    email: x", 3, "are not closed", None),
        ("anonymize:\n  users:\n    email: {keep: ''}", 3, "needs a reason", "why it may leave"),
    ],
)  # fmt: skip
async def test_a_rule_that_holds_for_nothing(schema, text, line, message, hint):
    """Each says where it is, what is wrong, and what to write."""
    schema.rules(text)
    with pytest.raises(ConfigError) as caught:
        await schema.check(tables=("users",), keep={"users.phone": "public"})
    assert message in caught.value.message
    assert (caught.value.file, caught.value.line) == ("db/sync_config.yaml", line)
    assert hint is None or hint in (caught.value.hint or "")


async def test_a_table_without_columns_must_be_there_too(schema):
    schema.rules("anonymize: {userz: {}}")
    with pytest.raises(ConfigError, match="no table 'userz'"):
        await schema.check()


async def test_rules_of_tables_that_are_not_copied(rules):
    """They are looked up, and no more."""
    assert await rules("anonymize: {billing.cards: {work_email: x}, users: {email: 'u{hash}'}}", tables=("users",)) == {
        "public.users.email": "u{hash}",
    }


async def test_a_virtual_reference_hands_its_rule_on(rules):
    """As a foreign key does that the database knows."""
    text = """
anonymize: {users: {email: "u{hash}"}}
references: [{from: posts.title, to: users.email}]
"""
    found = await rules(text)
    assert found["public.posts.title"] == found["public.users.email"] == "u{hash}"


async def test_anonymize_with_defaults(rules):
    """The class tells the rule: by the name, or by what is in it; on a unique column one that keeps values apart."""
    found = await rules(anonymize=("users.email", "users.phone"))
    assert found == {
        "public.users.email": "u_{hash(20)}@example.com",
        "public.posts.author": "u_{hash(20)}@example.com",
        "public.users.phone": "+1-555-{random(4)}",
    }


async def test_anonymize_what_no_name_tells(source):
    """Four digits are not enough for a unique column; and what is in a column tells its class too."""
    source.sql("""
        CREATE TABLE users (phone text UNIQUE, country text);
        INSERT INTO users VALUES ('1', 'https://u:pass@example.org/x');
    """)
    found = await source.ruled(anonymize=("users.phone", "users.country"))
    assert {name: rule.options.get("value", rule.kind) for name, rule in found.items()} == {
        "public.users.phone": "+1-555-{hash(20)}",
        "public.users.country": "hash",
    }


async def test_anonymize_where_a_foreign_key_begins(rules):
    """The rule stands where the key leads to, so that both sides have it."""
    found = await rules(anonymize=("posts.author",))
    assert found["public.users.email"] == found["public.posts.author"] == "u_{hash(20)}@example.com"


async def test_anonymize_takes_the_rule_of_the_file(rules):
    """The mission's file and command."""
    found = await rules(
        'anonymize: {users: {email: "user_{id}@example.com"}, posts: {author: "user_{hash}"}}',
        tables=("users",),
        anonymize=("users.email", "users.phone"),
    )
    assert found == {"public.users.email": "user_{id}@example.com", "public.users.phone": "+1-555-{random(4)}"}


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        ({"anonymize": ("users.country",)}, "'public.users.country' has no rule, and looks like", "users.country"),
        ({"anonymize": ("users.emial",)}, "'public.users' has no column 'emial'", "did you mean email"),
        ({"anonymize": ("nobody.email",)}, "the source has no table 'nobody", None),
        ({"anonymize": ('"My Table".email',)}, "is a generated column", "made of"),
        ({"anonymize": ("users.phone",), "keep": {"users.phone": "ok"}}, "masked, and --keep keeps it", "leave"),
        ({"keep": {"users.country": " "}}, "'users.country' has no reason", "--keep 'users.country=the reason'"),
        ({"keep": {"users.nothing": "ok"}}, "has no column 'nothing'", None),
    ],
)  # fmt: skip
async def test_options_that_cannot_be(schema, asked, message, hint):
    with pytest.raises(UsageError) as caught:
        await schema.check(**asked)
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


async def test_keep_wins_over_the_file(schema):
    """It was said for this run, with a reason, and the report says so."""
    schema.rules('anonymize: {users: {email: "u{hash}", phone: "x"}}')
    keep = {"users.phone": "they are ours", "users.born": "a town"}
    findings = await schema.check(tables=("users",), keep=keep)
    assert {(each.column, each.state, each.reason) for each in findings} == {
        ("public.users.email", "masked", None),
        ("public.users.phone", "kept", "they are ours"),
        ("public.users.born", "kept", "a town"),
    }


@pytest.mark.parametrize(
    "rules", ['users: {email: "u{hash}"}, posts: {author: {keep: "why"}}', 'posts: {author: "u{hash}"}']
)
async def test_both_ends_of_a_foreign_key(schema, rules):
    """One that is masked finds no parent that is not: that is said before, and not by the server at the end."""
    schema.rules(f"anonymize: {{{rules}}}")
    with pytest.raises(ConfigError, match=r"'public\.posts\.author' references 'public\.users\.email', and only one"):
        await schema.ruled(tables=("users", "posts"))


async def test_without_masks_there_are_no_rules(schema):
    """Nothing is looked for either: somebody confirmed that all of it leaves."""
    schema.rules('anonymize: {users: {email: "u{hash}"}}')
    assert await schema.ruled(mask=False) == {}
    assert await schema.check(mask=False) == ()
