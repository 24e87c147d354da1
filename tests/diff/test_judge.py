"""What is judged equal, and what is not: a judge that sees too little passes everything."""

from __future__ import annotations

import pytest

from diff.judge import canonical, explain, split, without_comments, without_not_null_names

TABLE = "CREATE TABLE public.t (\n    a integer,\n    b text CONSTRAINT b_given NOT NULL\n);\n"


def test_the_order_of_columns_and_statements_is_no_difference() -> None:
    other = "CREATE TABLE public.t (\n    b text CONSTRAINT b_given NOT NULL,\n    a integer\n);\n"
    view = "CREATE VIEW public.v AS\n SELECT 1 AS n;\n"
    assert canonical(TABLE + view) == canonical(view + other)


@pytest.mark.parametrize(
    ("words", "others"),
    [("integer", "bigint"), ("b_given", "t_b_not_null"), ("public.t ", "app.t "), (");", ")\nWITH (fillfactor='70');")],
)
def test_everything_else_is_one(words: str, others: str) -> None:
    assert canonical(TABLE) != canonical(TABLE.replace(words, others))


def test_the_order_of_a_composite_types_attributes_is_one() -> None:
    assert canonical("CREATE TYPE t AS (\n\ta integer,\n\tb text\n);") != canonical(
        "CREATE TYPE t AS (\n\tb text,\n\ta integer\n);"
    )


def test_a_tablespace_is_one() -> None:
    assert canonical(f"SET default_tablespace = fast;\n{TABLE}") != canonical(TABLE)
    assert canonical(f"SET default_tablespace = '';\n{TABLE}") == canonical(TABLE)


def test_the_order_of_storage_parameters_is_none() -> None:
    one, other = (
        f"CREATE INDEX i ON public.t USING btree (a) WITH ({words});" for words in ("a='1', b='2'", "b='2', a='1'")
    )
    assert canonical(one) == canonical(other)
    assert canonical(one) != canonical(one.replace("'1'", "'3'"))


def test_names_of_not_null_constraints_can_be_left_out() -> None:
    named, unnamed = canonical(TABLE), canonical(TABLE.replace("CONSTRAINT b_given NOT", "NOT"))
    assert named != unnamed
    assert without_not_null_names(named) == without_not_null_names(unnamed)


def test_what_changes_from_dump_to_dump_is_no_statement() -> None:
    dump = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET statement_timeout = 0;\n" + TABLE
    assert canonical(dump) == canonical(TABLE)


def test_comments_within_a_body_count_unless_left_out() -> None:
    one, other = (f"CREATE FUNCTION f() RETURNS int\n    AS $$ SELECT 1{text} $$;" for text in ("", " -- one\n"))
    assert canonical(one) != canonical(other)
    assert without_comments(canonical(one + "\n")) == without_comments(canonical(one))


@pytest.mark.parametrize(
    "statement",
    [
        "COMMENT ON TABLE t IS 'a; b';",
        "COMMENT ON TABLE t IS E'a\\'; b';",
        'COMMENT ON TABLE "a;b" IS NULL;',
        "CREATE FUNCTION f() AS $_$ a; $$ b; $_$;",
        "CREATE FUNCTION f() BEGIN ATOMIC\n SELECT CASE WHEN true THEN 1 END;\n SELECT 2;\nEND;",
        "CREATE RULE r AS ON DELETE TO t DO INSTEAD ( SELECT 1; SELECT 2; );",
    ],
)
def test_a_semicolon_within_does_not_end_a_statement(statement: str) -> None:
    assert list(split(f"{statement}\n\n-- next; one\nSELECT 1;")) == [statement, "SELECT 1;"]


def test_an_explanation_names_both_sides() -> None:
    assert explain(["a", "b"], ["b", "c"]).splitlines() == ["- not wanted: a", "+ missing:    c"]
    assert explain(["a"], ["a"]) == ""
