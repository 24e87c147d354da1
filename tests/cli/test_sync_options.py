"""What the words of ``confiture sync`` ask the medium for, and what they cannot ask. No database is touched."""

from __future__ import annotations

import json

import pytest

from confiture_sync.medium import SyncMedium
from confiture_sync.model import Check, Finding, SyncReport, SyncRequest, TableReport

SIDES = ("--from", "production", "--to", "local")


@pytest.fixture
def asked(run_here, monkeypatch: pytest.MonkeyPatch, tmp_path):
    """``asked(*words)``: the request that the command line makes of them. ``asked.report`` is what it then shows."""
    (tmp_path / "confiture.toml").touch()
    requests: list[SyncRequest] = []

    async def run(self, ctx, request: SyncRequest) -> SyncReport:
        requests.append(request)
        return asked.report

    monkeypatch.setattr(SyncMedium, "run", run)

    def asked(*words: str) -> SyncRequest:
        asked.code, asked.out, asked.err = run_here("sync", *SIDES, *words)
        assert asked.err == ""
        return requests.pop()

    asked.report = SyncReport(source="production", target="local")
    return asked


def test_the_missions_command_line(asked) -> None:
    """Letter for letter."""
    request = asked("--anonymize", "users.email,users.phone", "--tables", "users,posts,comments")
    assert request == SyncRequest(
        source="production",
        target="local",
        tables=("users", "posts", "comments"),
        anonymize=("users.email", "users.phone"),
        resumable=True,
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--exclude", "a, b", "--exclude", "c"], {"exclude": ("a", "b", "c")}),
        (["--tables", '"a,b".c,"x""y"'], {"tables": ('"a,b".c', '"x""y"')}),
        (["--keep", "users.country=needed, for tax = yes"], {"keep": {"users.country": "needed, for tax = yes"}}),
        (["--keep", "a.b=1", "--keep", '"c=d".e=2'], {"keep": {"a.b": "1", '"c=d".e': "2"}}),
        (["--config", "rules.toml"], {"config": "rules.toml"}),
        (["-c", "rules.toml"], {"config": "rules.toml"}),
        (["--no-mask", "--confirm", "local"], {"mask": False, "confirm": "local"}),
        (["--where", "users=id = 5 AND name <> 'x,y'"], {"where": {"users": "id = 5 AND name <> 'x,y'"}}),
        (["--where", "a=x", "--where", "b.c=y"], {"where": {"a": "x", "b.c": "y"}}),
        (["--sample", "1%"], {"sample": {"": "1%"}}),
        (["--sample", "users=1%,posts=all", "--sample", "2%"], {"sample": {"users": "1%", "posts": "all", "": "2%"}}),
        (["--ids", "users=1,2", "--ids", "users=3"], {"ids": {"users": ("1", "2", "3")}}),
        (["--ids", 't="a,b",c,"d""e"'], {"ids": {"t": ("a,b", "c", 'd"e')}}),
        (["--children", "posts.user_id,x.y"], {"children": ("posts.user_id", "x.y")}),
        (["--cut", "users.boss_id"], {"cut": ("users.boss_id",)}),
        (["--with-parents"], {"with_parents": True}),
        (["--max-rows", "1000"], {"max_rows": 1000}),
        (["--truncate"], {"truncate": True}),
        (["--upsert"], {"upsert": True}),
        (["--allow-remote"], {"allow_remote": True}),
        (["--jobs", "3"], {"jobs": 3}),
        (["--dry-run"], {"dry_run": True}),
        (["--resume"], {"resume": True}),
        (["--no-verify"], {"verify": False}),
        (["--format", "json", "--quiet", "--debug"], {}),
    ],
)
def test_every_option_reaches_the_medium(words: list[str], expected: dict[str, object], asked) -> None:
    """Commas and equal signs separate outside of quotes, and where a value is no list not at all."""
    assert asked(*words) == SyncRequest(**{"source": "production", "target": "local", "resumable": True, **expected})


def test_every_field_of_the_request_has_an_option(run_here) -> None:
    """What a program can ask for, a person can."""
    page = run_here("sync", "--help")[1]
    named = {"source": "--from", "target": "--to"}
    for field in SyncRequest.__struct_fields__:
        if field != "resumable":  # the command always is
            assert named.get(field, f"--{field.replace('_', '-')}") in page


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--truncate", "--upsert"], "--truncate and --upsert exclude each other", "--truncate takes all rows out"),
        (["--resume", "--truncate"], "--resume and --truncate exclude each other", "the run that is resumed"),
        (["--resume", "--dry-run"], "--resume and --dry-run exclude each other", None),
        (["--no-mask", "--anonymize", "a.b"], "--no-mask and --anonymize exclude each other", None),
        (["--confirm", "local"], "--confirm goes with --no-mask", None),
        (["--jobs", "0"], "--jobs is 0", None),
        (["--max-rows", "-5"], "--max-rows is -5", None),
        (["--tables", "a,,b"], "--tables 'a,,b' has an empty name", "write names with commas"),
        (["--tables", ""], "--tables '' has an empty name", None),
        (["--keep", "users.country"], "--keep 'users.country' has no two parts", "write --keep 'users.country="),
        (["--keep", "users.country= "], "--keep 'users.country= ' has no two parts", None),
        (["--keep", "a.b=1", "--keep", "a.b=2"], "--keep names 'a.b' twice", None),
        (["--keep", "a.b=1", "--anonymize", "a.b"], "'a.b' is in --anonymize and in --keep", None),
        (["--where", "id > 5"], "--where 'id > 5' has no two parts with = between them", "write --where 'users="),
        (["--sample", "users="], "--sample 'users=' says no table or no size", None),
        (["--sample", "1%,2%"], "--sample names 'every table' twice", None),
        (["--ids", "users"], "--ids 'users' has no two parts", None),
        (["--config", ""], "--config has an empty value", None),
        (["--from", ""], "--from has an empty value", "name an environment"),
        (["--sampel", "1%"], "unknown option '--sampel'", "did you mean '--sample'?"),
        (["--env", "local"], "unknown option '--env'", None),
        (["--jobs", "many"], "", None),
    ],
)
def test_what_cannot_be_asked(words: list[str], message: str, hint: str | None, run_here, tmp_path) -> None:
    """A usage error, before any connection: there is no such database."""
    (tmp_path / "confiture.toml").touch()
    sides = SIDES[2:] if "--from" in words else SIDES
    code, out, err = run_here("sync", *sides, *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert f"\n  hint: {hint or ''}" in err


def test_both_sides_must_be_named(run_here) -> None:
    """There is no default for what is written to."""
    assert "option '--to' needs a value" in run_here("sync", "--from", "production")[2]
    assert run_here("sync", "--to", "local")[0] == 2


REPORT = SyncReport(
    source="production",
    target="local",
    tables=(
        TableReport(
            table="public.users", rows=1_234_567, bytes=98_765_432, seconds=12.3, chunks=2,
            masked=("email", "phone"), client=("phone",), kept=("country",), binary=False,
            rules={"email": "hash, r.yaml:3", "country": "kept: needed for tax, r.yaml:4"},
            reads={"email": ("id",)}, subset="1%",
        ),
        TableReport(table="public.tags", rows=0),
    ),
    findings=(
        Finding(column="public.users.email", what="email", because=("name", "content"), state="masked"),
        Finding(column="public.users.country", what="address", because=("name",), state="kept", reason="tax"),
    ),
    checks=(
        Check(name="rows", what="public.users", ok=True),
        Check(name="foreign-key", what="posts_user_id_fkey", ok=False, detail="3 rows of public.posts have no parent"),
        Check(name="rows", what="public.tags", ok=True),
    ),
    key="0123456789ab", run_id="abcd", seconds=13.7, snapshot_seconds=13.5, exit_code=7,
)  # fmt: skip


def test_the_report_for_people(asked) -> None:
    """What failed comes first; what passed is a line. It fits 80 columns."""
    asked.report = REPORT
    asked()
    assert asked.code == 7
    assert (
        asked.out
        == """\
1 check failed; the rows are in the target
  FAILED foreign-key posts_user_id_fkey: 3 rows of public.posts have no parent

copied 2 tables from production to local: 1,234,567 rows, 98.8 MB in 13.7 s

table              rows     size    time   rows/s
public.users  1,234,567  98.8 MB  12.3 s  100,371
    masked: email, phone
    only: 1%
    masked here, so that raw values left the source: phone
    email is made from the raw: id
    travels as text
public.tags           0      0 B  0.00 s

2 columns look personal: 1 masked, 1 kept
  kept: public.users.country, address: tax
2 checks passed: 2 rows
masked with the key 0123456789ab
the source's snapshot was held for 13.5 s
"""
    )


def test_a_dry_run_says_which_rule_is_which(asked) -> None:
    """And where it was written."""
    import msgspec

    asked.report = msgspec.structs.replace(REPORT, dry_run=True, checks=(), exit_code=0)
    asked("--dry-run")
    assert asked.code == 0
    assert asked.out.startswith(
        "nothing was written; a run would copy 2 tables from production to local, some\n  1,234,567 rows\n\n"
        "table              rows     size\n"
        "public.users  1,234,567  98.8 MB\n"
        "    email: hash, r.yaml:3\n"
        "    country: kept: needed for tax, r.yaml:4\n"
    )


def test_the_report_for_programs(asked) -> None:
    """The struct, as it is."""
    asked.report = REPORT
    asked("--format", "json")
    report = json.loads(asked.out)
    assert asked.code == report["exit_code"] == 7
    assert report["tables"][0]["rows"] == 1_234_567
    assert report["checks"][1] == {
        "name": "foreign-key", "what": "posts_user_id_fkey", "ok": False,
        "detail": "3 rows of public.posts have no parent",
    }  # fmt: skip
    assert report["key"] == "0123456789ab"
