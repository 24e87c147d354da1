"""What a plan's earlier statements make of the later ones, and what is said where little is known."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from confiture.errors import ConfitureError
from confiture.model import Effects, Hazard, Plan, Schema, SchemaObject, SourceFile, Statement
from confiture.sql import HAZARDS, annotate, effects_of, read_script

TESTS = Path(__file__).resolve().parents[2]
#: A table with a column, as the inspector reads it.
TABLE = SchemaObject(kind="table", identity="public.t", properties={}, schema="public", name="t")
BEFORE = Schema.of(
    [
        TABLE,
        SchemaObject(kind="column", identity="public.t.a", properties={"type": "character varying(10)"},
                     schema="public", name="a", parent=TABLE.key, position=1),
        SchemaObject(kind="sequence", identity="public.s", properties={}, schema="public", name="s"),
        SchemaObject(kind="enum", identity="public.e", properties={"labels": ("x", "y")}, schema="public", name="e"),
    ]
)  # fmt: skip


def annotated(*sql: str, before: Schema | None = BEFORE) -> list[Statement]:
    """The statements of a plan with their effects."""
    return list(annotate(Plan(statements=tuple(Statement(sql=one) for one in sql)), before).statements)


def kinds(statement: Statement) -> set[str]:
    """The kinds of its hazards."""
    return {hazard.kind for hazard in statement.hazards}


def test_a_table_of_the_same_plan_is_nobodys_trouble():
    """Nobody can have opened it yet."""
    for statement in annotated(
        "CREATE TABLE fresh (a int)", "CREATE UNIQUE INDEX ON fresh (a)", "ALTER TABLE fresh ADD COLUMN b int NOT NULL",
        "ALTER TABLE fresh ALTER COLUMN a TYPE bigint", "ALTER TABLE public.fresh RENAME TO fresher",
        "ALTER TABLE fresher ADD CHECK (a > 0)", "TRUNCATE fresher", "DROP TABLE public.fresher",
    ):  # fmt: skip
        assert statement.effects is not None
        assert (statement.effects.lock, statement.effects.rewrites, statement.effects.scans) == ("", False, False)
        assert statement.hazards == ()


def test_what_else_a_new_table_locks_is_said():
    """A key from it blocks writes to the other table."""
    statement = annotated("CREATE TABLE fresh (a int)", "ALTER TABLE fresh ADD FOREIGN KEY (a) REFERENCES t")[1]
    assert (statement.effects.lock, statement.effects.tables) == ("SHARE ROW EXCLUSIVE", ("public.t",))
    assert kinds(statement) == {"blocks-writes"}


@pytest.mark.parametrize("sql", ["CHECK (a IS NOT NULL)", "NOT NULL a"])
def test_not_null_after_a_validated_proof_reads_nothing(sql: str):
    """The online way to NOT NULL is worth nothing where its last step is taken for a scan."""
    added, validated, last = annotated(
        f"ALTER TABLE t ADD CONSTRAINT c {sql} NOT VALID", "ALTER TABLE t VALIDATE CONSTRAINT c",
        "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
    )  # fmt: skip
    assert not added.effects.scans
    assert validated.effects.scans
    assert validated.effects.failing_rows == (
        "SELECT * FROM public.t WHERE NOT (a IS NOT NULL)"
        if "CHECK" in sql
        else "SELECT * FROM public.t WHERE a IS NULL"
    )
    assert (last.effects.scans, last.effects.fails_on_data) == (False, False)


def test_not_null_before_the_proof_is_validated_reads_the_table():
    """NOT VALID proves nothing of the rows that are there."""
    last = annotated(
        "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID", "ALTER TABLE t ALTER a SET NOT NULL"
    )
    assert last[1].effects.scans


def test_names_are_followed():
    """A column's type is known under its new name, in the table's new schema."""
    last = annotated(
        "ALTER TABLE t RENAME COLUMN a TO b", "ALTER TABLE t RENAME TO u", "ALTER TABLE u SET SCHEMA app",
        "ALTER TABLE app.u ALTER COLUMN b TYPE varchar(20)", "ALTER TABLE app.u ALTER COLUMN b TYPE varchar(15)",
    )  # fmt: skip
    assert [one.effects.rewrites for one in last[3:]] == [False, True]
    assert last[4].effects.tables == ("app.u",)
    assert kinds(last[0]) == {"breaks-clients", "access-exclusive-lock"}


def test_an_enum_of_the_same_plan_has_its_labels():
    """Swapping an enum fails on what the new one lacks."""
    last = annotated(
        "ALTER TYPE e RENAME TO e_old", "CREATE TYPE e AS ENUM ('x')", "ALTER TABLE t ADD COLUMN c e_old",
        "ALTER TABLE t ALTER COLUMN c TYPE e USING c::text::e",
    )[3]  # fmt: skip
    assert last.effects.failing_rows == "SELECT * FROM public.t WHERE c::text NOT IN ('x')"


@pytest.mark.parametrize(
    ("sql", "lost"),
    [
        ("DROP TABLE t", True), ("ALTER TABLE t DROP COLUMN a", True), ("TRUNCATE t", True), ("DELETE FROM t", True),
        ("DROP SEQUENCE s", True), ("DROP SCHEMA public CASCADE", True), ("DROP SCHEMA empty", False),
        ("DROP MATERIALIZED VIEW m", False), ("DROP VIEW v CASCADE", False), ("DROP INDEX i", False),
        ("ALTER TABLE t ALTER a TYPE varchar(5)", False),
        ("ALTER TABLE t ALTER a TYPE varchar(5) USING a::varchar(5)", True),
        ("DROP DATABASE d", True), ("DROP OWNED BY me", True), ("DROP EXTENSION x CASCADE", True),
        ("DROP TABLE IF EXISTS nothing", False), ("UPDATE t SET a = ''", False), ("DROP FUNCTION f()", False),
        ("WITH gone AS (DELETE FROM t RETURNING a) SELECT * FROM gone", True),
    ],
)  # fmt: skip
def test_what_is_lost_is_said(sql: str, lost: bool):
    """Nobody may lose rows to a word that was not read."""
    effects, hazards = effects_of(Statement(sql=sql), BEFORE)
    assert effects.loses_data == lost
    assert ("deletes-data" in {hazard.kind for hazard in hazards}) == lost


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE t ALTER COLUMN a TYPE varchar(20)",
        "ALTER TABLE t ADD CHECK (a <> '')",
        "DROP TABLE t",
        "TRUNCATE t",
    ],
)
def test_without_a_schema_the_worst_is_taken(sql: str):
    """A table that nobody has looked at is there, and full."""
    effects, _ = effects_of(Statement(sql=sql))
    assert (effects.lock, effects.tables) == ("ACCESS EXCLUSIVE", ("public.t",))
    assert effects.rewrites or effects.scans or effects.loses_data
    assert effects_of(Statement(sql=sql), created=["public.t"])[0].tables == ()


def test_hazards_that_are_there_stay_and_transactions_are_marked():
    """A differ knows more of some statements; an executor must not open a transaction for others."""
    mine = Hazard("my-policy", "ask first")
    plan = Plan(statements=(Statement(sql="CREATE INDEX CONCURRENTLY ON t (a)", hazards=(mine,)),
                            Statement(sql="SELECT 1", transactional=False)))  # fmt: skip
    first, second = annotate(plan, BEFORE).statements
    assert first.hazards[0] == mine
    assert kinds(first) == {"my-policy", "not-transactional"}
    assert first.effects.lock == "SHARE UPDATE EXCLUSIVE"
    assert (first.transactional, second.transactional) == (False, False)


def test_what_is_said_of_a_block_is_taken_for_true():
    """Nobody else can know; a block of which nothing is said stays unknown, however often it is looked at."""
    block = Statement(sql="DO $$ BEGIN NULL; END $$")
    said = Effects(lock="ACCESS EXCLUSIVE", tables=("public.t",))
    known, unknown = annotate(Plan(statements=(msgspec.structs.replace(block, effects=said), block)), BEFORE).statements
    assert (known.effects, kinds(known)) == (said, {"access-exclusive-lock"})
    assert kinds(unknown) == {"unknown-effects"}
    again = annotate(Plan(statements=(known, unknown)), BEFORE).statements
    assert again == (known, unknown)


@pytest.mark.parametrize("sql", ["no sql at all", "DO $$ BEGIN NULL; END $$", "CALL p()", ""])
def test_what_cannot_be_known_is_said_or_nothing(sql: str):
    """It never raises."""
    _, hazards = effects_of(Statement(sql=sql), BEFORE)
    assert {hazard.kind for hazard in hazards} <= {"unknown-effects"}


def test_every_statement_of_the_samples_is_looked_at():
    """With a schema and without; each kind of hazard is one of the vocabulary."""
    seen = 0
    for file in sorted(TESTS.rglob("*.sql")):
        try:
            plan = read_script([SourceFile(file.name, file.read_text(encoding="utf-8"))], transactions=True)
        except (ConfitureError, UnicodeDecodeError):
            continue
        for before in (None, BEFORE):
            for one in annotate(plan, before).statements:
                seen += 1
                assert one.effects is not None
                assert kinds(one) <= HAZARDS.keys()
    assert seen > 100


@pytest.mark.parametrize(
    "plan",
    [
        ("ALTER TYPE e RENAME TO old_e", "CREATE TYPE e AS ENUM ('x')", "DROP TYPE old_e"),
        ("ALTER TYPE public.e RENAME TO old_e", "CREATE TYPE public.e AS (a int)", "DROP TYPE public.old_e"),
        ("CREATE INDEX CONCURRENTLY new_i ON public.t (a)", "DROP INDEX CONCURRENTLY public.i",
         "ALTER INDEX public.new_i RENAME TO i"),
        ("CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'", "DROP FUNCTION fill()"),
        ("ALTER TABLE t ADD COLUMN b int", "ALTER TABLE t DROP COLUMN b"),
        ("ALTER TABLE t ADD COLUMN b int", "ALTER TABLE t RENAME COLUMN b TO c"),
    ],
)  # fmt: skip
def test_what_the_plan_itself_made_or_replaces_is_missed_by_nobody(plan: tuple[str, ...]):
    """A warning about the tool's own scaffold hides the ones about the user's things."""
    index = SchemaObject(kind="index", identity="public.i", schema="public", name="i", properties={
        "table": "public.t", "definition": "CREATE INDEX i ON public.t USING btree (a)"})  # fmt: skip
    before = Schema.of([*BEFORE.objects, index])
    found = {kind for statement in annotated(*plan, before=before) for kind in kinds(statement)}
    assert found & {"breaks-clients", "index-dropped", "deletes-data"} == set()


@pytest.mark.parametrize(
    ("plan", "kind"),
    [
        (("DROP TYPE e", "CREATE TYPE other AS ENUM ('x')"), "breaks-clients"),
        (("ALTER TYPE e RENAME TO other",), "breaks-clients"),
        (("CREATE TYPE e2 AS ENUM ()", "ALTER TYPE e RENAME TO other", "DROP TYPE e2"), "breaks-clients"),
        (("DROP INDEX i", "CREATE INDEX i ON t (a)"), "index-dropped"),
        (("DROP INDEX i", "ALTER INDEX gone RENAME TO i"), "index-dropped"),
        (("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION f()"),
         "breaks-clients"),
        (("ALTER TABLE t ADD COLUMN b int", "ALTER TABLE t DROP COLUMN a"), "deletes-data"),
    ],
)  # fmt: skip
def test_what_was_there_before_the_plan_is_missed(plan: tuple[str, ...], kind: str):
    """Only what the plan gives back, or made itself, is nobody's loss."""
    known = [
        SchemaObject(kind="index", identity="public.i", schema="public", name="i", properties={
            "table": "public.t", "definition": "CREATE INDEX i ON public.t USING btree (a)"}),
        SchemaObject(kind="function", identity="public.f()", schema="public", name="f", properties={}),
    ]  # fmt: skip
    before = Schema.of([*BEFORE.objects, *known])
    assert kind in {each for statement in annotated(*plan, before=before) for each in kinds(statement)}
