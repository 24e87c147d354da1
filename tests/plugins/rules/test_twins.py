"""Each kind that draws or computes has a twin in Python: on a server, for whatever hypothesis thinks of, they agree."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import re
import textwrap
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confiture.masking import canonical
from confiture.masking.values import ValueType
from confiture.transfer import reading
from confiture_rules import pieces
from confiture_rules.drawing import Drawn
from confiture_rules.kinds.card import card
from confiture_rules.kinds.choice import weighted
from confiture_rules.kinds.date_shift import shift
from confiture_rules.kinds.email import email
from confiture_rules.kinds.fpe import fpe, fpe_text
from confiture_rules.kinds.generalize import in_range, since
from confiture_rules.kinds.hash import hash_of
from confiture_rules.kinds.ip import ip, network
from confiture_rules.kinds.json import mask_path
from confiture_rules.kinds.mac import mac, vendor
from confiture_rules.kinds.noise import noise, rounded
from confiture_rules.kinds.phone import phone
from confiture_rules.kinds.pseudonym import pseudonym
from confiture_rules.kinds.scramble import scramble
from confiture_rules.kinds.shuffle import shuffled
from confiture_rules.rendering import render

pytestmark = pytest.mark.anyio

ANY = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
#: Letters that have one small and one capital form, in every version of Unicode that a server may know.
WORDS = st.text("abzAZ019äÖéñЖя _-.,@+'\\", max_size=40)
#: Numbers as people write them: at most 18 digits.
NUMBERED = st.from_regex(r"\A[+(]?([0-9]{1,4}[ -]?){1,4}[a-z]?\Z")
TEXTS = ANY | WORDS | NUMBERED
DATES = st.dates(dt.date(1, 1, 5), dt.date(9990, 1, 1))
MOMENTS = st.datetimes(dt.datetime(1800, 1, 1), dt.datetime(9990, 1, 1), timezones=st.just(dt.UTC))


def type_(name, **more):
    return ValueType(sql=name, name=name, category="", **more)


def drawn(strategy, many=60):
    """What hypothesis draws for a column, NULL with it."""
    found = [None]

    @settings(max_examples=many, suppress_health_check=list(HealthCheck), database=None)
    @given(strategy)
    def collect(value):
        found.append(value)

    collect()
    return found


async def agree(masking, sql_type, values, rules):
    """One table, a column of the values for each rule, and one masked query; ``rules`` are with their twins.

    A twin gets the value, what it draws, and the row's id.
    """
    names = [f"c{number}" for number in range(len(rules))]
    async with masking.run.connect(masking.target) as connection:
        columns = ", ".join(f"{name} {sql_type}" for name in names)
        await connection.execute(f"DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, {columns})")
        base = sql_type.partition("(")[0]
        await connection.execute(
            f"INSERT INTO t SELECT o{', v' * len(names)} FROM unnest($1::{base}[]) WITH ORDINALITY AS u(v, o)", values
        )
        raw = await connection.fetch("SELECT * FROM t ORDER BY id")
    found = await masking.fetch("t", {name: rule for name, (rule, _) in zip(names, rules, strict=True)})
    for before, after in zip(raw, found, strict=True):
        used = 0
        for name, (rule, twin) in zip(names, rules, strict=True):
            value = before[name]
            own = Drawn(masking.key, f"public.t.{name}", text(value), table="public.t", row=(before["id"],), used=used)
            expected = twin(value, own, before["id"]) if value is not None else None
            if value is None:  # SQL draws, and throws away: the twin of a NULL is not called, but its bytes are gone
                twin(raw[1][name], own, 0)
            used = own.used
            assert after[name] == expected, (rule, value)


def text(value):
    """The canonical text; of documents and arrays there is none."""
    return "" if isinstance(value, list | dict) else canonical(value)


def n(draw, per="value"):
    return lambda drawn: drawn.number(per=per, draw=draw)


async def test_texts(masking):
    """Whatever is in them."""
    choice = ["O'x", 'a "b"', "\\\\"]
    await agree(
        masking,
        "text",
        drawn(TEXTS),
        [
            ({"hash": {}}, lambda v, d, _: hash_of(d.bytes(), type_("text"))),
            ({"hash": {"length": 33, "prefix": "h'"}}, lambda v, d, _: hash_of(d.bytes(), type_("text"), 33, "h'")),
            ({"hash": {"per": "row"}}, lambda v, d, _: d.bytes(10, per="row").hex()),
            ({"email": {}}, lambda v, d, _: email(v, d.bytes())),
            ({"email": {"length": 7}}, lambda v, d, _: email(v, d.bytes(), 7)),
            ({"phone": {}}, lambda v, d, _: phone(v, d.number(draw="phone"))),
            (
                {"phone": {"keep": "country", "digits": 5}},
                lambda v, d, _: phone(v, d.number(draw="phone"), 5, "country"),
            ),
            ({"pseudonym": {}}, lambda v, d, _: pseudonym(d.bytes(), 5)),
            ({"pseudonym": {"syllables": 32}}, lambda v, d, _: pseudonym(d.bytes(), 32)),
            ({"partial": {"first": 2, "last": 1, "with": "ß"}}, lambda v, d, _: pieces.covered(v, "ß", 2, 1)),
            ({"scramble": None}, lambda v, d, _: scramble(v, d.bytes(draw="scramble"))),
            ({"regex": {"pattern": "[0-9]+", "replacement": "#"}}, lambda v, d, _: re.sub("[0-9]+", "#", v)),
            ({"generalize": "zip3"}, lambda v, d, _: v[:3] + "00"),
            ({"constant": "{x} \\ '"}, lambda v, d, _: "{x} \\ '"),
            ({"keep": "why not"}, lambda v, d, _: v),
            (None, lambda v, d, _: None),
            ({"choice": choice}, lambda v, d, _: pieces.pick(choice, d.number(per="row", draw="choice"))),
            (
                {"choice": {"value": choice, "weights": [1, 0, 5]}},
                lambda v, d, _: weighted(choice, [1, 0, 5], d.number(per="row", draw="choice")),
            ),
        ],
    )


async def test_numbers_in_texts(masking):
    """Telephones, cards, and what is enciphered digit by digit."""
    cards = [
        ({"card": {"keep": keep}}, lambda v, d, _, keep=keep: card(pieces.only_digits(v), d.number(draw="card"), keep))
        for keep in ("nothing", "bin", "last4", ["bin", "last4"])
    ]
    await agree(
        masking,
        "text",
        drawn(NUMBERED),
        [
            *cards,
            ({"fpe": "feistel"}, lambda v, d, _: fpe_text(lambda t: d.keyed(t, draw="fpe"), v)),
            ({"phone": {"keep": "country"}}, lambda v, d, _: phone(v, d.number(draw="phone"), 2, "country")),
        ],
    )


@pytest.mark.parametrize(("name", "bits"), [("int2", 15), ("int4", 31), ("int8", 63)])
async def test_whole_numbers(masking, name, bits):
    """Of all sizes, negative ones too, where a kind takes them."""
    digits = {"int2": 4, "int4": 9, "int8": 18}[name]
    half = 2 ** (bits - 1)
    await agree(
        masking,
        name,
        drawn(st.integers(-half, half)),
        [
            ({"hash": None}, lambda v, d, _: hash_of(d.bytes(), type_(name))),
            ({"generalize": {"range": 7}}, lambda v, d, _: in_range(Decimal(v), Decimal(7))),
            (
                {"noise": {"ratio": 0.01}},
                lambda v, d, _: rounded(noise(Decimal(v), d.number(per="row", draw="noise"), ratio=Decimal("0.01")), 0),
            ),
            (
                {"noise": {"abs": 3}},
                lambda v, d, _: rounded(noise(Decimal(v), d.number(per="row", draw="noise"), span=Decimal(3)), 0),
            ),
        ],
    )
    await agree(
        masking,
        name,
        drawn(st.integers(0, min(10**digits - 1, 2 * half - 1))),
        [
            ({"fpe": None}, lambda v, d, _: fpe(lambda t: d.keyed(t, draw="fpe"), v, digits)),
            ({"template": "{random(1, 9)}"}, lambda v, d, _: int(render("{random(1, 9)}", str(v), d))),
        ],
    )


async def test_numbers_with_decimals(masking):
    """As many as the value has, or the column; and no number is rounded twice."""

    def noisy(v, d, **span):
        decimals = max(-v.as_tuple().exponent, 0)
        return rounded(noise(v, d.number(per="row", draw="noise"), **span), decimals)

    for sql_type, places in (("numeric", 30), ("numeric(12,2)", 2)):
        values = drawn(st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=places))
        precision, scale = (12, 2) if places == 2 else (None, None)
        known = type_("numeric", precision=precision, scale=scale)
        await agree(
            masking,
            sql_type,
            values,
            [
                ({"hash": None}, lambda v, d, _, known=known: hash_of(d.bytes(), known)),
                ({"noise": {"ratio": 0.3}}, lambda v, d, _: noisy(v, d, ratio=Decimal("0.3"))),
                ({"noise": {"abs": 0.05}}, lambda v, d, _: noisy(v, d, span=Decimal("0.05"))),
                ({"generalize": "range(0.3)"}, lambda v, d, _: in_range(v, Decimal("0.3"))),
            ],
        )
    # A float becomes numeric with the digits that it is sure of.
    await agree(
        masking,
        "float8",
        drawn(st.floats(-1e12, 1e12, allow_subnormal=False)),
        [
            (
                {"noise": {"ratio": 0.3}},
                lambda v, d, _: float(
                    noise(Decimal(f"{v:.15g}"), d.number(per="row", draw="noise"), ratio=Decimal("0.3"))
                ),
            ),
            ({"generalize": {"range": 0.5}}, lambda v, d, _: float(in_range(Decimal(f"{v:.15g}"), Decimal("0.5")))),
        ],
    )


async def test_dates_and_moments(masking):
    """Whatever time zone the database has: a moment's day is that of UTC."""
    masking.sql("ALTER DATABASE " + masking.target.database + " SET TimeZone = 'America/Sao_Paulo'")

    def moved(v, d, days):
        return v + dt.timedelta(days=shift(d.number(per="row", draw="date"), days))

    parts = ("century", "decade", "year", "quarter", "month", "week", "day")
    for sql_type, values, more in (
        ("date", DATES, ()),
        ("timestamp", MOMENTS.map(lambda v: v.replace(tzinfo=None)), ("hour",)),
        ("timestamptz", MOMENTS, ("hour",)),
    ):
        await agree(
            masking,
            sql_type,
            drawn(values, 40),
            [
                ({"date_shift": {"days": 3}}, lambda v, d, _: moved(v, d, 3)),
                *[({"generalize": part}, lambda v, d, _, part=part: since(v, part)) for part in (*parts, *more)],
            ],
        )


async def test_other_types(masking):
    """Addresses, uuids, bytes, labels of an enumeration."""

    def address(value):
        return getattr(value, "ip", value)

    await agree(
        masking,
        "inet",
        drawn(st.ip_addresses()),
        [
            ({"ip": None}, lambda v, d, _: ipaddress.ip_address(ip(address(v), d.bytes(16, draw="ip")))),
            ({"ip": {"prefix": 20}}, lambda v, d, _: ipaddress.ip_address(network(address(v), 20))),
            (
                {"ip": {"prefix": 0, "prefix6": 128}},
                lambda v, d, _: ipaddress.ip_address(network(address(v), 0, 128)),
            ),
        ],
    )
    await agree(
        masking,
        "macaddr",
        drawn(st.binary(min_size=6, max_size=6).map(lambda b: ":".join(textwrap.wrap(b.hex(), 2)))),
        [
            ({"mac": None}, lambda v, d, _: mac(d.bytes(5, draw="mac"))),
            ({"mac": {"keep": "vendor"}}, lambda v, d, _: vendor(v)),
        ],
    )
    for name, strategy in (("uuid", st.uuids()), ("bytea", st.binary(max_size=40))):

        def made(v, d, _, name=name):
            found = hash_of(d.bytes(), type_(name))
            return type(v)(found) if name == "uuid" else found

        await agree(masking, name, drawn(strategy), [({"hash": None}, made)])
    masking.sql("CREATE TYPE mood AS ENUM ('so', 'la', 'mi')")
    labels = ["so", "mi"]
    picked = ({"enum": {"but": ["la"]}}, lambda v, d, _: pieces.pick(labels, d.number(per="row", draw="enum")))
    await agree(masking, "mood", ["la"] * 20, [picked])


async def test_templates(masking):
    """Every placeholder and filter; the other columns of the row are the rule's own and a raw one."""
    filters = ["lower", "upper", "title", "trim", "alnum", "digits", "slug", "first(2)", "last(3)", "hash", "hash(7)"]
    filters += ["mask", "mask('#')", "mask('#', 1, 2)", "replace('a', '''b')", "replace('', 'x')", "default('n/a')"]
    filters += ["default(s)", "digits|last(2)|default('none')"]
    templates = [
        "user_{id}@example.com",
        "+1-555-{random(4)}",
        "{random(18)}{random(3, 'hex')}{random(-5, 5)}{{}}",
        "{last4}{first2} {last10}",
        "{hash} {hash(5)} {hash(64)}",
        "{uuid}",
        "{mask}{mask('x', 1, 2)}",
        "{digits_like}",
        "{luhn}",
        "{value|hash}{value|lower|first(2)}",
        '{s}{row.s}{"s"}',
        *["{raw.o|" + given + "}" for given in filters],
    ]
    values = drawn(WORDS | NUMBERED, 40)
    others = drawn(WORDS, 60)[: len(values)]
    async with masking.run.connect(masking.target) as connection:
        columns = ", ".join(f"c{number} text" for number in range(len(templates)))
        await connection.execute(f"CREATE TABLE t (id int PRIMARY KEY, s text NOT NULL, o text, {columns})")
        given = ", v" * len(templates)
        await connection.execute(
            f"INSERT INTO t SELECT o, 'raw', w{given} FROM unnest($1::text[], $2::text[]) WITH ORDINALITY u(v, w, o)",
            values,
            [*reversed(others)],
        )
        raw = await connection.fetch("SELECT * FROM t ORDER BY id")
    rules = {f"c{number}": template for number, template in enumerate(templates)}
    found = await masking.fetch("t", {"s": {"constant": "S'"}, **rules})
    for before, after in zip(raw, found, strict=True):
        used = 0
        columns = {"id": str(before["id"]), "s": "S'"}
        for name, template in rules.items():
            value = before[name]
            row = (before["id"],)
            own = Drawn(masking.key, f"public.t.{name}", value or "", table="public.t", row=row, used=used)
            made = render(template, value, own, columns=columns, raw={"o": before["o"]})
            used = own.used
            assert after[name] == (None if value is None else made), (template, value, before["o"])


async def test_documents_and_arrays(masking):
    """Elements and leaves draw for themselves."""
    leaf = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | WORDS

    def objects(inner):
        return st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3)

    below = st.recursive(leaf, lambda inner: st.lists(inner, max_size=3) | objects(inner), max_leaves=8)
    documents = drawn(objects(leaf | st.lists(objects(leaf), max_size=3)) | st.lists(objects(leaf)) | below)
    values = [None if document is None else json.dumps(document) for document in documents]

    def at(path, shape):
        def twin(value, d, _):
            def masked(v):
                return None if v is None else d.keyed(v).hex()[:8]

            made = mask_path(json.loads(value), path, masked)
            return json.dumps(made)

        return ({"json": {"paths": {path: {"hash": {"length": 8}}}}}, twin)

    rules = [at(path, None) for path in ("a.b", "a.*.b", "*.c")]
    # What is masked is a string, a number or null here: of an object, PostgreSQL's text is.
    plain = [value for value in values if value is None or not _has_container_at_leaf(value)]
    await agree(masking, "jsonb", plain, [(rule, _same(twin)) for rule, twin in rules])
    await agree_arrays(masking)


def _has_container_at_leaf(value):
    seen = []
    for path in ("a.b", "a.*.b", "*.c"):
        mask_path(json.loads(value), path, lambda v: seen.append(v))
    return any(isinstance(v, str) and v[:1] in "[{" and v for v in seen)


class Document(str):
    """JSON that is equal to other JSON of the same value."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other):
        return json.loads(self) == json.loads(other)


def _same(twin):
    return lambda value, d, row: Document(twin(value, d, row))


async def agree_arrays(masking):
    lists = [value for value in drawn(st.lists(st.none() | TEXTS, max_size=5)) if value is not None]
    masking.sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, c text[], e text[])")
    async with masking.run.connect(masking.target) as connection:
        for number, value in enumerate(lists):
            await connection.execute("INSERT INTO t VALUES ($1, $2, $2)", number, value)
    each = "<{value|mask('*', 1)}>{hash(4)}"
    found = await masking.fetch("t", {"c": {"array": {"each": {"hash": {}}}}, "e": {"array": {"each": each}}})
    for value, row in zip(lists, found, strict=True):
        assert row["c"] == [None if v is None else masking.hmac("t.c", v).hex()[:20] for v in value]
        own = [None if v is None else Drawn(masking.key, "public.t.e", v) for v in value]
        assert row["e"] == [d and render(each, v, d) for v, d in zip(value, own, strict=True)]


async def test_shuffled_rows(masking):
    """Which row gets whose value is the key's choice, and known to who has it."""
    values = {(place,): value for place, value in enumerate(drawn(WORDS), 1) if value is not None}
    masking.sql("CREATE TABLE t (id int PRIMARY KEY, c text)")
    async with masking.run.connect(masking.target) as connection:
        for key, value in values.items():
            await connection.execute("INSERT INTO t VALUES ($1, $2)", *key, value)
    d = Drawn(masking.key, "public.t.c", "")
    expected = shuffled(values, lambda given: d.keyed(given, draw="shuffle"))
    masked = await masking.compile("t", {"c": {"shuffle": None}}, check=False)
    async with reading(masking.run, masking.target, settings=masking.key.settings) as connection:
        assert {(row["id"],): row["c"] for row in await connection.fetch(masked.query)} == expected
