"""What the source is sent, and what would mean something else on the target."""

from __future__ import annotations

import pytest

from confiture.errors import Refused, SyntaxInvalid
from confiture.model import Statement
from confiture.transfer import reading, split_by_key
from confiture_fdw.engine import FdwEngine
from confiture_fdw.locales import folding
from confiture_fdw.queries import read_query
from confiture_fdw.rewriting import rewrite

pytestmark = pytest.mark.anyio

#: What is there once for all of the module's plans: a server that leads back to its own database.
FOREIGN = """
CREATE EXTENSION postgres_fdw; CREATE SCHEMA f; CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE t (a positive, b text COLLATE "C", c uuid, d timestamptz, e text, PRIMARY KEY (a, b));
CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host {host}, dbname {name});
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (user 'postgres');
CREATE FOREIGN TABLE f.t (a int, b text, c uuid, d timestamptz, e text) SERVER s
    OPTIONS (schema_name 'public', table_name 't')
"""


@pytest.fixture
def plan(target, psql):
    """What the target would do: EXPLAIN of a query over t."""
    psql(target, FOREIGN.format(host=f"'{target.params['host']}'", name=f"'{target.database}'"))

    def plan(condition: str, columns: str = "a") -> str:
        query = read_query(f"SELECT {columns} FROM public.t AS x WHERE {condition}")
        sql = rewrite(query, {("public", "t"): ("f", "t")}, {}, {("public", "positive"): ("pg_catalog", "int4")})
        return psql(target, f"EXPLAIN (VERBOSE, COSTS OFF) {sql}")

    return plan


def remote(plan: str) -> str:
    return next(line for line in plan.splitlines() if "Remote SQL" in line).partition(" WHERE ")[2]


async def test_the_ranges_of_keys_are_sent_to_the_source(plan, ctx, source, psql):
    """Else the whole table would come over for each chunk: keys of several columns, texts, domains, NULLs."""
    psql(source, "CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE TABLE t (a positive, b text COLLATE \"C\", "
                 "c uuid, d timestamptz, e text, PRIMARY KEY (a, b))")  # fmt: skip
    psql(source, "INSERT INTO t SELECT n, n, gen_random_uuid(), now() + n * interval '1s', n "
                 "FROM generate_series(1, 99) AS n")  # fmt: skip
    keys = [("a",), ("b",), ("a", "b"), ("c",), ("d", "e"), ("d", "a", "b")]
    async with reading(ctx, source) as connection:
        for key in keys:
            _, middle, _ = await split_by_key(connection, "public.t", key, chunks=3, alias="x")
            found = plan(middle.condition)
            assert "Filter:" not in found, (key, found)
            assert remote(found).count("$") >= 2 * len(key), found
            first, *_ = await split_by_key(connection, "public.t", key, chunks=3)
            assert "Filter:" not in plan(first.condition), key
    # The first column alone bounds the range, for its index.
    assert "((a >= " in remote(plan("(x.a, x.b) >= (current_setting('l')::int, current_setting('m')::text)"))


async def test_lists_of_keys_are_sent_too(plan):
    """= ANY (...) with parentheses around a sub-select is another thing in SQL."""
    assert "(a = ANY ($1::integer[]))" in remote(plan("x.a = ANY (current_setting('k')::int[])"))
    assert "$" in remote(plan("x.b || current_setting('k') = 'a' AND x.c = current_setting('k')::uuid"))


async def test_ranges_give_each_row_once(ctx, transfer, both, equal, psql, source):
    """Whatever the order of the key's columns, and where one is NULL."""
    both('CREATE TABLE t ("A" int, b text, c int)')
    psql(
        source, "INSERT INTO t SELECT nullif(n % 7, 3), nullif((n % 5)::text, '2'), n FROM generate_series(1, 500) AS n"
    )
    async with reading(ctx, source) as connection:
        chunks = await split_by_key(connection, "t", ["A", "b"], chunks=6, alias="r")
    assert len(chunks) > 3
    rows = 0
    for chunk in chunks:
        query = f'SELECT "A", b, c FROM {chunk.relation} AS r WHERE {chunk.condition}'
        rows += (await transfer("A, b, c", query=query, settings=chunk.settings)).rows
    assert rows == 500
    equal()


async def test_names_are_found_as_on_the_source(transfer, psql, source, target):
    """WITH's names hide tables, qualified columns find theirs, and what names the database names the source."""
    psql(
        source, "CREATE SCHEMA app; CREATE TABLE app.users (id int, name text); CREATE TABLE app.names (id int, v text)"
    )
    psql(source, "INSERT INTO app.users VALUES (1, 'a'), (2, 'b'); INSERT INTO app.names VALUES (2, 'x')")
    psql(source, f'ALTER DATABASE "{source.database}" SET search_path = app')
    psql(target, "CREATE TABLE t (a int, b text)")
    queries = {
        "WITH users AS (SELECT id, name FROM users WHERE id > 1) SELECT users.id, name FROM users": "2|b",
        "SELECT app.users.id, app.names.v FROM app.users LEFT JOIN app.names USING (id)": "1|\n2|x",
        "SELECT u.* FROM users u WHERE EXISTS (SELECT FROM names WHERE names.id = u.id)": "2|b",
        "WITH RECURSIVE r AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM r WHERE id < 2) "
        "SELECT id, 'n' FROM r UNION ALL (TABLE users LIMIT 0)": "1|n\n2|n",
        "SELECT 1, current_database()::text": f"1|{source.database}",
        "SELECT id, current_catalog || current_schema FROM ONLY users WHERE id = 1": f"1|{source.database}app",
        "VALUES (7, 'x')": "7|x",
        "SELECT a.id, b.name FROM users AS a JOIN users AS b ON b.id = a.id + 1": "1|b",
    }
    for query, expected in queries.items():
        await transfer("a, b", query=query)
        assert psql(target, "SELECT a, b FROM t ORDER BY a, b") == expected, query
        psql(target, "TRUNCATE t")


async def test_what_inherits_is_not_read_with_only(transfer, psql, source, target):
    """A foreign table is read with its children on the source; partitions are meant to be."""
    psql(source, "CREATE TABLE p (a int); CREATE TABLE c () INHERITS (p); INSERT INTO c VALUES (2)")
    psql(source, "CREATE TABLE q (a int) PARTITION BY LIST (a); CREATE TABLE q1 PARTITION OF q DEFAULT")
    psql(source, "INSERT INTO q VALUES (3)")
    psql(target, "CREATE TABLE t (a int)")
    with pytest.raises(Refused, match="ONLY 'p'"):
        await transfer("a", query="SELECT a FROM ONLY p")
    await transfer("a", query="SELECT a FROM p UNION ALL SELECT a FROM q UNION ALL SELECT a FROM ONLY q1")
    assert psql(target, "SELECT a FROM t ORDER BY a") == "2\n3\n3"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT nextval('n')::int", "'nextval'"),
        ("SELECT g()", "not IMMUTABLE"),
        ("SELECT public.h(1)", "does not have"),
        ("SELECT xmin::text::int FROM u", "'xmin'"),
        ("SELECT a FROM u TABLESAMPLE SYSTEM (10)", "TABLESAMPLE"),
        ("SELECT a FROM u FOR UPDATE", "locks rows"),
        ("WITH x AS (DELETE FROM u RETURNING a) SELECT a FROM x", "writes"),
        ("SELECT 1; SELECT 2", "one SELECT|something else"),
    ],
)
async def test_what_would_be_another_thing_on_the_target_is_refused(transfer, psql, source, target, query, reason):
    """The engine copy runs it on the source, where all of these mean something."""
    psql(source, "CREATE SEQUENCE n; CREATE TABLE u (a int); INSERT INTO u VALUES (1)")
    psql(source, "CREATE FUNCTION g() RETURNS int LANGUAGE sql STABLE RETURN (SELECT max(a) FROM u)")
    psql(source, "CREATE FUNCTION h(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 + 1")
    psql(target, "CREATE SEQUENCE n; CREATE TABLE t (a int); CREATE TABLE u (a int)")
    psql(target, "CREATE FUNCTION g() RETURNS int LANGUAGE sql STABLE RETURN (SELECT max(a) FROM u)")
    psql(target, "CREATE FUNCTION h(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 + 2")
    with pytest.raises(Refused, match=reason):
        await transfer("a", query=query)
    assert psql(target, "SELECT count(*) FROM t") == "0"


async def test_functions_that_are_the_same_are_called(transfer, both, psql, source, target):
    """A user's own IMMUTABLE ones, an extension's, and those that give another value each time."""
    both("CREATE FUNCTION h(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 + 1; CREATE TABLE t (a int, b uuid)")
    psql(source, "INSERT INTO t VALUES (1)")
    await transfer("a, b", query="SELECT h(a), gen_random_uuid() FROM t")
    assert psql(target, "SELECT a, b IS NOT NULL FROM t") == "2|t"


async def test_upper_and_lower_case_are_a_matter_of_the_locale(ctx, transfer, task_of, psql, source, target):
    """In C, É has no lower case: the engine copy would bring another value. Of one locale, all is well."""
    psql(target, f"CREATE DATABASE \"{target.database}_c\" TEMPLATE template0 LOCALE 'C'")
    other = target.with_database(f"{target.database}_c")
    try:
        psql(source, "CREATE TABLE t (a text); INSERT INTO t VALUES ('\u00c9')")
        for place in (target, other):
            psql(place, "CREATE TABLE t (a text)")
        for query in ("SELECT lower(a) FROM t", "SELECT a FROM t WHERE a ILIKE '\u00e9'"):
            with pytest.raises(Refused, match="locales differ: 'UTF-8' on the source, 'ASCII only'"):
                await transfer("a", query=query, target=other)
        await transfer("a", target=other)
        assert psql(other, "SELECT a FROM t") == "\u00c9"
        # Another name for the same notion.
        psql(target, f'DROP DATABASE "{other.database}" WITH (FORCE)')
        psql(
            target, f"CREATE DATABASE \"{other.database}\" TEMPLATE template0 LOCALE_PROVIDER builtin LOCALE 'C.UTF-8'"
        )
        psql(other, "CREATE TABLE t (a text)")
        await transfer("a", query="SELECT lower(a) FROM t", target=other)
        assert psql(other, "SELECT a FROM t") == "\u00e9"
    finally:
        psql(target, f'DROP DATABASE IF EXISTS "{other.database}" WITH (FORCE)')
    await transfer("a", query="SELECT lower(a) FROM t")
    assert psql(target, "SELECT a FROM t") == "\u00e9"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("UTF8", "en_US.UTF-8", "c", ""), ("UTF8", "C.utf8", "c", ""), True),
        (("UTF8", "en_US.utf8", "b", "C.UTF-8"), ("UTF8", "de_DE.UTF-8", "c", ""), True),
        (("UTF8", "C", "c", ""), ("LATIN1", "POSIX", "c", ""), True),
        (("UTF8", "C", "c", ""), ("UTF8", "C", "b", "C"), True),
        (("UTF8", "C", "i", "en-US"), ("UTF8", "en_US.UTF-8", "i", "und"), True),
        (("UTF8", "en_US.UTF-8", "i", "en-US"), ("UTF8", "en_US.UTF-8", "c", ""), False),
        (("UTF8", "C", "i", "tr"), ("UTF8", "C", "i", "und"), False),
        (("UTF8", "tr_TR.UTF-8", "c", ""), ("UTF8", "C.UTF-8", "c", ""), False),
        (("UTF8", "C", "b", "PG_UNICODE_FAST"), ("UTF8", "C", "b", "C.UTF-8"), False),
        (("LATIN1", "de_DE", "c", ""), ("UTF8", "de_DE.UTF-8", "c", ""), False),
    ],
)
def test_which_locales_have_one_notion_of_case(one, other, same):
    """By what they do, not by their names: a new server's default is seldom called as the old one's."""
    assert (folding(*one) == folding(*other)) is same


async def test_what_is_no_sql_is_told_as_that(transfer, both):
    """Before anybody is asked."""
    both("CREATE TABLE t (a int)")
    with pytest.raises(SyntaxInvalid, match="syntax error"):
        await transfer("a", query="SELECT FROM FROM")


async def test_what_it_does_not_accept(task_of):
    """Each of them is Refused by transfer() too, as the rules of the kind ask for."""
    engine = FdwEngine()
    assert engine.accepts(task_of("a"))
    assert not engine.accepts(task_of("a", snapshot="00000003-00000002-1"))
    assert not engine.accepts(task_of("a", before=(Statement(sql="VACUUM", transactional=False),)))
