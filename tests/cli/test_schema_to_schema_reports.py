"""What people are shown of the reports of ``confiture migrate schema-to-schema``, by reports that were made by hand."""

from __future__ import annotations

import json

import msgspec
import pytest

from confiture.sql.grammar import parse
from confiture_schema_to_schema.commands.rendering.copied import copied_lines
from confiture_schema_to_schema.commands.rendering.lines import WIDTH, sql_lines
from confiture_schema_to_schema.commands.rendering.plan import plan_lines
from confiture_schema_to_schema.commands.rendering.status import status_lines
from confiture_schema_to_schema.commands.rendering.validated import validated_lines
from confiture_schema_to_schema.model import (
    Finding,
    FollowStatus,
    Mismatch,
    PlannedTable,
    PlanReport,
    SchemaToSchemaReport,
    StatusReport,
    TableReport,
    TableStatus,
    ValidatedTable,
    ValidateReport,
)
from confiture_schema_to_schema.status.medium import StatusMedium

BETWEEN = {"source": "production", "target": "production_new"}
#: Blanks in a literal, a clause's words in parentheses, a comment, a literal in two lines, a name with a blank.
QUERY = """SELECT "u"."id", 'a   b' AS "c", (SELECT max(x) FROM y WHERE x < 3) AS "d e", 'one'
'two' AS "long name that takes its place", coalesce("u"."full_name", "u"."email", 'nobody') AS "display_name"
FROM ONLY "public"."users" AS "u" LEFT OUTER JOIN "public"."countries" AS "k" -- a comment
ON "k"."id" = "u"."country_id" WHERE ("u"."deleted_at" IS NULL)"""
TABLE = PlannedTable(
    table="public.accounts",
    source="public.users",
    query=QUERY,
    engine="fdw",
    because="its mapping is complex",
    key=("region", "id"),
    snapshot="per chunk",
    rows=1_234_567,
    bytes=100_000_000,
    chunks=2,
    bytes_per_second=45e6,
    seconds=2.2,
    locks=("ACCESS SHARE on public.users, as long as a chunk takes",),
    irreversible=("deleted_at is dropped",),
)
FINDINGS = (
    Finding(level="note", check="engine", table="public.accounts", message="a note"),
    Finding(
        level="error",
        check="unique",
        table="public.accounts",
        message="rows have the same email",
        hint="change them",
        rows=30,
        keys=('["1"]', '["2"]'),
    ),
)
PLAN = PlanReport(
    **BETWEEN,
    mapping="db/migration_map.yaml",
    strategy="hybrid",
    creates=True,
    tables=(TABLE,),
    findings=FINDINGS,
    locks=("nothing else",),
    disk_bytes=15_000_000_000,
    seconds=100.0,
    exit_code=8,
)


def test_a_plan_shows_everything_that_it_knows() -> None:
    """It is read by who has to say yes."""
    lines = list(plan_lines(PLAN))
    assert max(map(len, lines)) <= WIDTH
    text = "\n".join(lines)
    assert text.startswith("from production into production_new, which is made from db/schema/")
    assert "public.users -> public.accounts  fdw     ~1,234,567  100 MB  45.0 MB/s  2.20 s" in text
    assert "15.0 GB of disk in production_new; some 1 min 40 s" in text
    assert "public.users -> public.accounts: fdw, its mapping is complex\n" in text
    assert "\n    by region, id: 2 chunks, each from a snapshot of its own\n" in text
    assert "\n    locks:\n      ACCESS SHARE on public.users, as long as a chunk takes\n" in text
    assert "\n    cannot be brought back:\n      deleted_at is dropped\n" in text
    assert "\nlocks:\n  nothing else\n" in text
    assert text.endswith(
        "found: 1 error, 1 note\n"
        "  error [unique] public.accounts: rows have the same email\n"
        '    30 rows: ["1"], ["2"], ...\n'
        "    hint: change them\n"
        "  note [engine] public.accounts: a note"
    )


def test_what_is_locked_for_every_table_is_said_once() -> None:
    """A plan of two hundred tables would say little else."""
    other = msgspec.structs.replace(TABLE, source="public.b", locks=(*TABLE.locks, "and another"))
    text = "\n".join(plan_lines(msgspec.structs.replace(PLAN, tables=(TABLE, other))))
    assert text.count("ACCESS SHARE on public.users") == 1
    assert "\nlocks:\n  each table: ACCESS SHARE on public.users, as long as a chunk takes\n  nothing else\n" in text
    assert "\n    locks:\n      and another\n" in text


def test_a_plan_that_nobody_measured_says_so() -> None:
    """No rate is made up."""
    bare = msgspec.structs.replace(TABLE, bytes_per_second=None, seconds=None, key=(), snapshot="one")
    text = "\n".join(plan_lines(msgspec.structs.replace(PLAN, tables=(bare,), seconds=None)))
    assert "public.users -> public.accounts  fdw     ~1,234,567  100 MB\n" in text
    assert "how long it takes was not measured" in text
    assert "no key that it can be cut by: 2 chunks of one snapshot" in text


@pytest.mark.parametrize("width", [20, 60, 100])
def test_sql_that_is_shown_can_be_run(width: int) -> None:
    """In lines it is the same statement; each clause begins one."""
    import postgast

    lines = sql_lines(QUERY, "  ", width=width)
    assert postgast.deparse(parse("\n".join(lines))) == postgast.deparse(parse(QUERY))
    assert [line.split()[0] for line in lines if line[2] != " "][1:] == ["FROM", "LEFT", "WHERE"]
    if width > 60:
        assert max(map(len, lines)) <= width


def test_what_was_copied() -> None:
    """A line a table, engines and sources once each; what held a snapshot; what to do next."""
    report = SchemaToSchemaReport(
        **BETWEEN,
        run_id="r",
        created=True,
        resumed=True,
        tables=(
            TableReport(
                table="public.people",
                sources=("public.staff", "public.guests"),
                engines=("fdw", "fdw"),
                rows=3000,
                bytes=2_000_000,
                seconds=1.5,
                chunks=4,
            ),
            TableReport(
                table="public.log",
                sources=("public.log",),
                engines=("copy",),
                rows=0,
                bytes=0,
                seconds=0.01,
                chunks=1,
            ),
        ),
        findings=FINDINGS[:1],
        snapshot_seconds=1.25,
        whole_snapshots={"public.log": 0.5},
        seconds=3.0,
    )
    text = "\n".join(copied_lines(report, "<{}>".format))
    assert text.startswith(
        "copied the rest of 2 tables from production into production_new: 3,000 rows, 2.0 MB in 3.00 s\n"
        "production_new was made from db/schema/\n"
    )
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "public.people fdw public.staff, public.guests 3,000 2.0 MB 1.50 s 2,000" in rows
    assert "public.log copy 0 0 B 0.01 s" in rows
    assert "no snapshot of production was held for longer than 1.25 s" in text
    assert "public.log: one snapshot for all of it, held for 0.50 s" in text
    assert "  note [engine] public.accounts: a note\n" in text
    assert text.endswith("is not captured: this is a copy of what it was\nto prove the copy: <validate>")
    followed = list(copied_lines(msgspec.structs.replace(report, capture="triggers"), "<{}>".format))
    assert followed[-3:] == [
        "to follow what changes in production: <follow>",
        "to prove the copy: <validate>",
        "to make production_new the live database: <cutover>",
    ]


def part(name: str, state: str, rows: int = 0) -> TableStatus:
    """A table of 2,000 rows."""
    label = f"public.{name}"
    return TableStatus(
        table=label, source=label, engine="fdw", state=state, rows=rows, estimated_rows=2000, bytes=rows, chunks_done=0,
        chunks=2, seconds=1.0 if rows else 0.0,
    )  # fmt: skip


STATUS = StatusReport(
    **BETWEEN,
    phase="copying",
    run_id="r7",
    strategy="fdw",
    running=True,
    attempt=2,
    tables=(part("a", "indexed", 2000), part("b", "copying", 500), part("c", "waiting")),
    rows=2500,
    estimated_rows=6000,
    bytes=1_000_000,
    rows_per_second=500.0,
    bytes_per_second=200_000.0,
    eta_seconds=7.0,
    last_error="the server closed the connection",
)


def test_how_far_it_is() -> None:
    """In all, and for each table."""
    lines = status_lines(STATUS, "{} it".format)
    assert lines[:3] == [
        "from production into production_new: copying (run r7, fdw, attempt 2)",
        "2,500 of some 6,000 rows (41 %), 1.0 MB; 500 rows/s; 200 kB/s; 7.00 s left",
        "the last attempt ended with: the server closed the connection",
    ]
    assert "public.b fdw copying 500 ~2,000 500 3.00 s" in [" ".join(line.split()) for line in lines]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"paused": True}, "copying, paused"),
        ({"paused": True, "running": False}, "copying, paused; nobody is at work"),
        ({"running": False}, "copying, nobody is at work"),
        ({"waiting_for": "a replica that is 9 s behind"}, "copying, waits for a replica that is 9 s behind"),
        ({"phase": "indexing"}, "indexing"),
        ({"phase": "copied", "running": False}, "copied"),
    ],
)
def test_why_it_does_not_move(changes: dict[str, object], state: str) -> None:
    """And how it goes on, where nobody is at work."""
    lines = status_lines(msgspec.structs.replace(STATUS, **changes), "{} it".format)
    said = " ".join(" ".join(lines).split())
    assert said.startswith(f"from production into production_new: {state} (run r7, fdw, attempt 2) ")
    stopped = changes.get("running") is False and changes.get("phase") != "copied"
    assert ("to go on: resume it" in lines) == stopped


def test_a_screen_that_is_too_small_shows_what_is_at_work() -> None:
    """And that there is more."""
    lines = status_lines(STATUS, "{} it".format, most=7)
    assert len(lines) <= 7
    assert lines[-2].startswith("public.b")
    assert lines[-1] == "and 2 tables more"


def test_nothing_was_begun() -> None:
    """That is an answer, too."""
    assert status_lines(StatusReport(**BETWEEN, phase="none"), str) == ["no migration into production_new was begun"]


def test_what_differs_is_named_by_key() -> None:
    """How many rows, and which ones."""
    wrong = ValidatedTable(
        table="public.accounts", source_rows=10, target_rows=9, segments=3, differing=3,
        mismatches=(Mismatch(key='["1"]', how="missing"), Mismatch(key='["3"]', how="different")),
    )  # fmt: skip
    right = ValidatedTable(table="public.log", source_rows=4, target_rows=4, segments=1, differing=0, transient=1)
    lines = list(validated_lines(ValidateReport(**BETWEEN, tables=(wrong, right), exit_code=7)))
    assert lines[0] == "FAILED: 1 table of 2 in production_new is not what the map gives of production"
    assert "public.accounts 10 9 3 3 0.00 s" in [" ".join(line.split()) for line in lines]
    assert lines[lines.index("public.accounts:") + 1 :][:3] == [
        '    missing: ["1"]',
        '    different: ["3"]',
        "    and 1 row more",
    ]
    assert lines[-1] == "    1 row differed at first, and was equal when looked at again"
    good = list(validated_lines(ValidateReport(**BETWEEN, tables=(right,), seconds=2.0)))
    assert good[0] == "1 table in production_new: every row is what the map gives of production, 2.00 s"


@pytest.fixture
def coming(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """A migration that is seen in five states, one after the other, without a second in between."""
    from confiture_schema_to_schema.commands import watch

    (tmp_path / "confiture.toml").touch()
    monkeypatch.setattr(watch, "_EVERY_S", 0)
    states = iter([
        STATUS,
        msgspec.structs.replace(STATUS, rows_per_second=501.0, eta_seconds=6.0),
        msgspec.structs.replace(STATUS, rows=3000),
        msgspec.structs.replace(STATUS, phase="copied", running=False),
    ])  # fmt: skip

    async def run(self: StatusMedium, ctx: object, request: object) -> StatusReport:
        return next(states)

    monkeypatch.setattr(StatusMedium, "run", run)


def test_watching_prints_a_line_a_change_on_a_pipe(coming: None, run_here) -> None:
    """Until nobody is at work; another rate alone is no change."""
    code, out, _ = run_here("migrate", "schema-to-schema", "status", "--watch")
    assert code == 0
    assert out.splitlines() == [
        "copying: 2,500 of some 6,000 rows (41 %), 1 of 3 tables, 500 rows/s, 200 kB/s, 7.00 s left",
        "copying: 3,000 of some 6,000 rows (50 %), 1 of 3 tables, 500 rows/s, 200 kB/s, 7.00 s left",
        "copied: 2,500 rows, 1 of 3 tables",
    ]


def test_watching_a_database_that_follows(run_here, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """A line for what was brought over, none for another lag alone."""
    from confiture_schema_to_schema.commands import watch

    (tmp_path / "confiture.toml").touch()
    monkeypatch.setattr(watch, "_EVERY_S", 0)
    following = FollowStatus(capture="triggers", running=True, entries=5, backlog_entries=2, lag_seconds=1.0)
    copied = msgspec.structs.replace(STATUS, phase="copied", following=following)
    later = msgspec.structs.replace(following, lag_seconds=2.0, longest_lag_s=2.0)
    done = msgspec.structs.replace(following, entries=7, backlog_entries=0)
    ended = msgspec.structs.replace(copied, following=done, running=False)
    states = iter([copied, msgspec.structs.replace(copied, following=later), ended])

    async def run(self: StatusMedium, ctx: object, request: object) -> StatusReport:
        return next(states)

    monkeypatch.setattr(StatusMedium, "run", run)
    out = run_here("migrate", "schema-to-schema", "status", "--watch")[1]
    assert out.splitlines() == [
        "copied, followed: 2,500 rows, 1 of 3 tables, 1.00 s behind: 2 changes, 0 B of log",
        "copied, followed: 2,500 rows, 1 of 3 tables, nothing waits",
    ]


def test_watching_as_json_is_a_document_a_line(coming: None, run_here) -> None:
    """For a program that follows it."""
    out = run_here("migrate", "schema-to-schema", "status", "--watch", "--format", "json")[1]
    assert [json.loads(line)["rows"] for line in out.splitlines()] == [2500, 3000, 2500]


def test_the_missions_status_command(coming: None, run_here) -> None:
    """One document."""
    code, out, err = run_here("migrate", "schema-to-schema", "status", "--format", "json")
    assert (code, err, json.loads(out)["phase"]) == (0, "", "copying")
