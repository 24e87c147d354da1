"""What stands in the way of a migration, whatever the rows are."""

from __future__ import annotations

import msgspec
import pytest

from confiture.errors import Refused
from confiture.registry import Registry
from confiture.testing import open_context
from confiture_schema_to_schema.checking import refuse
from confiture_schema_to_schema.creating import Staging
from confiture_schema_to_schema.model import Finding

pytestmark = pytest.mark.anyio

TABLES = """
CREATE TABLE users (id int PRIMARY KEY);
CREATE TABLE posts (id int PRIMARY KEY, author int CONSTRAINT wrote REFERENCES users);
"""


@pytest.fixture
def both(source, target, psql):
    for place in (source, target):
        psql(place, TABLES)
    psql(source, "INSERT INTO users VALUES (1); INSERT INTO posts VALUES (1, NULL), (2, 1)")


def errors(found) -> list[tuple[str, str]]:
    return [(each.check, each.table) for each in found.findings if each.level == "error"]


async def test_nothing_is_in_the_way_of_a_copy_into_an_empty_database(both, check):
    assert (await check()).findings == ()


async def test_one_database_by_two_addresses_is_refused(both, source, check):
    found = await check(target=msgspec.structs.replace(source, label="other"), schema=source)
    assert any("are one database" in message for message in found.messages("error"))


async def test_tables_with_rows_are_refused_save_those_that_the_run_has_brought(both, ctx, target, psql, check):
    found = await check()
    await Staging(ctx, found.job, 1).take_off()
    psql(target, "INSERT INTO users VALUES (7)")
    assert (await check(rows=False)).findings == ()
    assert errors(await check(run_id="another")) == [("occupied", "public.users")]


async def test_a_parent_that_is_not_copied_has_to_be_there(both, source, target, psql, check):
    found = await check(tables=("posts",), rows=False)
    assert errors(found) == [("foreign-key", "public.posts")]
    assert "'wrote'" in found.messages("error")[0]
    assert "--tables ...,public.users" in str(found.findings[0].hint)
    psql(target, "INSERT INTO users VALUES (1)")
    assert errors(await check(tables=("posts",))) == []
    psql(target, "DELETE FROM users")
    psql(source, "UPDATE posts SET author = NULL")
    assert errors(await check(tables=("posts",))) == []


async def test_a_table_without_a_key_is_named(both, source, target, psql, check):
    for place in (source, target):
        psql(place, "CREATE TABLE log (line text)")
    found = await check()
    assert found.of("key") == [("warning", None, ())]
    assert found.findings[0].table == "public.log"


async def test_a_role_that_may_not_read_is_refused_for_each_table(both, source, psql, plain, check):
    psql(source, "GRANT SELECT ON users TO move_plain")
    found = await check(source=plain(source))
    assert errors(found) == [("privilege", "public.posts")]
    assert "permission denied for table posts" in found.messages("error")[0]


async def test_rows_that_a_policy_hides_are_not_left_out_silently(both, source, psql, plain, check):
    psql(
        source, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO move_plain; ALTER TABLE users ENABLE ROW LEVEL SECURITY"
    )
    found = await check(source=plain(source))
    assert errors(found) == [("privilege", "public.users")]
    assert "BYPASSRLS" in str(found.findings[-1].hint)


async def test_a_role_that_does_not_own_the_new_tables_is_refused(both, target, psql, plain, check):
    psql(target, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO move_plain; ALTER TABLE posts OWNER TO move_plain")
    found = await check(target=plain(target))
    assert errors(found) == [("privilege", "public.users"), ("privilege", "")]
    assert any("state in the schema 'confiture'" in message for message in found.messages("error"))
    psql(target, "ALTER TABLE users OWNER TO move_plain; CREATE SCHEMA confiture AUTHORIZATION move_plain")
    assert errors(await check(target=plain(target))) == []
    psql(target, "CREATE TABLE more (id int REFERENCES users)")
    assert errors(await check(target=plain(target), tables=("users",))) == [("privilege", "public.more")]


async def test_a_database_that_is_not_there_needs_a_role_that_may_create_it(both, target, plain, check):
    absent = target.with_database("no_such_database")
    assert errors(await check(target=absent, exists=False)) == []
    found = await check(target=plain(absent), exists=False)
    assert errors(found) == [("privilege", "")]
    assert "may not create it" in found.messages("error")[0]


async def test_settings_that_stop_or_slow_a_copy_are_told(both, target, psql, check):
    name = f'"{target.database}"'
    psql(target, f"ALTER DATABASE {name} SET idle_session_timeout = '5s'")
    found = await check()
    assert found.of("setting") == [("warning", None, ())]
    assert "do nothing for 5 s" in found.messages()[0]
    psql(target, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert errors(await check()) == [("setting", "")]


def test_all_errors_are_refused_at_once_one_a_line():
    one = Finding(level="error", check="unique", table="a", message="one is wrong", hint="mend it", keys=('["1"]',))
    two = Finding(level="error", check="check", table="b", message="two is wrong")
    note = Finding(level="warning", check="key", table="b", message="harmless")
    refuse((note,))
    with pytest.raises(Refused) as caught:
        refuse((one, note, two))
    lines = caught.value.message.splitlines()
    assert [line.strip() for line in lines[1:]] == ['one is wrong (keys: ["1"]); mend it', "two is wrong"]
    assert "schema-to-schema plan" in str(caught.value.hint)


async def test_what_the_capture_lacks_is_told_with_all_else(both, source, target, psql, plain, project):
    """By plan and by start, each table by its name; what is granted then is enough, and a copy alone needs less."""
    project.environment_for(plain(source), "production")
    project.environment_for(target, "production_new")
    psql(source, "GRANT SELECT ON users TO move_plain")
    async with open_context(project.root, registry=Registry()) as run:
        report = await run.start("schema-to-schema-plan", strategy="copy")
        assert [(each.check, each.table) for each in report.errors] == [
            ("privilege", "public.posts"),
            ("capture", ""),
            ("capture", "public.posts"),
            ("capture", "public.users"),
            ("capture", ""),
        ]
        before = psql(source, "SELECT count(*) FROM pg_namespace")
        with pytest.raises(Refused) as refused:
            await run.start("schema-to-schema", strategy="copy")
        told = ("table posts", "'public.posts': it is owned by", "'public.users': it is owned by", "GRANT CREATE ON")
        for words in told:
            assert words in refused.value.message
        assert 'capture = "none"' in str(refused.value.hint)
        assert psql(source, "SELECT count(*) FROM pg_namespace") == before
    psql(source, f"GRANT CREATE ON DATABASE {source.database} TO move_plain; GRANT SELECT ON posts TO move_plain")
    project.config('[schema-to-schema]\ncapture = "none"\n')
    async with open_context(project.root, registry=Registry()) as run:
        assert (await run.start("schema-to-schema-plan", strategy="copy")).errors == ()
    psql(source, "ALTER TABLE users OWNER TO move_plain; ALTER TABLE posts OWNER TO move_plain")
    project.config("")
    async with open_context(project.root, registry=Registry()) as run:
        await run.start("schema-to-schema", strategy="copy")
    assert psql(source, "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'A' AND NOT tgisinternal") == "4"
    assert psql(target, "SELECT count(*) FROM posts") == "2"
