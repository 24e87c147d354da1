"""The page of masks: its file of all kinds runs, and it names all kinds, filters and common keys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from confiture.hooks import ANONYMIZER
from confiture.masking import Rule, compile_masks, read_rule, read_rules, read_table
from confiture.transfer import reading
from confiture_rules import plugin
from confiture_rules.filters import FILTERS

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "masks.md").read_text(encoding="utf-8")
TABLE = """
CREATE TYPE mood AS ENUM ('happy', 'angry');
CREATE TABLE people (id int PRIMARY KEY, name varchar(40), email text UNIQUE, login text, phone text, card text,
  iban text, notes text, comment text, born date, joined timestamptz, salary numeric(10,2), mood mood, team text,
  address inet, device macaddr, tags text[], profile jsonb, initials text, secret text, token text UNIQUE, country text,
  score int DEFAULT 0, agent text, diary text, size int);
INSERT INTO people SELECT n, 'Ann ' || n, n || '@corp.test', 'ann' || n, '+49 171 ' || n, '4111111111111' || 100 + n,
  'DE' || 1234567890 + n, 'write to a@b.c', 'some words', date '1980-01-01' + n, now(), 1000 + n, 'angry', 'x',
  inet '10.0.0.0' + n, '08:00:2b:01:02:03', ARRAY['t' || n],
  '{"contact": {"email": "a@b.c"}, "children": [{"name": "x"}]}', 'Q.',
  'secret' || n, 'token' || n, 'DE', 5, 'Mozilla', 'dear diary', n FROM generate_series(1, 20) AS n
"""


def section() -> str:
    return PAGE.partition("## All kinds in one file")[2].partition("```yaml\n")[2].partition("```")[0]


async def test_the_file_of_all_kinds_runs(masking, tmp_path):
    """As it stands on the page, checks included; and nothing but what it keeps is what it was."""
    masking.sql(TABLE)
    file = tmp_path / "sync_config.yaml"
    file.write_text(section(), encoding="utf-8")
    rules = read_rules(file, "sync_config.yaml")["people"]
    async with masking.run.connect(masking.target) as connection:
        table = await read_table(connection, "public", "people")
        raw = await connection.fetch("SELECT * FROM people ORDER BY 1")
    masked = compile_masks(lambda kind: masking.run.get(ANONYMIZER, kind), table, rules, masking.key)
    async with reading(masking.run, masking.target, settings=masking.key.settings) as connection:
        rows = await connection.fetch(f"SELECT * FROM ({masked.query}) AS q ORDER BY 1")
    assert len(rows) == 20
    assert {table.column(name).name for name in rules} - set(masked.columns) == {"score"}
    same = {name for name in masked.columns if all(new[name] == old[name] for new, old in zip(rows, raw, strict=True))}
    assert same == {"id", "country"}


def test_the_page_names_everything():
    """Kinds, filters, and the keys that all rules have."""
    first = {line.split("|")[1].strip(" `") for line in PAGE.splitlines() if line.startswith("| `")}
    kinds = {provider.name for provider in plugin.confiture_anonymizers()}
    assert kinds - first == set()
    assert set(Rule.__struct_fields__) - {"kind", "options", "file", "line", "path"} - first == set()
    assert {name for name in FILTERS if f"`{name}" not in PAGE} == set()
    used = {
        read
        for rule in yaml.safe_load(section())["anonymize"]["people"].values()
        if isinstance(rule, dict)
        for read in rule
    }
    assert kinds - used == {"template", "null", "python"}


async def test_the_program_of_the_page_runs(masking, new_database, psql, monkeypatch):
    """As it stands: rows arrive masked."""
    table = "CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, phone text)"
    masking.sql(f"{table}; INSERT INTO users VALUES (1, 'ann@corp.test', '+49 171 5'), (2, NULL, NULL)")
    target = new_database()
    psql(target, table)
    monkeypatch.setenv("CONFITURE_ANONYMIZATION_KEY", "a key of more than sixteen bytes")
    names: dict[str, Any] = {}
    exec(PAGE.partition("## From a program")[2].partition("```python\n")[2].partition("```")[0], names)
    report = await names["mask_users"](masking.run, masking.target, target)
    assert report.rows == 2
    assert (
        psql(target, "SELECT id, email, left(phone, 10) FROM users ORDER BY 1")
        == "1|user_1@example.com|+49-555-01\n2||"
    )


def examples() -> list[str]:
    """All texts in code on the page that are rules. Those of the package Faker are of a plugin with its own tests."""
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    found = [text.replace("\\|", "|") for text in re.findall(r"`([^`\n]*\{[^`\n]*\}[^`\n]*)`", prose)]
    return list(dict.fromkeys(text for text in found if text != "{range: 10}" and "faker" not in text))


async def test_each_example_in_the_text_runs(masking):
    """A rule that is written down is copied."""
    masking.sql(
        'CREATE TABLE people (id int PRIMARY KEY, name text, nickname text, "My Col" text, card text, '
        "profile jsonb); INSERT INTO people VALUES "
        """(1, 'Ann', NULL, 'mine', '4111 1111 1111 1111', '{"items": [{"name": "Ann"}]}'); """
        "CREATE TABLE doubtful AS SELECT *, '1234' AS last4 FROM people"
    )
    texts = examples()
    assert len(texts) > 25
    async with masking.run.connect(masking.target) as connection:
        people = await read_table(connection, "public", "people")
        doubtful = await read_table(connection, "public", "doubtful")
    async with reading(masking.run, masking.target, settings=masking.key.settings) as connection:
        raw = await connection.fetchrow("SELECT * FROM people")
        for text in texts:
            table = doubtful if text in ("{row.last4}", "{last4()}") else people
            rule = read_rule(yaml.safe_load(text) if re.match(r"\{\w+: ", text) else text)
            column = "profile" if rule.kind == "json" else "card"
            masked = compile_masks(lambda kind: masking.run.get(ANONYMIZER, kind), table, {column: rule}, masking.key)
            row = await connection.fetchrow(masked.query)
            assert rule.kind == "keep" or row[column] != raw[column], text
