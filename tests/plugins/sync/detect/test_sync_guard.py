"""The guard before a byte moves: everything that looks personal is decided about, and every column was looked at."""

from __future__ import annotations

import msgspec
import pytest

from confiture.errors import ConfigError, ExecutionError, Refused
from confiture.transfer import exported_snapshot
from confiture_sync.cataloguing import read_catalog
from confiture_sync.detect.sampling import sample
from conftest import run_psql

pytestmark = pytest.mark.anyio

SCHEMA = """
    CREATE TABLE users (
        id int PRIMARY KEY, email text UNIQUE, phone varchar(12), country text,
        full_name text GENERATED ALWAYS AS (country || ' ' || phone) STORED
    );
    CREATE TABLE orders (id int PRIMARY KEY, buyer text REFERENCES users (email), note text, meta jsonb, total numeric);
    INSERT INTO users VALUES (1, 'ann@example.org', '555-234-5678', 'DE');
    INSERT INTO orders VALUES (1, 'ann@example.org', 'ring 4111 1111 1111 1111', '{"x": [{"lastName": "Lee"}]}', 12.5);
"""


@pytest.fixture(scope="module")
def _filled(new_database):
    target = new_database()
    run_psql(target, SCHEMA)
    return target


@pytest.fixture
def shop(source_of, _filled):
    """Only read."""
    return source_of(_filled)


async def refused(source, **asked) -> Refused:
    with pytest.raises(Refused) as caught:
        await source.check(**asked)
    return caught.value


async def test_all_of_it_is_listed(shop):
    """With class, reason, and a rule that fits; what takes a rule over says from where."""
    error = await refused(shop)
    assert error.message == (
        "before a row is copied, somebody has to decide about: public.orders.buyer, public.orders.meta, "
        "public.orders.note, public.users.email, public.users.phone"
    )
    assert (error.detail or "").splitlines() == [
        "public.orders.buyer: looks like email (by its content); it takes over the rule of public.users.email",
        'public.orders.meta: looks like name (by its content); for example {kind: "constant", value: {}}',
        'public.orders.note: looks like card (by its content); for example "(removed)"',
        'public.users.email: looks like email (by its name, content); for example "u_{hash(20)}@example.com"',
        'public.users.phone: looks like phone (by its name, content); for example "+1-555-{random(4)}"',
    ]
    assert "`confiture sync init` writes a first file" in (error.hint or "")
    assert error.exit_code == 8


async def test_masked_kept_and_harmless(shop):
    """A rule or a reason for each is enough, and the report has them all; a child needs none of its own."""
    shop.rules("""
anonymize:
  users: {email: "u_{hash}", phone: {keep: "made up"}}
  orders: {note: null, meta: {json: {paths: {"x.*.lastName": "L"}}}}
""")
    findings = await shop.check()
    assert {each.column.removeprefix("public."): (each.what, each.state, each.reason) for each in findings} == {
        "orders.buyer": ("email", "masked", None),
        "users.email": ("email", "masked", None),
        "users.phone": ("phone", "kept", "made up"),
    }
    assert [each.column for each in await shop.check(tables=("users",))] == ["public.users.email", "public.users.phone"]


async def test_a_reason_is_asked_for(shop):
    shop.rules("anonymize: {users: {email: {keep: }, phone: x}}")
    with pytest.raises(ConfigError, match="a column that is kept needs a reason"):
        await shop.check(tables=("users",))


async def test_a_personal_column_within_another_one(shop):
    """The generated column is not copied, and needs no rule: but in a template it would leave."""
    shop.rules('anonymize: {users: {email: "u_{hash}", phone: "{full_name|upper}"}}')
    error = await refused(shop, tables=("users",))
    assert (error.detail or "").splitlines() == [
        "public.users.phone: its rule has {full_name} in it, which has no rule and looks like name"
    ]
    shop.rules('anonymize: {users: {email: "u_{hash}", phone: "{raw.full_name|upper}"}}')
    assert len(await shop.check(tables=("users",))) == 2


async def test_the_coverage_file(source):
    """Each column that is new, gone or retyped, and each table, until somebody has looked at it."""
    source.sql('CREATE TABLE a (id int, v varchar(10)); CREATE TABLE "B.c" ("x""y" text[], gone date, was_called text)')
    assert await source.check() == ()
    report = await source.init(accept=True)
    assert report.written == ("db/sync_coverage.toml",)
    assert await source.check() == ()
    source.sql("""
        ALTER TABLE a ADD w numeric(5,2), ALTER v TYPE varchar(20);
        ALTER TABLE "B.c" DROP gone; ALTER TABLE "B.c" RENAME was_called TO is_called;
        CREATE TABLE d (id int, phone text);
    """)
    error = await refused(source)
    assert (error.detail or "").splitlines() == [
        'public.d.phone: looks like phone (by its name); for example "+1-555-{random(4)}"',
        "public.B.c.is_called: is new (text) [db/sync_coverage.toml]",
        "public.B.c.gone: is gone [db/sync_coverage.toml]",
        "public.B.c.was_called: is gone [db/sync_coverage.toml]",
        "public.a.w: is new (numeric(5,2)) [db/sync_coverage.toml]",
        "public.a.v: is character varying(20), and was character varying(10) [db/sync_coverage.toml]",
        "public.d: a table that nobody has looked at (id, phone) [db/sync_coverage.toml]",
    ]
    assert "confiture sync init --from production --accept" in (error.hint or "")
    # A table that is not copied is nobody's concern.
    assert "public.d" not in str((await refused(source, exclude=("d",))).message)
    report = await source.init(accept=True, exclude=("d",))
    assert len(report.changed) == 5
    assert await source.check(exclude=("d",)) == ()
    assert "public.d: a table" in ((await refused(source)).detail or "")


async def test_types_are_the_same_whatever_the_search_path(source):
    """Another role has another path: the list has types as all see them."""
    source.sql("CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('a'); CREATE TABLE t (m s.mood, p int)")
    await source.init(accept=True)
    source.sql(f'ALTER DATABASE "{source.target.database}" SET search_path = s, public')
    assert await source.check() == ()


async def test_a_coverage_file_that_is_none(shop):
    """It is in the way until it is written anew."""
    shop.project.write("db/sync_coverage.toml", "users = 1\n")
    with pytest.raises(ConfigError, match="'users' must have a type for each column") as caught:
        await shop.check()
    assert "--accept" in (caught.value.hint or "")
    await shop.init(accept=True)
    assert "must have a type" not in (await refused(shop)).message


async def test_another_place_for_the_list(shop):
    """As the file of rules says."""
    shop.rules("coverage: elsewhere/seen.toml\nanonymize: {users: {email: 'u{hash}', phone: x}}")
    assert (await shop.init(accept=True, tables=("users",))).written == ("elsewhere/seen.toml",)
    assert len(await shop.check(tables=("users",))) == 2
    assert "public.orders: a table that nobody has looked at" in ((await refused(shop)).detail or "")


async def test_a_table_that_may_not_be_read(source, server):
    """An error that names the table, and no value of it."""
    source.sql("CREATE TABLE secret_things (v text); INSERT INTO secret_things VALUES ('x')")
    role = f"reader_{source.target.database}"
    source.sql(f'CREATE ROLE "{role}" LOGIN')
    limited = msgspec.structs.replace(source.target, params={**source.target.params, "user": role})
    source.project.environment_for(limited, "production")
    source.target = limited
    try:
        with pytest.raises(ExecutionError, match=r"rows of 'public\.secret_things' could not be looked at") as caught:
            await source.check()
        assert caught.value.sqlstate == "42501"
    finally:
        run_psql(server, f'DROP ROLE "{role}"')


async def test_nothing_but_counts_leaves_the_source(source):
    """No value is in a query, a finding, a refusal or a file; what the server answers are numbers and classes."""
    value = "zq7ann"
    source.sql(f"""
        CREATE TABLE users (id int, email text, note text, meta jsonb, tags text[]);
        INSERT INTO users SELECT n, '{value}' || n || '@{value}.org', 'of {value}@{value}.org',
               jsonb_build_object('{value}', '{value}@x.org', 'email', '{value}@x.org'), ARRAY['{value}@x.org']
          FROM generate_series(1, 20) AS n;
    """)
    error = await refused(source)
    report = await source.init()
    said = [str(error), error.detail, error.hint, msgspec.json.encode(report).decode()]
    said += [path.read_text() for path in (source.project.root / "db").glob("sync_*")]
    async with (
        source.run() as ctx,
        exported_snapshot(ctx, source.target) as snapshot,
        snapshot.session() as connection,
    ):
        table = (await read_catalog(connection, own_schema="confiture")).tables["public.users"]
        queries: list[str] = []
        rows: list[object] = []

        class Heard:
            """The connection, and what is said over it."""

            async def fetch(self, query, *arguments):
                queries.append(f"{query} {arguments}")
                found = await connection.fetch(query, *arguments)
                rows.extend(found)
                return found

        contents = await sample(Heard(), table, [column.name for column in table.mask.columns])  # type: ignore[arg-type]
    assert len(queries) == 1
    said += [*queries, repr(contents), *map(repr, rows)]
    assert len(contents) == 4
    assert not [text for text in said if value in (text or "")]
    assert {type(item) for row in rows for item in row} <= {int, bool, str, type(None)}
    assert {item for row in rows for item in row if isinstance(item, str)} == {"email"}
