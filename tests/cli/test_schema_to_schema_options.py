"""What the words of ``confiture migrate schema-to-schema`` ask the mediums for, and what they cannot ask.

No database is touched: each medium notes its request, and answers with a report of the test's own.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable

import msgspec
import pytest

from confiture_schema_to_schema.cleaning.medium import CleanupMedium
from confiture_schema_to_schema.crossing.medium import CutoverMedium, RollbackMedium
from confiture_schema_to_schema.crossing.resuming import SettleMedium
from confiture_schema_to_schema.following.medium import FollowMedium
from confiture_schema_to_schema.generating.medium import MapMedium
from confiture_schema_to_schema.history.medium import HistoryMedium
from confiture_schema_to_schema.medium import SchemaToSchemaMedium
from confiture_schema_to_schema.model import (
    CleanupReport,
    CleanupRequest,
    CrossingStatus,
    CutoverReport,
    CutoverRequest,
    Finding,
    FollowReport,
    FollowRequest,
    HistoryReport,
    HistoryRequest,
    MapReport,
    MapRequest,
    PauseReport,
    PauseRequest,
    PlanReport,
    PlanRequest,
    RollbackRequest,
    SchemaToSchemaReport,
    SchemaToSchemaRequest,
    SettleRequest,
    StatusReport,
    StatusRequest,
    ValidateReport,
    ValidateRequest,
)
from confiture_schema_to_schema.planning.medium import PlanMedium
from confiture_schema_to_schema.status.medium import StatusMedium
from confiture_schema_to_schema.status.pausing import PauseMedium
from confiture_schema_to_schema.validating.medium import ValidateMedium

BETWEEN = {"source": "production", "target": "production_new"}
REPORTS = {
    SchemaToSchemaMedium: SchemaToSchemaReport(**BETWEEN, run_id="r", created=False, resumed=False),
    PlanMedium: PlanReport(**BETWEEN, mapping=None, strategy="fdw", creates=False),
    StatusMedium: StatusReport(**BETWEEN, phase="none"),
    PauseMedium: PauseReport(target="production_new", paused=True, running=True, run_id="r"),
    ValidateMedium: ValidateReport(**BETWEEN),
    MapMedium: MapReport(path="db/migration_map.yaml", text=""),
    FollowMedium: FollowReport(**BETWEEN, run_id="r", ended="caught up"),
    CutoverMedium: CutoverReport(**BETWEEN, run_id="r", live="new"),
    RollbackMedium: CutoverReport(**BETWEEN, run_id="r", live="old"),
    SettleMedium: CutoverReport(**BETWEEN, run_id="r", live="old"),
    CleanupMedium: CleanupReport(**BETWEEN),
    HistoryMedium: HistoryReport(path="migration-report.html", run_id="r"),
}


class Asked:
    """``asked(words)`` runs the command line, and returns the requests that were made of mediums, in their order."""

    def __init__(self, run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
        self._run = run
        self.reports = dict(REPORTS)
        self.requests: list[msgspec.Struct] = []
        for medium in REPORTS:
            monkeypatch.setattr(medium, "run", self._medium(medium))

    def _medium(self, medium: type) -> Callable[..., object]:
        async def run(provider: object, ctx: object, request: msgspec.Struct) -> object:
            self.requests.append(request)
            return self.reports[medium]

        return run

    def __call__(self, words: str) -> list[msgspec.Struct]:
        self.requests.clear()
        self.code, self.out, self.err = self._run("migrate", "schema-to-schema", *shlex.split(words))
        return self.requests


@pytest.fixture
def asked(run_here, monkeypatch: pytest.MonkeyPatch, tmp_path) -> Asked:
    """The command line in an empty project."""
    (tmp_path / "confiture.toml").touch()
    return Asked(run_here, monkeypatch)


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (
            "--from production --to production_new --strategy fdw --mapping db/migration_map.yaml",
            {**BETWEEN, "strategy": "fdw", "mapping": "db/migration_map.yaml"},
        ),
        ("--strategy copy --tables events,page_views", {"strategy": "copy", "tables": ("events", "page_views")}),
        ("--strategy hybrid", {"strategy": "hybrid"}),
    ],
)
def test_the_missions_command_lines(words: str, fields: dict[str, object], asked: Asked) -> None:
    """Letter for letter: they show the plan, and start; what is not said stays unsaid."""
    status, plan, start = asked(words)
    assert asked.code == 0
    sides = {name: fields.get(name) for name in ("source", "target", "mapping")}
    assert status == StatusRequest(**sides)
    assert plan == PlanRequest(**fields)
    assert start == SchemaToSchemaRequest(**fields)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("start", SchemaToSchemaRequest()),
        ("start --from a --to b --mapping m.toml", SchemaToSchemaRequest(source="a", target="b", mapping="m.toml")),
        ("start --strategy copy --tables 'a, b' --tables c",
         SchemaToSchemaRequest(strategy="copy", tables=("a", "b", "c"))),
        ("start --jobs 3 --max-rate 2.5", SchemaToSchemaRequest(jobs=3, max_mb_per_second=2.5)),
        ("start --no-preflight", SchemaToSchemaRequest(preflight=False)),
        ("plan --from a --to b --mapping m", PlanRequest(source="a", target="b", mapping="m")),
        ("plan --strategy hybrid --tables '\"a,b\".c' --no-preflight --no-sample",
         PlanRequest(strategy="hybrid", tables=('"a,b".c',), preflight=False, sample=False)),
        ("status --from a --to b --mapping m", StatusRequest(source="a", target="b", mapping="m")),
        ("status --watch", StatusRequest()),
        ("pause --from a --to b --mapping m", PauseRequest(source="a", target="b", mapping="m")),
        ("validate --from a --to b --mapping m", ValidateRequest(source="a", target="b", mapping="m")),
        ("validate --tables a,b --jobs 2 --max-keys 5", ValidateRequest(tables=("a", "b"), jobs=2, max_keys=5)),
        ("follow --from a --to b --mapping m", FollowRequest(source="a", target="b", mapping="m")),
        ("follow --until-caught-up --jobs 2", FollowRequest(until_caught_up=True, jobs=2)),
        ("cutover --from a --to b --mapping m", CutoverRequest(source="a", target="b", mapping="m")),
        ("cutover --yes --max-seconds 2.5 --switch pgbouncer", CutoverRequest(max_seconds=2.5, switch="pgbouncer")),
        ("cutover --switch command --command 'switch it'", CutoverRequest(switch="command", command="switch it")),
        ("cutover --command 'switch it'", CutoverRequest(switch="command", command="switch it")),
        ("rollback --from a --to b --mapping m", RollbackRequest(source="a", target="b", mapping="m")),
        ("rollback -y --max-seconds 2 --switch rename", RollbackRequest(max_seconds=2, switch="rename")),
        ("rollback -y --lose a --lose 's.My T'", RollbackRequest(lose=("a", "s.My T"))),
        ("cleanup --from a --to b --mapping m", CleanupRequest(source="a", target="b", mapping="m")),
        ("cleanup --yes --drop-database shop_old", CleanupRequest(drop_database="shop_old")),
        ("report --from a --to b --mapping m -o r.html",
         HistoryRequest(source="a", target="b", mapping="m", output="r.html")),
        ("map --from a --to b --mapping m", MapRequest(source="a", target="b", mapping="m", output="m")),
        ("map --output x.yaml --force", MapRequest(output="x.yaml", force=True)),
        ("map --rename a.b=c --rename d=e,f=g --drop h,i",
         MapRequest(renames={"a.b": "c", "d": "e", "f": "g"}, drops=("h", "i"))),
    ],
)  # fmt: skip
def test_every_option_reaches_the_medium(words: str, expected: msgspec.Struct, asked: Asked) -> None:
    """Of each phase."""
    assert asked(words) == [expected]
    assert (asked.code, asked.err) == (0, "")


def test_the_short_command_shows_no_plan_to_a_program(asked: Asked) -> None:
    """Which reads one document, and asks for the plan by itself."""
    assert asked("--format json --jobs 2") == [SchemaToSchemaRequest(jobs=2)]
    assert json.loads(asked.out)["run_id"] == "r"


def test_the_short_command_stops_at_an_error_of_the_plan(asked: Asked) -> None:
    """The plan says what is in the way, and nothing is begun."""
    finding = Finding(level="error", check="unmapped", table="public.old", message="nothing takes 'public.old'")
    asked.reports[PlanMedium] = PlanReport(
        **BETWEEN, mapping=None, strategy="fdw", creates=False, findings=(finding,), exit_code=8
    )
    assert [type(request) for request in asked("")] == [StatusRequest, PlanRequest]
    assert asked.code == 8
    assert "error [unmapped] nothing takes 'public.old'" in asked.out
    assert asked.err.startswith("error: 1 error above: no migration into 'production_new' was begun")


def test_the_short_command_plans_nothing_where_a_migration_is_under_way(asked: Asked) -> None:
    """The start says how that one is gone on with."""
    asked.reports[StatusMedium] = StatusReport(**BETWEEN, phase="copying")
    assert [type(request) for request in asked("")] == [StatusRequest, SchemaToSchemaRequest]


def test_resume_tells_a_process_that_waits_to_go_on(asked: Asked) -> None:
    """It is there still: a second one would only be in its way."""
    asked.reports[StatusMedium] = StatusReport(**BETWEEN, phase="copying", paused=True, running=True)
    asked.reports[PauseMedium] = PauseReport(target="production_new", paused=False, running=True, run_id="r")
    assert asked("resume --to x") == [StatusRequest(target="x"), PauseRequest(target="x", paused=False)]
    assert asked.out == "the migration into production_new was paused, and goes on\n"


def test_resume_ends_a_cutover_that_was_cut(asked: Asked) -> None:
    """And begins none; who says that nothing is paused has not been asked."""
    asked.reports[StatusMedium] = StatusReport(
        **BETWEEN, phase="copied", crossings=(CrossingStatus(direction="cutover", outcome=None, step="lock"),)
    )
    assert asked("resume --to b") == [StatusRequest(target="b"), SettleRequest(target="b")]
    assert asked.code == 0
    assert asked("resume --switch none")[-1] == SettleRequest(switch="none")
    assert "was not decided, and is taken back: production is the live database, the old one" in " ".join(
        asked.out.split()
    )


def test_resume_copies_where_nobody_is_at_work(asked: Asked) -> None:
    """Paused or not: a pause that nobody is left to end is over."""
    asked.reports[StatusMedium] = StatusReport(**BETWEEN, phase="copying")
    assert asked("resume --jobs 2 --max-rate 5")[1:] == [
        SchemaToSchemaRequest(jobs=2, max_mb_per_second=5.0, resume=True)
    ]
    asked.reports[StatusMedium] = StatusReport(**BETWEEN, phase="copying", paused=True)
    asked.reports[PauseMedium] = PauseReport(target="production_new", paused=False, running=False, run_id="r")
    assert asked("resume")[1:] == [PauseRequest(paused=False), SchemaToSchemaRequest(resume=True)]


@pytest.mark.parametrize("phase", ["", "plan", "start"])
@pytest.mark.parametrize(
    "words", ["--add-column users.bio:text", "--drop-column", "--rename-column=a=b", "--add-index x y"]
)
def test_a_change_of_one_column_is_sent_to_migrations(phase: str, words: str, asked: Asked) -> None:
    """For that a second database is not needed."""
    assert asked(f"{phase} {words}") == []
    assert (asked.code, asked.out) == (2, "")
    option = words.split()[0].split("=")[0]
    assert asked.err.startswith(f"error: {option} needs no second database")
    name = option.removeprefix("--").replace("-", "_")
    assert f"`confiture migrate diff --generate --name {name}`" in asked.err


def test_options_of_migrations_are_not_offered(asked: Asked) -> None:
    """They are understood to be refused."""
    asked("--help")
    assert "--strategy" in asked.out
    assert "--add-column" not in asked.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--jobs 0", "--jobs is 0"),
        ("resume --max-rate 0", "--max-rate is 0"),
        ("start --max-rate nan", "--max-rate is nan"),
        ("validate --max-keys 0", "--max-keys is 0"),
        ("plan --mapping ''", "--mapping has an empty value"),
        ("cutover --max-seconds 0", "--max-seconds is 0"),
        ("rollback --switch ''", "--switch has an empty value"),
        ("rollback --lose ''", "--lose has an empty value"),
        ("cleanup --drop-database ''", "--drop-database has an empty value"),
        ("report -o ''", "--output has an empty value"),
        ("map --output ''", "--output has an empty value"),
        ("map --rename a", "--rename 'a' has no two names"),
        ("--tables a,,b", "--tables 'a,,b' has an empty name"),
        ("stop", "unexpected argument 'stop'"),
        ("resume --strategy fdw", "unknown option '--strategy'"),
    ],
)
def test_what_cannot_be_asked(words: str, message: str, asked: Asked) -> None:
    """A usage error, before any connection."""
    assert asked(words) == []
    assert (asked.code, asked.out) == (2, "")
    assert asked.err.startswith(f"error: {message}")
    assert "\n  hint: " in asked.err


def test_the_next_command_can_be_pasted_and_has_no_password(asked: Asked) -> None:
    """Whatever way a database was named; the shell reads each value as one word."""
    asked.reports[StatusMedium] = StatusReport(**BETWEEN, phase="copying")
    given = [
        "--from",
        "host=x password=hidden-word",
        "--to",
        "postgresql://me:hidden-word@h/d",
        "--mapping",
        "a b.yaml",
    ]
    asked(shlex.join(["start", *given]))
    assert "hidden-word" not in asked.out
    command = asked.out.rpartition("to prove the copy: ")[2]
    assert shlex.split(command) == [
        *("confiture", "migrate", "schema-to-schema", "validate"),
        *("--from", "host=x password=****", "--to", "postgresql://me:****@h/d", "--mapping", "a b.yaml"),
    ]
    asked(shlex.join(["status", *given]))
    command = next(line for line in asked.out.splitlines() if line.startswith("to go on: "))
    assert shlex.split(command)[3:] == [
        *("confiture", "migrate", "schema-to-schema", "resume"),
        *("--from", "host=x password=****", "--to", "postgresql://me:****@h/d"),
    ]


def test_engines_of_every_plugin_are_completed(asked: Asked) -> None:
    """A fourth engine of a third party, too: by what is registered."""
    from confiture_schema_to_schema.commands.options import _engines

    assert {"copy", "fdw", "hybrid"} <= set(_engines(None))


def test_the_exit_code_is_that_of_the_report(asked: Asked) -> None:
    """Scripts branch on it."""
    asked.reports[ValidateMedium] = ValidateReport(**BETWEEN, exit_code=7)
    asked("validate")
    assert asked.code == 7
    asked.reports[PlanMedium] = msgspec.structs.replace(REPORTS[PlanMedium], exit_code=8)
    asked("plan --format json")
    assert (asked.code, json.loads(asked.out)["exit_code"]) == (8, 8)
