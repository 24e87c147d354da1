"""Templates: the grammar with its errors, every placeholder, and the mission's example."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from confiture.errors import ConfigError
from confiture.hooks import ANONYMIZER, TRANSFER
from confiture.masking import compile_masks, number_of, read_rules, read_table
from confiture.model import TransferTask
from confiture_rules.grammar import Call, Filter, Literal, TemplateError, parse_template

pytestmark = pytest.mark.anyio

MISSION = """# db/sync_config.yaml
anonymize:
  users:
    email: "user_{id}@example.com"
    phone: "+1-555-{random(4)}"
    ssn: "XXX-XX-{random(4)}"
  payments:
    credit_card: "**** **** **** {last4}"
"""


# -- the grammar ----------------------------------------------------------------------------------------------------


def test_a_template_is_read():
    """Literals, placeholders, arguments, filters."""
    found = parse_template("a{{b}}{ raw.\"My Col\" | default('n/a, ''x''') }{random(4,'hex')}{random(-2, 5)}*+X")
    assert found == (
        Literal("a{b}"),
        Call("raw", "My Col", None, (Filter("default", ("n/a, 'x'",), 23),), 6, True),
        Call("", "random", (4, "hex"), (), 46),
        Call("", "random", (-2, 5), (), 63),
        Literal("*+X"),
    )
    assert parse_template("") == (Literal(""),)
    assert parse_template("{last4()}") == (Call("", "last4", (), (), 0),)


@pytest.mark.parametrize(
    ("template", "words", "position"),
    [
        ("user_{id", "not closed", 5),
        ("user_{", "not closed", 5),
        ("{}", "empty braces", 0),
        ("a{ }", "empty braces", 1),
        ("a}b", "nothing opened", 1),
        ("{a b}", "'b' is not expected", 3),
        ("{a|}", "a name is missing", 3),
        ("{a.}", "a name is missing", 3),
        ("{f(1}", "parenthesis is not closed", 4),
        ("{f(1,)}", "a name is missing", 5),
        ("{f('x)}", "quotes are not closed", 3),
        ('{"x}', "quotes are not closed", 1),
        ("{-}", "a name is missing", 1),
    ],
)
def test_what_cannot_be_read_has_a_position(template, words, position):
    """Of the brace that was opened, or of what should not be there."""
    with pytest.raises(TemplateError, match=re.escape(words)) as caught:
        parse_template(template)
    assert caught.value.position == position


@given(st.text(alphabet="{}ab|.(),'\" 1-"))
def test_no_text_is_read_wrongly(text):
    """It is read, or refused with a place in it; never another error."""
    try:
        parts = parse_template(text)
    except TemplateError as error:
        assert 0 <= error.position <= len(text)  # noqa: PT017
    else:
        assert parts


@given(st.text())
def test_a_text_with_doubled_braces_stands_for_itself(text):
    """Whatever else is in it."""
    assert parse_template(text.replace("{", "{{").replace("}", "}}")) == (Literal(text),)


# -- the mission's example --------------------------------------------------------------------------------------------


async def test_the_missions_example_masks_a_copy(masking, users, new_database, tmp_path, psql):
    """The file as it stands, from one database to another over COPY; the second run gives the same."""
    file = tmp_path / "sync_config.yaml"
    file.write_text(MISSION)
    masking.sql("CREATE TABLE payments (id int PRIMARY KEY, credit_card text)")
    masking.sql("INSERT INTO payments VALUES (1, '4111 1111 1111 1234'), (2, '12'), (3, NULL)")
    target = msgspec.structs.replace(new_database(), label="staging")
    schema = """CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, phone text, ssn text, name varchar(40),
                  age int); CREATE TABLE payments (id int PRIMARY KEY, credit_card text)"""
    psql(target, schema)
    found = []
    for _ in range(2):
        for table, rules in read_rules(file, "sync_config.yaml").items():
            async with masking.run.connect(masking.target) as connection:
                described = await read_table(connection, "public", table)
            done = compile_masks(lambda kind: masking.run.get(ANONYMIZER, kind), described, rules, masking.key)
            task = TransferTask(
                source=masking.target,
                target=target,
                table=table,
                columns=done.columns,
                query=done.query,
                settings=masking.key.settings,
            )
            await masking.run.get(TRANSFER, "copy").transfer(masking.run, task, done.masks)
        found.append(psql(target, "SELECT id, email, phone, ssn FROM users ORDER BY 1; TABLE payments ORDER BY 1"))
        psql(target, "TRUNCATE users, payments")
    assert found[0] == found[1]
    lines = found[0].splitlines()
    first, second, third = [masking.row("users", key) for key in "123"]

    def digits(eight):
        return f"{number_of(eight) % 10000:04}"

    assert lines[0] == f"1|user_1@example.com|+1-555-{digits(first[:8])}|XXX-XX-{digits(first[8:16])}"
    assert lines[1] == f"2|user_2@example.com||XXX-XX-{digits(second[8:16])}"
    assert lines[2] == f"3||+1-555-{digits(third[:8])}|XXX-XX-{digits(third[8:16])}"
    assert lines[3:] == ["1|**** **** **** 1234", "2|**** **** **** ****", "3|"]


# -- placeholders -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{id}-{name}", ["1-Ann O'Brien", '2-Bob "the" \\ {Builder}', "3-Zoë 😀"]),
        ("{age}", ["40", "", "7"]),
        ("{age|default('n/a')}", ["40", "n/a", "7"]),
        ("{age|default(name)}", ["40", 'Bob "the" \\ {Builder}', "7"]),
        ("${id} $${raw.id}", ["$1 $$1", "$2 $$2", "$3 $$3"]),
        ("{raw.name|upper}", ["ANN O'BRIEN", 'BOB "THE" \\ {BUILDER}', "ZOË 😀"]),
        ("{raw.email|mask}", ["*" * 13, "*" * 14, ""]),
        ("{value|mask('#', 2, 1)}", ["12########9", "", "#"]),
        ("{mask}", ["*" * 11, "", "*"]),
        ("{mask('x',1,0)}", ["1xxxxxxxxxx", "", "x"]),
        ("{last4}", ["6789", "****", "****"]),
        ("{first2}", ["12", "**", "**"]),
        ("{last4()}{{}}", ["6789{}", "****{}", "****{}"]),
        ("{value|last(3)}", ["789", "***", "***"]),
        ("{raw.name|slug}", ["ann-o-brien", "bob-the-builder", "zo"]),
        ("{raw.name|replace(' ','_')|lower}", ["ann_o'brien", 'bob_"the"_\\_{builder}', "zoë_😀"]),
        ("back\\slash 'quote' %s $1", ["back\\slash 'quote' %s $1"] * 3),
        ("{raw.name|alnum}", ["AnnOBrien", "BobtheBuilder", "Zo"]),
        ("{raw.name|title|trim|first(2)}", ["An", "Bo", "**"]),
        ("{raw.phone|digits}", ["491711234567", "", "555"]),
    ],
)
async def test_placeholders_that_draw_nothing(masking, users, template, expected):
    """Nothing in a value is taken for syntax, and NULL of another column is the empty text."""
    assert await masking.column("users", "ssn", template) == expected


async def test_placeholders_that_draw(masking, users):
    """By the value, where two columns may have to agree; by the row for what is random."""
    texts = ["123-45-6789", "", "1"]
    drawn = [masking.hmac("users.ssn", text) for text in texts]
    rows = [masking.row("users", key) for key in "123"]
    assert await masking.column("users", "ssn", "{hash}") == [h.hex()[:20] for h in drawn]
    assert await masking.column("users", "ssn", "h{hash(64)}") == ["h" + h.hex() for h in drawn]
    assert await masking.column("users", "ssn", "{random(4,'hex')}") == [h.hex()[:4] for h in rows]
    found = await masking.column("users", "ssn", "{random(10,19)}/{random(18)}")
    assert found == [f"{10 + number_of(h) % 10}/{number_of(h[8:]) % 10**18:018}" for h in rows]
    for value in await masking.column("users", "ssn", "{uuid}"):
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", value)
    keyed = await masking.column("users", "ssn", "{raw.email|hash(8)}")
    assert keyed[0] == masking.hmac("users.ssn", "ann@corp.test").hex()[:8]
    like = await masking.column("users", "phone", "{digits_like}")
    assert re.fullmatch(r"\+\d\d \d{3} \d{7}", like[0])
    assert like[0] != "+49 171 1234567"


async def test_a_domain_is_shared_and_a_column_can_draw_for_another(masking, users):
    """The same words in two tables; and what hangs on another column."""
    rule = {"template": "{hash(8)}", "domain": "email"}
    assert (await masking.column("users", "email", rule))[0] == masking.key.prf("email", "", "ann@corp.test").hex()[:8]
    rule = {"template": {"value": "{random(4)}", "per": "name"}}
    found = await masking.column("users", "ssn", rule)
    again = await masking.column("users", "phone", rule)
    assert found[0] == again[0]
    assert (await masking.column("users", "ssn", {**rule, "deterministic": False}))[0] is not None


async def test_a_template_of_a_masked_column_reads_its_mask(masking, users):
    """And an original is noted."""
    rules = {"name": "N{id}", "email": "{name|lower}@example.com", "ssn": "{raw.name|hash}"}
    rows = await masking.fetch("users", rules)
    assert [row["email"] for row in rows] == ["n1@example.com", "n2@example.com", None]
    assert (await masking.compile("users", rules, check=False)).reads == {"ssn": ("name",)}


async def test_templates_become_the_columns_type(masking):
    """Text is cast to it, never to its length."""
    masking.sql(
        """CREATE TYPE mood AS ENUM ('so', 'la');
           CREATE TABLE t (id int PRIMARY KEY, n int, d date, m mood, c char(3), u uuid, j jsonb, a text[], b bytea);
           INSERT INTO t VALUES (1, 1, now(), 'so', 'x', gen_random_uuid(), '{}', '{}', '')"""
    )
    rules = {
        "n": "{id}7",
        "d": "2001-0{id}-02",
        "m": "la",
        "c": "ab",
        "u": "{uuid}",
        "j": '{{"a": {id}}}',
        "a": "{{x,y}}",
    }
    row = (await masking.fetch("t", {**rules, "b": "\\x41"}))[0]
    assert (row["n"], str(row["d"]), row["m"], row["c"]) == (17, "2001-01-02", "la", "ab")
    assert (row["j"], row["a"], row["b"]) == ('{"a": 1}', ["x", "y"], b"A")


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "template", "words", "hint"),
    [
        ("ssn", "{nmae}", "there is no column 'nmae' at character 1", "did you mean 'name'"),
        ("ssn", "x{radnom(4)}", "there is no function 'radnom' at character 2", "did you mean 'random'"),
        ("ssn", "{name|lowr}", "there is no filter 'lowr' at character 7", "did you mean 'lower'"),
        ("ssn", "{ssn}", "is the column that is masked", "{value|hash}"),
        ("ssn", "{value}", "would let the value pass", "keep"),
        ("ssn", "{value|lower}", "would let the value pass", "keep"),
        ("ssn", "{row.nmae}", "no column 'nmae'", "name"),
        ("ssn", "{foo.name}", "no 'foo'", "raw, row, faker"),
        ("ssn", "{random}", "takes digits", ""),
        ("ssn", "{random(19)}", "takes 1 to 18", ""),
        ("ssn", "{random(5,2)}", "the smaller number first", ""),
        ("ssn", "{hash(65)}", "takes 1 to 64", ""),
        ("ssn", "{uuid(1)}", "takes nothing", ""),
        ("ssn", "{mask(1)}", "takes a character", ""),
        ("ssn", "{name(1)}", "no function 'name'", ""),
        ("ssn", "{name|first}", "takes a number", ""),
        ("ssn", "{name|hash(0)}", "1 to 64", ""),
        ("ssn", "{name|default(1)}", "takes 'a text'", ""),
        ("ssn", "{name|default(nmae)}", "there is no column 'nmae' at character 15", "did you mean 'name'"),
        ("ssn", "{name|replace(a,'b')}", "'a' is a column's name here at character 15", "write 'a'"),
        ("ssn", "x{random(4,hex)}", "'hex' is a column's name here at character 12", "write 'hex'"),
        ("ssn", "{faker.name('de_DE', 3)}", "takes a locale: 'de_DE' at character 1", ""),
        ("ssn", "{name", "not closed at character 1", "{{"),
        ("name", "{hash(41)}", "up to 41 characters", "too_long"),
        ("email", "{random(4)}@example.com", "is unique", "unique: allow_loss"),
        ("email", "x", "is unique", "unique: allow_loss"),
    ],
)
async def test_what_a_template_cannot_be(masking, users, column, template, words, hint):
    """With the rule, the position, and what was meant."""
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        await masking.compile("users", {column: template})
    assert f"anonymize.users.{column}" in caught.value.message
    assert hint in (caught.value.hint or "")


async def test_a_column_that_is_called_like_a_function(masking):
    """Neither is guessed."""
    masking.sql("CREATE TABLE t (id int, last4 text, secret text); INSERT INTO t VALUES (1, 'col', '12345678')")
    with pytest.raises(ConfigError, match="a column and a function"):
        await masking.compile("t", {"secret": "{last4}"})
    assert await masking.column("t", "secret", "{row.last4} {last4()}") == ["col 5678"]


@pytest.mark.parametrize("template", ["user_{id}@example.com", "{id}{random(4)}", "{hash}@example.com", "{uuid}"])
async def test_templates_that_keep_values_apart(masking, users, template):
    """A key with what has one length around it, and hashes."""
    await masking.compile("users", {"email": template})


async def test_two_parts_that_can_be_taken_for_each_other(masking, users):
    """1 and 23 are 12 and 3."""
    with pytest.raises(ConfigError, match="is unique"):
        await masking.compile("users", {"email": "{id}{age}"})
