"""Conditions of chunks, put into queries that are ready."""

from __future__ import annotations

import pytest

from confiture_schema_to_schema.compiling import with_condition
from confiture_schema_to_schema.values import Part


def part(query: str, alias: str = '"t"', **more: object) -> Part:
    """A part of which only the query counts."""
    return Part(number=1, target="public.t", source="public.t", alias=alias, query=query, columns=("id",), **more)


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("SELECT id FROM public.t t", "SELECT id FROM ONLY public.p t WHERE t.id > 1 OR t.id < 0"),
        (
            "SELECT id FROM public.t t WHERE a OR b",
            "SELECT id FROM ONLY public.p t WHERE (a OR b) AND (t.id > 1 OR t.id < 0)",
        ),
        (
            "SELECT id FROM public.t t WHERE a AND b AND (c AND d)",
            "SELECT id FROM ONLY public.p t WHERE a AND b AND (c AND d) AND (t.id > 1 OR t.id < 0)",
        ),
        (
            "SELECT t.id FROM public.l l LEFT JOIN (public.o o JOIN public.t t ON true) ON true",
            "SELECT t.id FROM public.l l LEFT JOIN (public.o o JOIN ONLY public.p t ON true) ON true "
            "WHERE t.id > 1 OR t.id < 0",
        ),
        (
            "SELECT t.id FROM public.l l, public.t t WHERE EXISTS (SELECT FROM public.t t WHERE x)",
            "SELECT t.id FROM public.l l, ONLY public.p t "
            "WHERE EXISTS (SELECT FROM public.t t WHERE x) AND (t.id > 1 OR t.id < 0)",
        ),
        (
            "SELECT confiture_rows.c1::int FROM (SELECT * FROM public.t t) confiture_rows(c1)",
            "SELECT confiture_rows.c1::int FROM (SELECT * FROM ONLY public.p t WHERE t.id > 1 OR t.id < 0) "
            "confiture_rows(c1)",
        ),
        (
            "WITH w AS (SELECT * FROM public.t t) SELECT t.id FROM public.t t, w",
            "WITH w AS (SELECT * FROM public.t t) SELECT t.id FROM ONLY public.p t, w WHERE t.id > 1 OR t.id < 0",
        ),
    ],
)
def test_a_condition_goes_to_the_driving_table(query: str, result: str) -> None:
    """And to no other of its name; what was there before stays together."""
    assert with_condition(part(query), '"t".id > 1 OR "t".id < 0', relation="ONLY public.p") == result


def test_the_condition_of_a_setting_is_kept_letter_for_letter() -> None:
    """As the kernel's chunks have it, with an odd name."""
    value = "CAST((pg_catalog.current_setting('confiture.chunk_low')::pg_catalog.jsonb ->> 0) AS pg_catalog.int4)"
    condition = f"""("T x"."a""b", "T x".c) >= ({value}, '2')"""
    assert with_condition(part('SELECT "a""b" FROM public."T x" "T x"', '"T x"'), condition) == (
        'SELECT "a""b" FROM public."T x" "T x" WHERE ("T x"."a""b", "T x".c) >= '
        "((pg_catalog.current_setting('confiture.chunk_low')::pg_catalog.jsonb ->> 0)::int, '2')"
    )


def test_nothing_but_another_relation() -> None:
    """A partition as a whole."""
    assert with_condition(part("SELECT id FROM public.t t"), "true", relation="public.p") == "SELECT id FROM public.p t"
    assert with_condition(part("SELECT id FROM public.t t"), "true") == "SELECT id FROM public.t t"


def test_what_cannot_be_cut_is_refused() -> None:
    """A caller that tries has missed `whole`."""
    whole = part("SELECT DISTINCT id FROM public.t t", whole="it has DISTINCT")
    assert with_condition(whole, "true") == whole.query
    with pytest.raises(ValueError, match="cannot be copied piece by piece: it has DISTINCT"):
        with_condition(whole, "t.id > 1")
