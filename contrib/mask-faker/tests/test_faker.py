"""The kind ``faker``, as it is found when it is installed beside confiture."""

from __future__ import annotations

import asyncio
import os
import re

import pytest

from confiture.errors import ConfigError
from confiture.hooks import ANONYMIZER
from confiture.masking import MaskingKey, compile_masks, number_of, read_rule, read_table
from confiture.registry import Registry
from confiture.testing import check_anonymizer, open_context
from confiture.transfer import reading
from confiture_mask_faker.mask import Options, pool

KEY = MaskingKey(b"a key for the tests of Faker")
TABLE = """
CREATE TABLE people (id int PRIMARY KEY, name text, short varchar(8), email text UNIQUE);
INSERT INTO people SELECT n, 'somebody', 'x', n || '@corp.test' FROM generate_series(1, 50) AS n
"""


def on_a_database(folder, what):
    """Run ``what(ctx, target)`` with a scratch database that has the table."""

    url = os.environ.get("TEST_DATABASE_URL")
    if url is None:
        pytest.fail("set TEST_DATABASE_URL to a server where databases may be made", pytrace=False)
    (folder / "confiture.toml").write_text(f"[scratch]\nurl = {url!r}\n")

    async def run():
        async with open_context(folder, registry=Registry()) as ctx, ctx.scratch() as target:
            async with ctx.connect(target) as connection:
                await connection.execute(TABLE)
            return await what(ctx, target)

    return asyncio.run(run())


async def masked(ctx, target, rules, **options):
    async with ctx.connect(target) as connection:
        table = await read_table(connection, "public", "people")
    read = {column: read_rule(rule, path=column) for column, rule in rules.items()}
    done = compile_masks(lambda kind: ctx.get(ANONYMIZER, kind), table, read, KEY, **options)
    async with reading(ctx, target, settings=KEY.settings) as connection:
        return await connection.fetch(f"SELECT * FROM ({done.query}) AS q ORDER BY id")


def test_it_keeps_the_rules_of_an_anonymizer(tmp_path):
    """And it is found by its name."""

    async def check(ctx, target):
        await check_anonymizer(ctx, ctx.get(ANONYMIZER, "faker"), target, {"provider": "name", "size": 200})

    on_a_database(tmp_path, check)


def test_values_are_picked_from_a_pool_of_the_keys(tmp_path):
    """What Python picks by the same bytes; each use in a template is another draw."""

    async def check(ctx, target):
        rules = {"name": "{faker.first_name} {faker.first_name}", "short": {"faker": {"provider": "city", "size": 500}}}
        rows = await masked(ctx, target, rules)
        assert rows == await masked(ctx, target, rules)
        seed = KEY.prf("confiture seed", "faker first_name en_US {}", "")
        names = pool(Options(provider="first_name"), seed, read_rule("x"))
        drawn = KEY.row("public.people", [1])
        first, second = (names[number_of(drawn[at : at + 8]) % len(names)] for at in (0, 8))
        assert rows[0]["name"] == f"{first} {second}"
        assert any(len(set(row["name"].split())) == 2 for row in rows)
        assert max(len(row["short"]) for row in rows) <= 8

    on_a_database(tmp_path, check)


def test_a_domain_gives_one_value_one_face(tmp_path):
    """All are somebody, and so all get one name."""

    async def check(ctx, target):
        rule = {"faker": {"provider": "company", "locale": "de_DE", "domain": "person"}}
        assert len({row["name"] for row in await masked(ctx, target, {"name": rule})}) == 1

    on_a_database(tmp_path, check)


def test_what_is_refused(tmp_path):
    """Names that Faker has not, with the nearest; unique columns."""

    async def check(ctx, target):
        for rules, words in (
            ({"name": "{faker.nmae}"}, "no 'nmae'"),
            ({"name": "{faker.name('xx_YY')}"}, "no locale 'xx_YY'"),
            ({"name": {"faker": {"provider": "seed_instance"}}}, "no 'seed_instance'"),
            ({"name": {"faker": {"provider": "name", "args": {"x": 1}}}}, "failed"),
            ({"name": {"faker": {"provider": "name", "size": 0}}}, "1 to"),
            ({"short": {"faker": {"provider": "text", "args": {"max_nb_chars": 150}, "size": 20}}}, "no value of"),
            ({"email": "{faker.email}"}, "is unique"),
        ):
            with pytest.raises(ConfigError, match=re.escape(words)):
                await masked(ctx, target, rules)

    on_a_database(tmp_path, check)
