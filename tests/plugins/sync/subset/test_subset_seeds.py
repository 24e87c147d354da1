"""Where a subset begins, what is told about it, and what is refused."""

from __future__ import annotations

import anyio
import asyncpg
import pytest

from cancelling import at_every_await
from confiture.errors import ConfigError, Refused, UsageError
from confiture.model import Note, Progress, WarningRaised
from confiture_sync.configuring import Subset
from confiture_sync.subset import choose_rows

pytestmark = pytest.mark.anyio

SCHEMA = """
    CREATE TABLE country (id int PRIMARY KEY);
    CREATE TABLE users (id int PRIMARY KEY, country int REFERENCES country, boss int REFERENCES users);
    CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users);
    CREATE TABLE settings (id int, v text);
    INSERT INTO country SELECT generate_series(1, 20);
    INSERT INTO users SELECT n, 1 + n % 20, NULLIF(n / 2, 0) FROM generate_series(1, 2000) n;
    INSERT INTO posts SELECT n, 1 + n % 2000 FROM generate_series(1, 4000) n;
    INSERT INTO settings SELECT n, 'v' FROM generate_series(1, 300) n;
    ANALYZE
"""
#: All tables that the seeds of users do not reach.
REST = {"posts": "all", "settings": "all"}


@pytest.fixture
def schema(source, psql) -> None:
    psql(source, SCHEMA)


async def test_a_sample_is_the_same_in_every_run_and_has_the_smaller_ones(choose, source, psql):
    """The rows are told by their keys' values: neither their place nor the type of integer matters."""
    psql(source, "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 4000); "
                 "CREATE TABLE b (id bigint PRIMARY KEY); INSERT INTO b SELECT generate_series(4000, 1, -1); "
                 "CREATE TABLE c (x int, y text); INSERT INTO c SELECT n, 'y' FROM generate_series(1, 4000) n;"
                 "CREATE TABLE d (y text, x int, PRIMARY KEY (y, x)); INSERT INTO d SELECT y, x FROM c")  # fmt: skip
    ten = await choose(sample={"": "10%"})
    small = await choose(sample={"": "2.5%"})
    for label in ten.selections:
        many, few = [set(await choose.rows(each, label)) for each in (ten, small)]
        assert few < many
        assert 320 < len(many) < 480
        assert 60 < len(few) < 140
        assert ten.selections[label].shown == "10%"
    assert await choose.rows(ten, "public.a") == await choose.rows(ten, "public.b")
    again = await choose(sample={"": "10%"})
    assert [each.digest for each in again.selections.values()] == [each.digest for each in ten.selections.values()]
    assert all(ten.selections[label].digest != small.selections[label].digest for label in ten.selections)


async def test_a_tables_own_seed_comes_before_the_general_one_and_the_requests_before_the_files(choose, schema):
    file = Subset(sample={"": "50%", "country": "all"}, where={"users": "id = 1"}, ids={"posts": (1, 2)})
    chosen = await choose(file=file, tables=("country", "users", "posts"))
    assert "public.country" not in chosen.selections
    assert await choose.rows(chosen, "public.posts", "id") == [1, 2]
    assert await choose.rows(chosen, "public.users", "id") == [1, 2, 3]
    chosen = await choose(
        file=file, tables=("country", "users", "posts"), where={"posts": "id = 9"}, cut=("users.boss",)
    )
    assert await choose.rows(chosen, "public.posts", "id") == [9]
    assert await choose.rows(chosen, "public.users", "id") == [1, 10]
    # The general seed is for tables that no configured key leads to; a condition and a sample narrow each other.
    chosen = await choose(sample={"": "all", "users": "50%"}, where={"users": "id <= 100"}, ids={"users": ("2000",)},
                          children=("posts.user_id",), cut=("users.boss",))  # fmt: skip
    users = await choose.rows(chosen, "public.users", "id")
    assert users[-1] == 2000
    assert 30 < len(users) < 70
    assert chosen.selections["public.posts"].rows == 2 * len(users)
    assert chosen.selections["public.users"].shown.startswith("50% of a condition and 1 ids, parents")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"where": {"users": "id >"}}, "'--where users': the condition is not SQL: syntax error"),
        ({"where": {"users": "true; DROP TABLE users"}}, "not SQL"),
        ({"where": {"users": "id, id"}}, "the condition is more than one expression"),
        ({"where": {"users": "nope = 1"}}, 'the seed of .public.users. cannot be read: column "nope" does not exist'),
        ({"where": {"users": "id"}}, "argument of WHERE must be type boolean"),
        ({"where": {"uesrs": "true"}}, "--where: the source has no table 'uesrs'"),
        ({"where": {"settings": "true"}, "exclude": ("settings",)}, "--where: 'public.settings' is not copied"),
        ({"sample": {"users": "5"}}, "--sample: 'users': '5' is no share"),
        ({"sample": {"users": "0%"}}, "'0%' is no share"),
        ({"sample": {"users": "NaN%"}}, "'NaN%' is no share"),
        ({"ids": {"settings": ("1",)}, "sample": {"posts": "all"}}, "'public.settings' has no primary key"),
        ({"children": ("users.id",), "sample": {"": "1%"}}, "--children: 'users.id' is no foreign key"),
        ({"children": ("posts.user_id",), "exclude": ("posts",), "sample": {"": "1%"}}, "'public.posts' is not copied"),
    ],
)
async def test_a_seed_that_means_nothing_is_said_so(choose, schema, values, message):
    with pytest.raises(UsageError, match=message) as caught:
        await choose(**{"sample": REST, **values})
    assert caught.value.hint


async def test_a_seed_of_the_file_that_means_nothing_names_the_file(choose, schema):
    for file in (Subset(where={"users": "id >"}), Subset(sample={"users": "1"}), Subset(where={"users": "nope"}),
                 Subset(children=("users.id",))):  # fmt: skip
        with pytest.raises(ConfigError) as caught:
            await choose(file=file, sample=REST)
        assert caught.value.file == "db/sync_config.yaml"
    # What the file says of tables that this run does not copy is for other runs.
    chosen = await choose(tables=("country",), file=Subset(where={"users": "true"}, children=("posts.user_id",)))
    assert chosen.selections == {}


async def test_no_value_is_in_an_error(choose, source, psql):
    psql(source, "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'secret')")
    for values in ({"where": {"t": "v::int = 1"}}, {"ids": {"t": ("secret",)}}):
        with pytest.raises(UsageError) as caught:
            await choose(**values)
        assert "secret" not in f"{caught.value}{caught.value.hint}{caught.value.detail}{caught.value.__context__}"


async def test_ids_that_are_not_there_are_told(choose, schema):
    chosen = await choose(tables=("country",), ids={"country": ("1", "2", "99", "2")})
    assert await choose.rows(chosen, "public.country") == [1, 2]
    assert chosen.messages(WarningRaised) == ["1 of the 4 ids of public.country are not there"]


async def test_a_table_that_nothing_leads_to_is_refused_with_what_to_write(choose, schema):
    with pytest.raises(Refused, match=r"'public\.posts', 'public\.settings'") as caught:
        await choose(where={"users": "id = 1"})
    assert caught.value.hint.startswith(
        "write --children posts.user_id, --sample posts=all or --exclude posts; "
        "--sample settings=all or --exclude settings"
    )
    # What is written is enough.
    chosen = await choose(where={"users": "id = 1"}, children=("posts.user_id",), exclude=("settings",))
    assert {label: each.rows for label, each in chosen.selections.items()} == {
        "public.country": 1, "public.posts": 2, "public.users": 1}  # fmt: skip


async def test_too_many_rows_are_refused_with_the_counts(choose, schema):
    """As soon as there are: 4,000 posts are more than 100, and nobody looks for their users any more."""
    with pytest.raises(
        Refused, match=r"more than 100 rows would be copied; so far there are 101 of public\.posts"
    ) as caught:
        await choose(
            tables=("posts", "users", "country"), sample={"posts": "all"}, where={"posts": "true"}, max_rows=100
        )
    assert "--max-rows" in caught.value.hint
    with pytest.raises(Refused, match=r"so far there are 81 of public\.posts, 20 of public\.country"):
        await choose(max_rows=100)
    with pytest.raises(Refused, match="more than 10 rows"):
        await choose(tables=("users", "country"), file=Subset(max_rows=10, ids={"users": (2000, 1999)}))
    # Exactly as many are fine: 2000, its ten bosses, and their countries.
    asked = {"tables": ("users", "country"), "ids": {"users": ("2000",)}}
    rows = sum(each.rows for each in (await choose(**asked)).selections.values())
    assert (await choose(**asked, max_rows=rows)).selections.keys() == {"public.country", "public.users"}
    with pytest.raises(Refused):
        await choose(**asked, max_rows=rows - 1)
    # Tables that are copied whole count as well.
    with pytest.raises(Refused, match=r"300 of public\.settings"):
        await choose(**{**asked, "tables": ()}, sample={"settings": "all"}, exclude=("posts",), max_rows=300 + rows - 1)
    whole = await choose(**{**asked, "tables": ()}, sample={"settings": "all"}, exclude=("posts",), max_rows=300 + rows)
    assert "public.settings" not in whole.selections


async def test_what_each_key_pulls_in_is_told_before_it_does(choose, schema):
    chosen = await choose(sample={"posts": "50%", "settings": "all"}, max_rows=100_000)
    kinds = [type(event).__name__ for event in chosen.events]
    notes = chosen.messages(Note)
    # Seeds are counted, then estimates, and after those the rest.
    assert kinds.index("Note") > kinds.index("Progress")
    assert "Progress" in kinds[kinds.index("Note") :]
    assert len(notes) == 3
    texts = {note.split(":")[0]: note for note in notes}
    assert texts.keys() == {"public.posts.user_id", "public.users.boss", "public.users.country"}
    assert "about 20 rows of public.country (100%)" in texts["public.users.country"]
    assert texts["public.posts.user_id"].endswith("; --cut posts.user_id would leave them out")
    pulled = int(texts["public.posts.user_id"].split("about ")[1].split(" rows")[0].replace(",", ""))
    exact = 1500  # half of the posts, two of which are each user's
    assert abs(pulled - exact) < 400
    assert [event.done for event in chosen.events if isinstance(event, Progress)][-1] == sum(
        each.rows or 300 for each in chosen.selections.values()) + 300  # fmt: skip


async def test_a_key_without_an_index_is_warned_of(choose, source, psql, schema):
    asked = {"where": {"users": "id = 1"}, "children": ("posts.user_id",), "exclude": ("settings",)}
    assert chosen_warnings(await choose(**asked)) == []  # a small table needs none
    psql(source, "ALTER TABLE posts SET (fillfactor = 10); VACUUM FULL posts")
    assert chosen_warnings(await choose(**asked)) == [
        "no index of public.posts finds rows by user_id: public.posts.user_id is slow to follow"
    ]
    psql(source, "CREATE INDEX ON posts (user_id) WHERE id > 5; CREATE INDEX ON posts (id, user_id)")
    assert len(chosen_warnings(await choose(**asked))) == 1
    psql(source, "CREATE INDEX ON posts (user_id, id)")
    assert chosen_warnings(await choose(**asked)) == []


def chosen_warnings(chosen) -> list[str]:
    return chosen.messages(WarningRaised)


async def test_no_key_is_in_a_statement(choose, source, psql, monkeypatch):
    psql(
        source,
        """
        CREATE TABLE t (id text PRIMARY KEY, up text REFERENCES t);
        INSERT INTO t SELECT 'key-' || n, NULLIF('key-' || n - 1, 'key-0') FROM generate_series(1, 40) n""",
    )
    texts = []

    def listening(whole):
        def heard(self, query, *values, **options):
            texts.append(query)
            return whole(self, query, *values, **options)

        return heard

    for name in ("fetchrow", "fetchval", "fetch", "execute"):
        monkeypatch.setattr(asyncpg.Connection, name, listening(getattr(asyncpg.Connection, name)))
    chosen = await choose(ids={"t": ("key-7", "key-40")})
    assert chosen.selections["public.t"].rows == 40
    assert any("RECURSIVE" in text for text in texts)
    assert not any("key-" in text for text in (*texts, chosen.selections["public.t"].condition))


async def test_a_condition_stays_within_its_parentheses(choose, schema):
    chosen = await choose(tables=("country",), where={"country": "id < 3) OR (id > 18"}, sample={"country": "0.0001%"})
    assert chosen.selections["public.country"].rows == 0


async def test_cancelled_at_every_await_leaves_no_session(choose, source, psql, schema):
    async with choose.job(where={"users": "id < 9"}, children=("posts.user_id",), exclude=("settings",)) as given:
        done = 0

        async def work() -> None:
            await choose_rows(choose.ctx, *given)

        async for _ in at_every_await(work):
            done += 1
            with anyio.fail_after(20):  # one session is left: the snapshot's
                while psql(source, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                                   "AND pid <> pg_backend_pid()") != "1":  # fmt: skip
                    await anyio.sleep(0.005)
        assert done > 8
