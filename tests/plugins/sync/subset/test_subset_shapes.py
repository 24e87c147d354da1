"""Foreign keys of every shape, and what becomes of those that are cut."""

from __future__ import annotations

import pytest

from confiture.errors import ConfigError, Refused
from confiture_sync.configuring import Reference

pytestmark = pytest.mark.anyio


async def test_a_self_reference_is_followed_to_its_end_and_a_long_chain_too(choose, source, psql):
    psql(
        source,
        """
        CREATE TABLE e (id int PRIMARY KEY, boss int REFERENCES e);
        INSERT INTO e SELECT n, CASE WHEN n % 300 <> 1 THEN n - 1 END FROM generate_series(1, 900) n""",
    )
    chosen = await choose(ids={"e": ("5", "600")})
    assert await choose.rows(chosen, "public.e", "id") == [*range(1, 6), *range(301, 601)]


async def test_two_keys_to_one_table_and_a_key_to_another_unique_key(choose, source, psql, orphans):
    psql(
        source,
        """
        CREATE TABLE p (id int PRIMARY KEY, code text UNIQUE);
        CREATE TABLE c (id int PRIMARY KEY, a int REFERENCES p, b int REFERENCES p, code text REFERENCES p (code));
        INSERT INTO p SELECT n, 'c' || n FROM generate_series(1, 9) n;
        INSERT INTO c VALUES (1, 1, 2, 'c3'), (2, 4, 4, NULL), (3, 7, 8, 'c9')""",
    )
    chosen = await choose(where={"c": "id < 3"})
    await choose.write(chosen)
    assert await choose.rows(chosen, "public.p", "id") == [1, 2, 3, 4]
    assert orphans(source, chosen) == []
    chosen = await choose(where={"c": "id < 3"}, cut=("c.code",))
    assert await choose.rows(chosen, "public.p", "id") == [1, 2, 4]
    assert await choose.rows(chosen, "public.c") == [(1, 1, 2, None), (2, 4, 4, None)]
    # A parent that is copied for another reason keeps its child, by the key that is referenced.
    chosen = await choose(where={"c": "id < 3"}, ids={"p": ("3",)}, cut=("c.code",))
    assert await choose.rows(chosen, "public.c") == [(1, 1, 2, "c3"), (2, 4, 4, None)]


async def test_composite_keys_in_another_order_than_the_parents(choose, source, psql):
    """Greenmask's #397: the columns of the foreign key stand in another order than those of the primary key."""
    psql(
        source,
        """
        CREATE TABLE p (a int, b int, PRIMARY KEY (a, b));
        CREATE TABLE c (id int PRIMARY KEY, b int, a int, FOREIGN KEY (b, a) REFERENCES p (b, a));
        INSERT INTO p SELECT x, y FROM generate_series(1, 4) x, generate_series(1, 4) y;
        INSERT INTO c VALUES (1, 1, 2), (2, 4, NULL), (3, 3, 4)""",
    )
    chosen = await choose(where={"c": "id < 3"})
    assert await choose.rows(chosen, "public.p") == [(2, 1)]
    # MATCH SIMPLE: half a key leads nowhere, and half a key is no key that must become NULL.
    chosen = await choose(where={"c": "true"}, ids={"p": ("4,3",)}, cut=("c.a",))
    assert await choose.rows(chosen, "public.p") == [(4, 3)]
    assert await choose.rows(chosen, "public.c") == [(1, None, None), (2, 4, None), (3, 3, 4)]


async def test_a_cut_leaves_columns_alone_that_other_keys_need(choose, source, psql, orphans):
    psql(
        source,
        """
        CREATE TABLE tenant (id int PRIMARY KEY);
        CREATE TABLE p (tenant int REFERENCES tenant, id int, PRIMARY KEY (tenant, id));
        CREATE TABLE c (id int PRIMARY KEY, tenant int REFERENCES tenant, p int, q int,
            FOREIGN KEY (tenant, p) REFERENCES p, CONSTRAINT both_or_none FOREIGN KEY (tenant, q) REFERENCES p);
        INSERT INTO tenant VALUES (1), (2);
        INSERT INTO p VALUES (1, 1), (1, 2), (2, 1);
        INSERT INTO c VALUES (1, 1, 1, 2), (2, 2, NULL, 1)""",
    )
    chosen = await choose(where={"c": "true"}, cut=("c.p",))
    await choose.write(chosen)
    assert await choose.rows(chosen, "public.c") == [(1, 1, None, 2), (2, 2, None, 1)]
    assert orphans(source, chosen) == []
    # --cut c.tenant cuts all three keys.
    chosen = await choose(tables=("c",), cut=("c.tenant",))
    assert await choose.rows(chosen, "public.c") == [(1, None, None, None), (2, None, None, None)]


async def test_match_full_is_null_as_a_whole_or_refused(choose, source, psql):
    psql(
        source,
        """
        CREATE TABLE p (a int, b int, PRIMARY KEY (a, b));
        CREATE TABLE c (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES p MATCH FULL);
        CREATE TABLE q (id int PRIMARY KEY);
        CREATE TABLE d (id int PRIMARY KEY, a int REFERENCES q, b int, FOREIGN KEY (a, b) REFERENCES p MATCH FULL);
        INSERT INTO p VALUES (1, 1), (2, 2); INSERT INTO q VALUES (1);
        INSERT INTO c VALUES (1, 1, 1), (2, NULL, NULL); INSERT INTO d VALUES (1, 1, 1)""",
    )
    chosen = await choose(tables=("c",), cut=("c.b",))
    assert await choose.rows(chosen, "public.c") == [(1, None, None), (2, None, None)]
    assert chosen.selections["public.c"].nulled.keys() == {"a", "b"}
    # d.a to q: cutting it alone cuts the other key of the column too, since --cut names a column.
    chosen = await choose(tables=("d",), cut=("d.a",))
    assert await choose.rows(chosen, "public.d") == [(1, None, None)]


async def test_a_cut_is_refused_where_it_would_tear_a_match_full_key(choose, source, psql):
    psql(
        source,
        """
        CREATE TABLE p (a int, b int, PRIMARY KEY (a, b));
        CREATE TABLE r (a int PRIMARY KEY);
        CREATE TABLE d (id int PRIMARY KEY, a int, b int, c int NOT NULL,
            FOREIGN KEY (a, b) REFERENCES p MATCH FULL);
        ALTER TABLE d ADD CONSTRAINT shared FOREIGN KEY (c, a) REFERENCES p""",
    )
    with pytest.raises(Refused, match=r"shares columns with 'public\.d\.\(a, b\)', which is MATCH FULL"):
        await choose(tables=("d", "p"), where={"d": "true"}, cut=("d.c",))


async def test_children_of_children_and_then_the_parents_of_all(choose, source, psql, orphans):
    psql(
        source,
        """
        CREATE TABLE country (id int PRIMARY KEY);
        CREATE TABLE u (id int PRIMARY KEY, country int REFERENCES country);
        CREATE TABLE post (id int PRIMARY KEY, u int NOT NULL REFERENCES u, editor int REFERENCES u);
        CREATE TABLE comment (id int PRIMARY KEY, post int REFERENCES post, u int REFERENCES u);
        INSERT INTO country SELECT generate_series(1, 9);
        INSERT INTO u SELECT n, n FROM generate_series(1, 9) n;
        INSERT INTO post VALUES (1, 1, 5), (2, 1, NULL), (3, 2, 1), (4, 5, 5);
        INSERT INTO comment VALUES (1, 1, 7), (2, 3, 1), (3, 2, 2), (4, 4, 1)""",
    )
    chosen = await choose(ids={"u": ("1",)}, children=("post.u", "comment.post"))
    await choose.write(chosen)
    # Post 4 is by an editor who came in as a parent: parents bring no children.
    assert await choose.rows(chosen, "public.post", "id") == [1, 2]
    assert await choose.rows(chosen, "public.comment", "id") == [1, 3]
    assert await choose.rows(chosen, "public.u", "id") == [1, 2, 5, 7]
    assert await choose.rows(chosen, "public.country") == [1, 2, 5, 7]
    assert orphans(source, chosen) == []
    assert {label: selection.shown for label, selection in chosen.selections.items()} == {
        "public.comment": "children of public.post",
        "public.country": "parents of public.u",
        "public.post": "children of public.u, parents of public.comment",
        "public.u": "1 ids, parents of public.comment, public.post",
    }
    every = await choose(ids={"u": ("1",)}, children=("*.*",))
    assert await choose.rows(every, "public.comment", "id") == [1, 2, 3, 4]


async def test_inheritance_counts_the_parents_own_rows_only(choose, source, psql):
    psql(
        source,
        """
        CREATE TABLE base (id int PRIMARY KEY, p int);
        CREATE TABLE derived (extra int, PRIMARY KEY (id)) INHERITS (base);
        CREATE TABLE c (id int PRIMARY KEY, base int REFERENCES base);
        INSERT INTO base SELECT n FROM generate_series(1, 5) n;
        INSERT INTO derived SELECT n FROM generate_series(1, 5) n;
        INSERT INTO c VALUES (1, 1), (2, 2)""",
    )
    chosen = await choose(where={"c": "id = 1", "derived": "id = 3"})
    assert await choose.rows(chosen, "public.base", "id") == [1]
    assert await choose.rows(chosen, "public.derived", "id") == [3]


async def test_partitioned_tables_on_both_sides_and_keys_of_none(choose, source, psql, orphans):
    """A partitioned table without any key is told by place: ctid alone is the same in several partitions."""
    psql(
        source,
        """
        CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (50);
        CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (50) TO (101);
        CREATE TABLE log (p int REFERENCES p, t text) PARTITION BY LIST (t);
        CREATE TABLE log_a PARTITION OF log FOR VALUES IN ('a'); CREATE TABLE log_b PARTITION OF log DEFAULT;
        CREATE TABLE plain (p int REFERENCES p);
        INSERT INTO p SELECT n FROM generate_series(1, 100) n;
        INSERT INTO log SELECT n, CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 100) n;
        INSERT INTO plain SELECT n FROM generate_series(1, 100) n""",
    )
    chosen = await choose(where={"log": "p IN (2, 7)", "plain": "p = 99"})
    await choose.write(chosen)
    assert await choose.rows(chosen, "public.p") == [2, 7, 99]
    assert await choose.rows(chosen, "public.log") == [(2, "a"), (7, "b")]
    assert await choose.rows(chosen, "public.plain") == [99]
    assert orphans(source, chosen) == []
    down = await choose(ids={"p": ("60", "1")}, children=("log.p", "plain.p"))
    assert await choose.rows(down, "public.log", "p") == [1, 60]
    # Another run may find other rows in the same places; a key is the same in all runs.
    again = await choose(ids={"p": ("1", "60")}, children=("log.p", "plain.p"), run_id="2")
    digests = [{label: each.digest for label, each in chosen.selections.items()} for chosen in (down, again)]
    assert {label for label in digests[0] if digests[0][label] == digests[1][label]} == {"public.p"}


async def test_a_virtual_reference_holds_for_the_rows_of_its_condition(choose, source, psql, orphans):
    """Greenmask's #396: without the condition nearly all rows were dropped; here rows of other kinds stay."""
    psql(
        source,
        """
        CREATE TABLE post (id int PRIMARY KEY); CREATE TABLE photo (id int PRIMARY KEY);
        CREATE TABLE comment (id int PRIMARY KEY, kind text, item int);
        INSERT INTO post SELECT generate_series(1, 9); INSERT INTO photo SELECT generate_series(1, 9);
        INSERT INTO comment VALUES (1, 'post', 1), (2, 'photo', 2), (3, 'other', 3), (4, 'post', 77), (5, NULL, 5)""",
    )
    references = (
        Reference(source="comment.item", to="post.id", when="kind = 'post'"),
        Reference(source="comment.item", to="photo.id", when="kind = 'photo'"),
    )
    chosen = await choose(where={"comment": "true"}, references=references)
    assert await choose.rows(chosen, "public.post") == [1]
    assert await choose.rows(chosen, "public.photo") == [2]
    assert len(await choose.rows(chosen, "public.comment")) == 5
    down = await choose(ids={"post": ("1", "2")}, sample={"photo": "all"}, children=("comment.item",),
                        references=references)  # fmt: skip
    assert await choose.rows(down, "public.comment", "id") == [1, 2]
    alone = await choose(tables=("comment", "photo"), cut=("comment.item",), references=references,
                         ids={"comment": ("1", "2", "3")}, sample={"photo": "all"})  # fmt: skip
    assert await choose.rows(alone, "public.comment") == [(1, "post", None), (2, "photo", 2), (3, "other", 3)]


async def test_a_virtual_reference_that_is_no_sql_says_where_it_is_written(choose, source, psql):
    psql(source, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a text); "
                 "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1, 'secret')")  # fmt: skip
    with pytest.raises(ConfigError, match=r"'public\.b\.a' cannot be followed to 'public\.a': operator does not exist"):
        await choose(where={"b": "true"}, references=(Reference(source="b.a", to="a.id"),))
    with pytest.raises(ConfigError) as caught:
        await choose(where={"b": "true"}, references=(Reference(source="b.id", to="a.id", when="a::int = 1"),))
    assert "secret" not in f"{caught.value!r}{caught.value}{caught.value.__context__}"
    assert caught.value.file == "db/sync_config.yaml"


async def test_odd_names_and_collations(choose, source, psql, orphans):
    long = "n" * 63
    psql(
        source,
        f"""
        CREATE SCHEMA "S.x"; CREATE TABLE "S.x"."My ""Table" ("I d" text COLLATE "C" PRIMARY KEY);
        CREATE TABLE "{long}" ("{long}" int PRIMARY KEY, "F.k" text COLLATE "POSIX" REFERENCES "S.x"."My ""Table");
        INSERT INTO "S.x"."My ""Table" VALUES ('a'), ('{{"b", c}}'), (''), ('NULL'), (E'\\\\ " é');
        INSERT INTO "{long}" SELECT row_number() OVER (), "I d" FROM "S.x"."My ""Table";
        INSERT INTO "S.x"."My ""Table" VALUES ('z')""",
    )
    chosen = await choose(where={long: f'"{long}" > 1'})
    await choose.write(chosen)
    assert chosen.selections['S.x.My "Table'].rows == 4
    parents = 'SELECT "I d" FROM chosen."My ""Table"'
    assert psql(source, f'SELECT count(*) FROM chosen."{long}" WHERE "F.k" COLLATE "C" NOT IN ({parents})') == "0"
    chosen = await choose(ids={'"S.x"."My ""Table"': ("NULL", "")}, children=(f'{long}."F.k"',))
    assert chosen.selections[f"public.{long}"].rows == 2


async def test_keys_that_are_cut_without_a_subset(choose, source, psql):
    psql(source, "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p); "
                 "INSERT INTO p VALUES (1); INSERT INTO c VALUES (1, 1)")  # fmt: skip
    chosen = await choose(exclude=("p",), cut=("c.p",))
    assert chosen.selections.keys() == {"public.c"}
    assert await choose.rows(chosen, "public.c") == [(1, None)]
    assert (await choose(cut=("c.p",))).selections == {}
    assert (await choose()).selections == {}
