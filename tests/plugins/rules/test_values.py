"""What each kind makes of values: numbers, dates, addresses, documents; from the bytes that the key gives."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import re
import sys
from decimal import Decimal
from importlib.metadata import entry_points
from types import SimpleNamespace

import pytest

from confiture.errors import ConfigError
from confiture.masking import number_of
from confiture.transfer import reading
from confiture_rules.kinds.choice import weighted
from confiture_rules.kinds.date_shift import shift
from confiture_rules.kinds.fpe import fpe
from confiture_rules.kinds.noise import noise
from confiture_rules.kinds.pseudonym import pseudonym
from confiture_rules.kinds.scramble import scramble

pytestmark = pytest.mark.anyio


async def refused(masking, table, rules, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        await masking.compile(table, rules)


async def test_fpe_is_a_permutation_in_sql_as_in_python(masking):
    """Of numbers and of the digits in a text; all of the four digits there are."""

    def drawn(place):
        return lambda text: masking.hmac(place, text, "fpe")

    masking.sql(
        """CREATE TABLE t (id int PRIMARY KEY, n int UNIQUE, s text UNIQUE);
           INSERT INTO t SELECT i, i, lpad(i::text, 4, '0') FROM generate_series(0, 9999) AS i"""
    )
    rows = await masking.fetch("t", {"n": {"fpe": {"digits": 4}}}, check=True)
    assert sorted(row["n"] for row in rows) == list(range(10000))
    assert [row["n"] for row in rows[:50]] == [fpe(drawn("t.n"), i, 4) for i in range(50)]
    texts = await masking.column("t", "s", {"fpe": "feistel"}, check=True)
    assert len(set(texts)) == 10000
    assert texts[7] == f"{fpe(drawn('t.s'), 7, 4):04}"
    samples = ["", "no digits", "7", "1-2-3", "+49 (171) 12345678 9", "9" * 18]
    masking.sql("TRUNCATE t")
    for i, text in enumerate(samples):
        masking.sql(f"INSERT INTO t VALUES ({i}, {i}, '{text}')")
    for text, found in zip(samples, await masking.column("t", "s", {"fpe": {}}), strict=True):
        digits = "".join(filter(str.isdigit, text))
        made = f"{fpe(drawn('t.s'), int(digits), len(digits)):0{len(digits)}}" if digits else ""
        expected = iter(made)
        assert found == "".join(next(expected) if character.isdigit() else character for character in text)
    masking.sql("UPDATE t SET s = repeat('9', 19) WHERE id = 1; UPDATE t SET n = -5 WHERE id = 2")
    with pytest.raises(Exception, match=r"more than 18 digits in public\.t\.s"):
        await masking.column("t", "s", {"fpe": {}})
    with pytest.raises(Exception, match=r"a number that has not 9 digits in public\.t\.n"):
        await masking.column("t", "n", {"fpe": {}})
    await refused(masking, "t", {"n": {"fpe": {"digits": 10}}}, "room for 2 to 9 digits")


async def test_fpe_keeps_parents_and_children_together(masking):
    """An int references a bigint: each other's rows are still found."""
    masking.sql(
        """CREATE TABLE p (id bigint PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p);
           INSERT INTO p SELECT generate_series(1, 50); INSERT INTO c SELECT i, i FROM generate_series(1, 50) AS i"""
    )
    rule = {"fpe": {"digits": 6}}
    parents = [row["id"] for row in await masking.fetch("p", {"id": rule})]
    assert sorted(await masking.column("c", "p", rule)) == parents
    assert parents != list(range(1, 51))


async def test_words_numbers_and_dates(masking):
    """By twins in Python."""
    masking.sql(
        """CREATE TABLE t (id int PRIMARY KEY, w text, n numeric, i int, f float8, d date, z timestamptz, u int);
           INSERT INTO t VALUES (1, 'Zoë 42-x', 123.45, 1000, 2.5, '2000-01-31', '2000-03-26 01:00Z', 7),
                                (2, 'b', 1, -50, 1, 'infinity', 'infinity', 7)"""
    )
    number = number_of(masking.row("t", "1"))
    word, other = masking.hmac("t.w", "Zoë 42-x"), masking.hmac("t.w", "Zoë 42-x", "scramble")
    assert (await masking.column("t", "w", {"pseudonym": {}}))[0] == pseudonym(word, 5)
    assert (await masking.column("t", "w", {"scramble": {}}))[0] == scramble("Zoë 42-x", other)
    assert (await masking.column("t", "w", {"regex": {"pattern": "[0-9]+", "replacement": "#"}}))[0] == "Zoë #-x"
    found = await masking.column("t", "n", {"noise": {"ratio": 0.1}})
    assert found[0] == noise(Decimal("123.45"), number, ratio=Decimal("0.1")).quantize(Decimal("0.01"))
    assert abs(found[0] - Decimal("123.45")) <= Decimal("12.35")
    found = await masking.column("t", "i", {"noise": {"abs": 5}})
    assert found[0] == round(noise(Decimal(1000), number, span=Decimal(5)))
    assert 1.9 < (await masking.column("t", "f", {"noise": {"ratio": 0.2}}))[0] < 3.1
    moved = await masking.column("t", "d", {"date_shift": {"days": 30}})
    assert moved[0] == dt.date(2000, 1, 31) + dt.timedelta(days=shift(number, 30))
    whole = await masking.fetch("t", {"d": {"date_shift": {"per": "u"}}, "z": {"date_shift": {"per": "u"}}})
    assert whole[0]["d"] - dt.date(2000, 1, 31) == whole[0]["z"] - dt.datetime(2000, 3, 26, 1, tzinfo=dt.UTC)
    assert (await masking.column("t", "d", {"generalize": "year"}))[0] == dt.date(2000, 1, 1)
    assert await masking.column("t", "i", {"generalize": {"range": 300}}) == [900, -300]
    assert await masking.column("t", "i", {"generalize": "range(300)"}) == [900, -300]
    await refused(masking, "t", {"i": {"generalize": "range(x)"}}, "has no width")
    assert await masking.column("t", "w", {"generalize": "zip3"}) == ["Zoë00", "b00"]
    for column, rule in {
        "w": {"noise": {"ratio": 1}},
        "n": {"noise": {}},
        "i": {"noise": {"ratio": 1, "abs": 1}},
        "f": {"date_shift": {}},
        "d": {"generalize": "zip3"},
        "z": {"generalize": {"range": 5}},
        "u": {"scramble": {}},
    }.items():
        await refused(masking, "t", {column: rule}, f"anonymize.t.{column}")


async def test_choices(masking):
    """Of a list, with weights, and of an enumeration."""
    masking.sql(
        """CREATE TYPE mood AS ENUM ('so', 'la', 'mi'); CREATE TABLE t (id int PRIMARY KEY, c text, m mood);
           INSERT INTO t SELECT i, 'c', 'so' FROM generate_series(1, 300) AS i"""
    )
    numbers = [number_of(masking.row("t", str(i))) for i in range(1, 301)]
    values = ["O'x", 'a "b"', "\\\\"]
    assert await masking.column("t", "c", {"choice": values}) == [values[n % 3] for n in numbers]
    rule = {"choice": {"value": values, "weights": [1, 0, 5]}}
    assert await masking.column("t", "c", rule) == [weighted(values, [1, 0, 5], n) for n in numbers]
    found = await masking.column("t", "m", {"enum": {"but": ["so"]}})
    assert found == [("la", "mi")[n % 2] for n in numbers]
    await refused(masking, "t", {"c": {"choice": {"value": []}}}, "nothing to choose")
    await refused(masking, "t", {"c": {"choice": {"value": [1], "weights": [0]}}}, "a weight")
    await refused(masking, "t", {"c": {"enum": {}}}, "no enumeration")
    await refused(masking, "t", {"m": {"enum": {"but": ["sol"]}}}, "has no 'sol'")


async def test_addresses_are_nobodys(masking):
    """Mail, telephone and network: only what is reserved, unless something is to stay."""
    masking.sql(
        """CREATE TABLE t (id int PRIMARY KEY, e text, p text, i inet, m macaddr, s text);
           INSERT INTO t VALUES (1, 'Ann@Corp.TEST', '+49 171 555', '10.1.2.3/8', '08:00:2b:01:02:03', '10.1.2.3'),
                                (2, 'nobody', '+1 202', '2a00:1:2:3::4', 'ff:ff:ff:ff:ff:ff', '::1')"""
    )
    hashed = masking.hmac("t.e", "Ann@Corp.TEST").hex()
    assert (await masking.column("t", "e", {"email": {}}))[0] == f"u_{hashed[:20]}@example.com"
    kept = await masking.column("t", "e", {"email": {"to": "keep", "length": 8}})
    assert (kept[0], kept[1][10:]) == (f"u_{hashed[:8]}@corp.test", "@example.com")
    shared = masking.key.prf("keep", "", "Ann@Corp.TEST").hex()
    assert (await masking.column("t", "e", {"email": {"domain": "keep"}}))[0] == f"u_{shared[:20]}@corp.test"
    for value in await masking.column("t", "p", {"phone": {}}):
        assert re.fullmatch(r"\+1-555-01\d\d", value)
    countries = [value[:7] for value in await masking.column("t", "p", {"phone": {"keep": "country"}})]
    assert countries == ["+49-555", "+1-555-"]
    found = await masking.column("t", "i", {"ip": {}})
    assert found[0] in ipaddress.ip_network("203.0.113.0/24")
    assert found[1] in ipaddress.ip_network("2001:db8::/32")
    networks = [str(value) for value in await masking.column("t", "i", {"ip": {"prefix": 24}})]
    assert networks == ["10.1.2.0", "2a00:1:2::"]
    assert (await masking.column("t", "s", {"ip": {"prefix": 16}}))[0] == "10.1.0.0"
    assert await masking.column("t", "m", {"mac": {"keep": "vendor"}}) == ["08:00:2b:00:00:00", "ff:ff:ff:00:00:00"]
    assert all(value.startswith("02:") for value in await masking.column("t", "m", {"mac": {}}))
    await refused(masking, "t", {"id": {"ip": {}}}, "no address")


async def test_json(masking):
    """NULL at a path is no NULL for the document, and a path that is missing is not made."""
    documents = [
        '{"a": {"b": "x", "k": 1}, "l": [{"m": "p"}, {"m": null}, 3, {}], "n": null}',
        '{"other": true, "a": "text", "l": {"m": 1}}',
        "[1, 2]",
        '"secret"',
    ]
    masking.sql("CREATE TABLE t (id int PRIMARY KEY, j jsonb, o json)")
    for i, document in enumerate(documents):
        masking.sql(f"INSERT INTO t VALUES ({i}, '{document}', '{document}')")
    masking.sql("INSERT INTO t VALUES (9, NULL, NULL)")
    paths = {"a.b": {"hash": {"length": 6}}, "l.*.m": "M", "n": {"constant": 0}, "*": {"constant": 7}}
    for column in "jo":
        found = await masking.column("t", column, {"json": {"paths": paths}})
        hashed = masking.hmac(f"t.{column}", "x").hex()[:6]
        assert [json.loads(value) for value in found[:-1]] == [
            {"a": {"b": hashed, "k": 1}, "l": [{"m": "M"}, {"m": None}, 3, {}], "n": None},
            {"other": True, "a": "text", "l": {"m": 1}},
            [7, 7],
            None,
        ]
        assert found[-1] is None
    nulls = await masking.column("t", "j", {"json": {"paths": {"a.k": None, "a.b": {"keep": "no person"}}}})
    assert json.loads(nulls[0])["a"] == {"b": "x", "k": None}
    await refused(masking, "t", {"id": {"json": {"paths": {"a": None}}}}, "no json")
    await refused(masking, "t", {"j": {"json": {"paths": {"a..b": None}}}}, "no path")
    await refused(masking, "t", {"j": {"json": {"paths": {"a": {"hash": {"lenght": 1}}}}}}, "anonymize.t.j.a")


async def test_arrays(masking):
    """The order stays, NULL stays NULL and empty stays empty; elements draw for themselves."""
    masking.sql(
        """CREATE TABLE t (id int PRIMARY KEY, a text[], n int[]);
           INSERT INTO t VALUES (1, '{x,NULL,y,x}', '{3,1}'), (2, NULL, NULL), (3, '{}', '{}')"""
    )
    x, y = (masking.hmac("t.a", text).hex()[:20] for text in "xy")
    assert await masking.column("t", "a", {"array": {"each": {"hash": {}}}}) == [[x, None, y, x], None, []]
    assert await masking.column("t", "n", {"array": {"each": {"fpe": {"digits": 4}}}}) != [[3, 1], None, []]
    found = await masking.column("t", "a", {"array": {"each": "<{value|mask}>"}})
    assert found == [["<*>", None, "<*>", "<*>"], None, []]
    await refused(masking, "t", {"id": {"array": {"each": None}}}, "no array")
    await refused(masking, "t", {"a": {"array": {"each": {"python": "os:getcwd"}}}}, "cannot stand within")


async def test_shuffle(masking):
    """The same values in other rows, in the order of the keyed hash; NULL stays where it is. Other joins beside it."""
    masking.sql(
        """CREATE TABLE t (a int, "B" text, v int UNIQUE, w text, PRIMARY KEY (a, "B"));
           INSERT INTO t SELECT i, 'x', nullif(i, 5), 'w' || i FROM generate_series(1, 40) AS i"""
    )
    rows = await masking.fetch("t", {"v": {"shuffle": {}}, "w": {"shuffle": {}}}, check=True)
    raw = [None if i == 5 else i for i in range(1, 41)]
    found = [row["v"] for row in rows]
    assert [row["a"] for row in rows] == list(range(1, 41))
    assert found != raw
    assert found[4] is None
    assert sorted(filter(None, found)) == sorted(filter(None, raw))
    assert [f"w{value}" for value in found] != [row["w"] for row in rows]
    masking.sql("CREATE TABLE n (v int); CREATE TABLE c (id int PRIMARY KEY, p int UNIQUE REFERENCES c)")
    await refused(masking, "n", {"v": {"shuffle": {}}}, "needs a table with a primary key")
    await refused(masking, "c", {"p": {"shuffle": {}}}, "would part the two sides")


async def test_sql_speaks_of_columns_by_any_name(masking):
    """What the query brings along has other names than a table's columns have."""
    masking.sql(
        """CREATE TABLE t (id int PRIMARY KEY, value text, h0 text, e text[], d jsonb, o int, v int);
           INSERT INTO t SELECT i, 'v', 'h', '{x}', '{"a": 1}', 3, i FROM generate_series(1, 3) AS i"""
    )
    rules = {
        "h0": {"sql": "value || h0 || o || id"},
        "value": {"hash": {}, "when": "value <> h0 AND id < 9"},
        "o": "{h0|digits}{v}",
        "v": {"shuffle": {}},
        "e": {"array": {"each": {"sql": "e[1] || o || d"}}},
        "d": {"json": {"paths": {"a": {"sql": "d ->> 'a' || o || e[1]"}}}},
    }
    masked = await masking.compile("t", rules, check=False)
    async with reading(masking.run, masking.target, settings=masking.key.settings) as connection:
        rows = await connection.fetch(f"{masked.where('id = 2 AND v = o - 1')}")
    assert [(row["h0"], row["e"], json.loads(row["d"])) for row in rows] == [("vh32", ['x3{"a": 1}'], {"a": "13x"})]
    assert (rows[0]["value"], rows[0]["o"] // 10) == (masking.hmac("t.value", "v").hex()[:20], 32)


async def test_sql_of_ones_own(masking, users):
    """One expression over the raw row; what it reads of other columns is noted."""
    rules = {"name": {"sql": "left(email, 2) || age -- and no more"}, "email": "u{id}"}
    masked = await masking.compile("users", rules)
    assert masked.reads == {"name": ("age", "email")}
    assert (await masking.fetch("users", rules))[0]["name"] == "an40"
    for text in ("1, 2", "name; DROP TABLE users", "name FROM users", "1) , (2", ""):
        await refused(masking, "users", {"name": {"sql": text}}, "anonymize.users.name")


async def test_python_of_ones_own(masking, monkeypatch):
    """The transfer engine gets a function over what travels; what it gets is typed."""
    module = SimpleNamespace(
        initial=lambda value: value[:1], next=lambda number: number + 1, none=lambda value: value or "was NULL"
    )
    module.path = []
    monkeypatch.setitem(sys.modules, "our_masks", module)
    masking.sql("CREATE TABLE t (id int PRIMARY KEY, s text, n int, d date)")

    async def function(column, rule):
        masked = await masking.compile("t", {column: rule})
        assert [mask.column for mask in masked.masks] == [column]
        assert masked.compiled[column].runs_in == "client"
        return masked.masks[0].function

    text = await function("s", {"python": "our_masks:initial"})
    assert (text("Zoë".encode()), text(None)) == (b"Z", None)
    number = await function("n", {"python": "our_masks:next"})
    assert number((-2).to_bytes(4, "big", signed=True)) == (-1).to_bytes(4, "big", signed=True)
    nulls = await function("s", {"python": {"value": "our_masks:none", "on_null": "mask"}})
    assert nulls(None) == b"was NULL"
    await refused(masking, "t", {"d": {"python": "our_masks:initial"}}, "another type")
    await refused(masking, "t", {"s": {"python": "our_masks:nothing"}}, "cannot be imported")
    await refused(masking, "t", {"s": {"python": "our_masks:path"}}, "not a function")
    await refused(masking, "t", {"s": {"python": "our_masks:initial"}, "n": "{s}"}, "no other column can read it")


async def test_faker_says_what_to_install(masking, users):
    """It needs a package, which is a distribution of its own."""
    if any(point.name == "mask-faker" for point in entry_points(group="confiture")):
        pytest.skip("the plugin for Faker is installed here")
    for rule in ("{faker.name}", {"faker": {"provider": "name"}}):
        with pytest.raises(ConfigError, match="there is no kind 'faker'") as caught:
            await masking.compile("users", {"name": rule})
        assert caught.value.hint == "pip install confiture-mask-faker"
