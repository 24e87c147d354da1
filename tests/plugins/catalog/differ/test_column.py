"""Columns, defaults, sequences and tables: the forms that keep a table in use, and what must not be lost."""

from __future__ import annotations

import pytest

from confiture.errors import Refused

pytestmark = pytest.mark.anyio

_BIG = """
CREATE TABLE t (id serial PRIMARY KEY, n int NOT NULL DEFAULT 3 CHECK (n > 0), e text UNIQUE);
CREATE INDEX t_n ON t (n);
COMMENT ON COLUMN t.n IS 'x';
GRANT SELECT (n) ON t TO PUBLIC;
CREATE VIEW v AS SELECT id, n FROM t;
CREATE TABLE r (t int REFERENCES t);
"""
_ROWS = (
    "INSERT INTO t (n, e) SELECT 1 + g % 10, g::text FROM generate_series(1, 5000) g; INSERT INTO r VALUES (7), (8);"
)
_WIDER = _BIG.replace("serial", "bigserial").replace("n int", "n bigint").replace("t int", "t bigint")


async def test_a_big_table_gets_a_new_type_by_a_second_column(migrates) -> None:
    """With everything that refers to the column, and every row; the table is never written anew under a lock."""
    statements = await migrates(
        _BIG,
        _WIDER,
        rows=_ROWS,
        sizes={"public.t": 2_000_000},
        after={
            "SELECT count(*), sum(n), count(DISTINCT id) FROM t": "5000|27500|5000",
            "SELECT sum(t) FROM r": "15",
            "INSERT INTO t (e) VALUES ('q') RETURNING id, n": "5001|3",
        },
    )
    assert not [each for each in statements if each.startswith("ALTER TABLE public.t ALTER COLUMN n TYPE")]
    filled = next(number for number, each in enumerate(statements) if each.startswith("DO $backfill$"))
    dropped = next(number for number, each in enumerate(statements) if each.startswith("DROP VIEW"))
    assert filled < dropped, "what takes long comes while everything is still there"


@pytest.mark.parametrize(
    "options", [{"sizes": {"public.t": 1000}}, {}, {"sizes": {"public.t": 2_000_000}, "online": False}]
)
async def test_another_table_keeps_the_short_form(migrates, options) -> None:
    """Small, of unknown size, or not in use."""
    statements = await migrates(_BIG, _WIDER, rows=_ROWS, **options)
    assert "ALTER TABLE public.t ALTER COLUMN n TYPE bigint" in statements


async def test_a_type_that_needs_no_rewrite_is_changed_in_place_however_big(migrates) -> None:
    old, new = "CREATE TABLE t (v varchar(10))", "CREATE TABLE t (v varchar(20))"
    statements = await migrates(old, new, sizes={"public.t": 10**9}, back=False)
    assert statements == ["ALTER TABLE public.t ALTER COLUMN v TYPE character varying(20)"]


async def test_a_default_of_each_row_is_filled_in_batches(migrates) -> None:
    """ADD COLUMN with it would write the table anew; rows that are there get one each."""
    statements = await migrates(
        "CREATE TABLE t (id int)",
        "CREATE TABLE t (id int, u uuid NOT NULL DEFAULT gen_random_uuid(), at timestamptz NOT NULL DEFAULT now())",
        rows="INSERT INTO t SELECT generate_series(1, 3000)",
        after={"SELECT count(DISTINCT u), count(at) FROM t": "3000|3000"},
    )
    assert statements[0] == "ALTER TABLE public.t ADD COLUMN u uuid"
    assert statements[-1] == "ALTER TABLE public.t ADD COLUMN at timestamp with time zone NOT NULL DEFAULT now()"


async def test_a_stated_backfill_fills_a_new_column(migrates) -> None:
    await migrates(
        "CREATE TABLE t (login text)",
        "CREATE TABLE t (login text, email text NOT NULL)",
        rows="INSERT INTO t VALUES ('a'), ('b')",
        sizes={"public.t": 2},
        backfills={"t.email": "login || '@example.com'"},
        after={"SELECT string_agg(email, ' ' ORDER BY email) FROM t": "a@example.com b@example.com"},
    )


async def test_a_new_column_without_values_stops_where_there_are_rows(migrates) -> None:
    with pytest.raises(Refused, match=r"public\.t\.email") as refusal:
        await migrates(
            "CREATE TABLE t (login text)", "CREATE TABLE t (login text, email text NOT NULL)", sizes={"public.t": 2}
        )
    assert "--backfill" in refusal.value.hint


async def test_a_table_is_attached_after_a_check_has_been_validated(migrates) -> None:
    """ATTACH PARTITION then reads nothing; the default partition comes last, so that it is not read for the others."""
    parent = "CREATE TABLE p (a int NOT NULL) PARTITION BY RANGE (a);"
    statements = await migrates(
        parent + "CREATE TABLE d (a int NOT NULL); CREATE TABLE q (a int NOT NULL)",
        parent + "CREATE TABLE d PARTITION OF p DEFAULT; CREATE TABLE q PARTITION OF p FOR VALUES FROM (1) TO (5)",
        rows="INSERT INTO q VALUES (1), (4)",
        after={"SELECT count(*) FROM p": "2"},
        back=False,  # names of NOT NULL constraints follow the parent's
    )
    attached = [each for each in statements if "ATTACH PARTITION" in each or "VALIDATE" in each]
    assert [each.split()[2] + " " + each.split()[3] for each in attached] == [
        "public.q VALIDATE",
        "public.p ATTACH",
        "public.d VALIDATE",
        "public.p ATTACH",
    ]


async def test_a_serial_column_becomes_an_identity_and_goes_on_counting(migrates) -> None:
    """No number comes twice, on either way."""
    await migrates(
        "CREATE TABLE t (id bigserial PRIMARY KEY)",
        "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)",
        rows="INSERT INTO t SELECT FROM generate_series(1, 5)",
        after={"INSERT INTO t DEFAULT VALUES RETURNING id": "6"},
    )


async def test_a_sequence_stays_where_it_is_unless_that_is_outside_of_its_new_range(migrates) -> None:
    old = "CREATE SEQUENCE inside; CREATE SEQUENCE below"
    new = "CREATE SEQUENCE inside MINVALUE 5 START 5; CREATE SEQUENCE below MINVALUE 50 START 50"
    rows = "SELECT setval('inside', 20); SELECT setval('below', 20)"
    await migrates(old, new, rows=rows, after={"SELECT nextval('inside'), nextval('below')": "21|50"})


async def test_a_column_that_a_child_keeps_keeps_its_rows(migrates) -> None:
    """DROP COLUMN on the parent goes down to the children, and takes what they hold."""
    await migrates(
        "CREATE TABLE base (id int, n int); CREATE TABLE child (extra int) INHERITS (base)",
        "CREATE TABLE base (id int); CREATE TABLE child (extra int, n int) INHERITS (base)",
        rows="INSERT INTO child VALUES (1, 2, 3)",
        after={"SELECT n FROM child": "2"},
        back=False,
    )


async def test_what_holds_data_is_not_dropped_to_be_made_anew(migrates) -> None:
    old, new = "CREATE TABLE t (a int)", "CREATE TABLE t (a int) PARTITION BY LIST (a)"
    with pytest.raises(Refused, match=r"public\.t") as refusal:
        await migrates(old, new)
    assert "--drop" in refusal.value.hint
    await migrates(old, new, drops=("t",))
