"""A table, rules as somebody writes them, and what comes out of the source."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from confiture.hooks import ANONYMIZER
from confiture.masking import MaskedTable, MaskingKey, compile_masks, read_rule, read_table
from confiture.transfer import reading

KEY = MaskingKey(b"a key for the tests of rules")


class Masking:
    """Compiles and runs rules on a database, in a read-only session as a transfer does."""

    def __init__(self, run: Any, target: Any, psql: Callable[..., str]) -> None:
        self.run = run
        self.target = target
        self.psql = psql
        self.key = KEY

    def sql(self, text: str) -> str:
        """Run it as psql does."""
        return self.psql(self.target, text)

    async def compile(self, table: str, rules: dict[str, Any], **options: Any) -> MaskedTable:
        async with self.run.connect(self.target) as connection:
            described = await read_table(connection, "public", table)
        read = {column: read_rule(value, path=f"anonymize.{table}.{column}") for column, value in rules.items()}
        return compile_masks(lambda kind: self.run.get(ANONYMIZER, kind), described, read, self.key, **options)

    async def fetch(self, table: str, rules: dict[str, Any], **options: Any) -> list[Any]:
        """All rows, in the order of the first column; uniqueness and lengths are not looked at."""
        masked = await self.compile(table, rules, **{"check": False, **options})
        async with reading(self.run, self.target, settings=self.key.settings) as connection:
            return list(await connection.fetch(f"SELECT * FROM ({masked.query}) AS q ORDER BY 1"))

    async def column(self, table: str, column: str, rule: Any, **options: Any) -> list[Any]:
        """One column after its rule."""
        return [row[column] for row in await self.fetch(table, {column: rule}, **options)]

    def hmac(self, place: str, text: str, draw: str = "") -> bytes:
        """The bytes that a column's value draws: ``place`` is ``table.column``."""
        return self.key.prf(f"public.{place}", draw, text)

    def row(self, table: str, key: str, block: int = 0) -> bytes:
        """The bytes that a row draws."""
        return self.key.row(f"public.{table}", [int(key)], block)


@pytest.fixture
async def masking(kernel_run, database, psql):
    async with kernel_run() as run:
        yield Masking(run, database, psql)


@pytest.fixture
def users(masking):
    """The mission's table, with what is nasty in it."""
    masking.sql(
        """CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, phone text, ssn text, name varchar(40), age int);
           INSERT INTO users VALUES
             (1, 'ann@corp.test', '+49 171 1234567', '123-45-6789', 'Ann O''Brien', 40),
             (2, 'b\\ob@corp.test', NULL, '', 'Bob "the" \\ {Builder}', NULL),
             (3, NULL, '555', '1', 'Zoë 😀', 7)"""
    )
    return SimpleNamespace(masking=masking)
