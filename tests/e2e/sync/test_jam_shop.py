"""The example's file of rules: the shop's rows in another database, and nobody's name among them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from confiture.config.dsn import to_uri
from e2e.sync.pairs import KEY

pytestmark = pytest.mark.anyio
_EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "jam-shop"
_PEOPLE = """
SELECT email FROM sales.customers UNION ALL SELECT name FROM sales.customers
UNION ALL SELECT street FROM sales.addresses UNION ALL SELECT postal_code FROM sales.addresses
UNION ALL SELECT email FROM kitchen.suppliers
UNION ALL SELECT reference FROM sales.payments UNION ALL SELECT tracking FROM sales.shipments
"""
_TABLES = """
SELECT format('SELECT t::text FROM %s AS t', oid::regclass) FROM pg_class
 WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace::regnamespace::text !~ '^(pg_|info|confiture)'
"""


async def test_the_example_is_synced_with_all_checks_green(kernel_run, new_database, psql, tmp_path, monkeypatch):
    """What its README says; its coverage file knows every column, or it would be refused."""
    monkeypatch.setenv("CONFITURE_ANONYMIZATION_KEY", KEY)
    folder = tmp_path / "jam-shop"
    shutil.copytree(_EXAMPLE, folder, ignore=shutil.ignore_patterns(".confiture"))
    source, target = new_database(), new_database()
    for role in ("jam_app", "jam_readonly"):
        # Other workers make them at the same time: 42710, or 23505 in the very same moment.
        psql(
            source,
            f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
        )
    for database in (source, target):
        async with kernel_run(folder, database=database) as run:
            await run.start("build", cache=False)
    async with kernel_run(folder, database=target) as run:
        report = await run.start("sync", source=to_uri(source.params), target=to_uri(target.params), truncate=True)
    assert [check for check in report.checks if not check.ok] == []
    assert {check.name for check in report.checks} >= {"rows", "foreign-key", "unique", "leak"}
    people = psql(source, _PEOPLE).splitlines()
    assert len(people) > 10
    # The audit log too has rows of other tables in it.
    tables = psql(source, _TABLES)
    # A postal code may be among the digits of a moment's microseconds.
    everything = re.sub(r"(:\d\d)\.\d+", r"\1", psql(target, ";".join(tables.splitlines())))
    assert [number for number, value in enumerate(people) if value in everything] == []
    rest = "SELECT id, amount FROM sales.payments UNION ALL SELECT quantity, order_id FROM sales.order_items"
    assert sorted(psql(source, rest).splitlines()) == sorted(psql(target, rest).splitlines())


async def test_the_program_of_the_page_runs(kernel_run, new_database, psql, project, monkeypatch):
    """As it stands in the reference of sync, but for the project's folder."""
    monkeypatch.setenv("CONFITURE_ANONYMIZATION_KEY", KEY)
    source, target = new_database(), new_database()
    for name, database in (("production", source), ("local", target)):
        psql(database, "CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE posts (id int PRIMARY KEY)")
        project.write(f"db/environments/{name}.yaml", f"name: {name}\ndatabase_url: {to_uri(database.params)}\n")
    psql(source, "INSERT INTO users VALUES (1)")
    page = (_EXAMPLE.parents[1] / "reference" / "sync.md").read_text(encoding="utf-8")
    program = page.partition("## From async code")[2].partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(program.replace('"shop"', repr(str(project.root))), names)
    assert await names["refresh"]()
    assert psql(target, "SELECT id FROM users") == "1"
