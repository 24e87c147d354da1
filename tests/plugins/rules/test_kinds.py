"""The kinds: each keeps the rules of an anonymizer, and does what its page says."""

from __future__ import annotations

import re
from importlib.metadata import entry_points

import msgspec
import pytest

from confiture.errors import ConfigError
from confiture.hooks import ANONYMIZER
from confiture.testing import check_anonymizer
from confiture_rules import plugin

pytestmark = pytest.mark.anyio

#: A rule of each kind, with the column's type, SQL of its values, and whether values may stay.
RULES = {
    "array": ({"each": {"hash": {}}}, "text[]", "ARRAY['person ' || n]", False),
    "choice": ({"value": ["a", "b"]}, "text", "'person ' || n", False),
    "date_shift": ({"days": 10}, "date", "date '2000-01-01' + n", False),
    "email": ({}, "varchar(40)", "'p' || n || '@corp.test'", False),
    "enum": ({}, "mood", "CASE WHEN n % 2 = 0 THEN 'so' ELSE 'la' END", True),
    "fpe": ({}, "int", "n", True),
    "generalize": ({"value": "decade"}, "date", "date '2000-01-02' + n", False),
    "ip": ({}, "inet", "inet '10.0.0.0' + n", False),
    "json": ({"paths": {"a": {"hash": {}}}}, "jsonb", "jsonb_build_object('a', n)", False),
    "mac": ({}, "macaddr", "('0800' || lpad(to_hex(n), 8, '0'))::macaddr", False),
    "noise": ({"ratio": 0.2}, "numeric(12,4)", "n + 0.1234", False),
    "phone": ({}, "text", "'+49 171 ' || n", False),
    "pseudonym": ({"syllables": 8}, "text", "'person ' || n", False),
    "python": ({"value": "textwrap:dedent"}, "text", "'person ' || n", False),
    "regex": ({"pattern": "[0-9]"}, "text", "'person ' || n", False),
    "scramble": ({}, "varchar(30)", "'person ' || n", False),
    "shuffle": ({}, "text", "'person ' || n", True),
    "sql": ({"value": "md5(value)"}, "text", "'person ' || n", False),
    "card": ({}, "text", "'4111 1111 1111 ' || (1000 + n)", False),
    "constant": ({"value": "x"}, "text", "'person ' || n", False),
    "default": ({}, "text", "'person ' || n", False),
    "hash": ({"length": 16}, "text", "'person ' || n", False),
    "keep": ({}, "text", "'person ' || n", True),
    "null": ({}, "text", "'person ' || n", False),
    "partial": ({"first": 2, "last": 2}, "varchar(40)", "'person ' || n", False),
    "template": ({"value": "u{hash}"}, "text", "'person ' || n", False),
}


class Reasoned:
    """``keep`` with a reason, which is no option of its own."""

    def __init__(self, kept):
        self.kept = kept

    def compile(self, rule, scope):
        return self.kept.compile(msgspec.structs.replace(rule, reason="why not"), scope)


@pytest.mark.parametrize("kind", RULES)
async def test_a_kind_keeps_the_rules(kernel_run, database, psql, kind):
    """What each promises is looked at on a server."""
    options, column, values, open_ = RULES[kind]
    psql(database, "CREATE TYPE mood AS ENUM ('so', 'la')")
    values = f"({values})::{column}"
    async with kernel_run() as run:
        provider = run.get(ANONYMIZER, kind)
        provider = Reasoned(provider) if kind == "keep" else provider
        await check_anonymizer(run, provider, database, options, column=column, values=values, open_=open_)


def test_each_kind_is_tried():
    """A kind that is registered is in the table above."""
    assert {provider.name for provider in plugin.confiture_anonymizers()} == RULES.keys()
    assert "rules" in {point.name for point in entry_points(group="confiture")}


async def refused(masking, table, rules, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        await masking.compile(table, rules)


async def test_constants(masking, users):
    """Of any type; nothing in them is taken for syntax."""
    assert await masking.column("users", "age", 0) == [0, None, 0]
    assert await masking.column("users", "name", {"constant": "{id} \\ 'x'"}) == ["{id} \\ 'x'"] * 3
    masking.sql("CREATE TABLE t (j jsonb, b bool, n numeric); INSERT INTO t VALUES ('1', true, 1)")
    rows = await masking.fetch("t", {"j": {"constant": {"value": {"a": [1, None]}}}, "b": False, "n": 1.5})
    assert (rows[0]["j"], rows[0]["b"], str(rows[0]["n"])) == ('{"a": [1, null]}', False, "1.5")
    await refused(masking, "users", {"name": {"constant": [1]}}, "no constant")
    await refused(masking, "users", {"name": {"constant": None}}, "value")


async def test_null_default_and_keep(masking):
    """A default is the target's: the column is left out. What is kept has a reason."""
    masking.sql(
        """CREATE TABLE t (id int PRIMARY KEY, a text NOT NULL, b text NOT NULL DEFAULT 'd', c text);
           INSERT INTO t VALUES (1, 'a', 'b', 'c')"""
    )
    masked = await masking.compile("t", {"b": {"default": None}, "c": None, "a": {"keep": "it is public"}})
    assert masked.columns == ("id", "a", "c")
    assert masked.kept == ("id", "a")
    assert [tuple(row) for row in await masking.fetch("t", {"b": {"default": None}, "c": None})] == [(1, "a", None)]
    await refused(masking, "t", {"a": None}, "NOT NULL, and the mask gives NULL")
    await refused(masking, "t", {"a": {"default": None}}, "has no default")
    await refused(masking, "t", {"a": {"kind": "keep"}}, "needs a reason")


async def test_hashes_have_the_columns_type(masking):
    """Digits for text, as long as the column; numbers, uuids, bytes."""
    masking.sql(
        """CREATE TABLE t (id int PRIMARY KEY, s varchar(8), i int, n numeric(6,2), u uuid, b bytea, d date);
           INSERT INTO t VALUES (1, 'x', 5, 1.5, 'ABCDEF00-0000-0000-0000-000000000000', '\\x00', now())"""
    )
    rows = await masking.fetch("t", {name: {"hash": {}} for name in "sinub"})
    assert rows[0]["s"] == masking.hmac("t.s", "x").hex()[:8]
    assert rows[0]["i"] == int.from_bytes(masking.hmac("t.i", "5")[:8], "big") % 2**31
    assert 0 <= rows[0]["n"] < 10**4
    assert rows[0]["u"].version == 4
    assert rows[0]["b"] == masking.hmac("t.b", "00")
    assert await masking.column("t", "s", {"hash": {"prefix": "h_"}}) == ["h_" + masking.hmac("t.s", "x").hex()[:6]]
    await refused(masking, "t", {"d": {"hash": {}}}, "date has no hash")
    await refused(masking, "t", {"s": {"hash": {"length": 9}}}, "up to 9 characters")
    await refused(masking, "t", {"s": {"hash": {"lenght": 9}}}, "unknown key")


async def test_partial(masking, users):
    """A text that has no more than what would stay is covered whole."""
    rule = {"partial": {"first": 1, "last": 2, "with": "x"}}
    assert await masking.column("users", "phone", rule) == ["+xxxxxxxxxxxx67", None, "xxx"]
    await refused(masking, "users", {"age": {"partial": {}}}, "no characters")


async def test_typing_errors_are_told_with_what_was_meant(masking, users):
    """Of keys, of those that all kinds have too, of values, and of columns in SQL with their place."""
    for rule, words, hint in (
        ({"hash": {"lenght": 8}}, "unknown key 'anonymize.users.name.lenght'", "did you mean 'length'?"),
        ({"hash": {"on_nul": "mask"}}, "unknown key 'anonymize.users.name.on_nul'", "did you mean 'on_null'?"),
        ({"hash": {"per": "rwo"}}, "'per' names no column: 'rwo'", "did you mean 'row'?"),
        (
            {"hash": {"when": "age > 3 AND nmae = 'ß' "}},
            "no column 'nmae', which 'when' reads at character 13",
            "'name'",
        ),
        ({"sql": "'ß' || lower(emial)"}, "no column 'emial', which the expression reads at character 14", "'email'"),
        ({"generalize": "yaer"}, "cannot be generalized to 'yaer'", "did you mean 'year'?"),
        ({"array": {"each": {"kind": "hsah"}}}, "is no array", ""),
    ):
        with pytest.raises(ConfigError, match=re.escape(words)) as caught:
            await masking.compile("users", {"name": rule})
        assert hint in (caught.value.hint or "")
    # What a query in an expression speaks of may be its own.
    await masking.compile("users", {"name": {"sql": "(SELECT v FROM (VALUES ('x')) AS w(v))"}})
    for wrong, hint in (
        ({"hash": {}, "wen": "true"}, "did you mean 'when'?"),
        ({"on_null": "kep", "hash": {}}, "keep"),
    ):
        with pytest.raises(ConfigError) as caught:
            await masking.compile("users", {"name": wrong})
        assert hint in (caught.value.hint or "")


async def test_a_kind_that_is_not_there(masking, users):
    """The ones that are there are named."""
    with pytest.raises(ConfigError, match="there is no kind 'hahs'") as caught:
        await masking.compile("users", {"name": {"kind": "hahs"}})
    assert "hash" in (caught.value.hint or "")
