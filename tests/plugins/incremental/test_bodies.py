"""Bodies of functions: checked when the migration is whole."""

from __future__ import annotations

import pytest

from confiture.errors import StatementFailed

pytestmark = pytest.mark.anyio
LATER = "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM later';\n"


@pytest.mark.parametrize("single", [False, True])
async def test_a_body_may_name_what_the_migration_makes_later(migrations, single):
    migrations.sql("001_a", LATER + "CREATE TABLE later ();")
    await migrations.up(single_transaction=single)
    assert migrations.psql("SELECT f()") == "0"


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize(("body", "message"), [
    (LATER, 'relation "later" does not exist'),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETRN 1; END';", "syntax error"),
    ("CREATE PROCEDURE \"F'x\"() LANGUAGE sql AS 'SELECT nope()';", "nope"),
])  # fmt: skip
async def test_a_mistake_in_a_body_is_found_in_its_place(migrations, single, body, message):
    migrations.sql("001_a", "CREATE TABLE a ();\n" + body)
    with pytest.raises(StatementFailed, match=message) as raised:
        await migrations.up(single_transaction=single)
    assert raised.value.where.startswith("db/migrations/001_a.up.sql:2:")
    assert migrations.public() == []


async def test_a_script_checks_bodies_too(migrations):
    migrations.sql("001_a", LATER + "CREATE TABLE later ();")
    report = await migrations.up(dry_run=True)
    migrations.psql(report.sql)
    assert migrations.psql("SELECT f()") == "0"
