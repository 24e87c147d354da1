"""``confiture env``: where each environment is and whether it answers; never a password."""

from __future__ import annotations

import json
import socket

import pytest

from confiture.cli import env as env_command

SECRET = "s3cret-Pa55"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for three seconds is no server that is away."""
    monkeypatch.setattr(env_command, "_TIMEOUT_S", 60.0)


def rows(out: str) -> dict[str, dict]:
    return {row["name"]: row for row in json.loads(out)["environments"]}


def test_what_answers_is_running(run_here, project, server) -> None:
    """The one that a person came for."""
    project.environment_for(server)
    code, out, err = run_here("env", cwd=project.root)
    assert (code, err) == (0, "")
    assert [line.split()[:4] for line in out.splitlines() if line.startswith("*  ")] == [
        ["*", "local", "running", "url"]
    ]


def test_what_does_not_answer_is_unreachable_and_says_why(run_here, project) -> None:
    """An environment that is away is a line, not an error."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: refused at once
        project.environment(
            "local", f"database_url = 'postgresql://app:{SECRET}@127.0.0.1:{held.getsockname()[1]}/shop'"
        )
        code, out, _ = run_here("env", cwd=project.root)
    assert code == 0
    assert "local  unreachable  url" in out
    assert SECRET not in out


def test_a_server_that_says_nothing_is_given_up(run_here, project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A firewall that swallows packets must not hang the list; the others are asked at the same time."""
    monkeypatch.setattr(env_command, "_TIMEOUT_S", 3.0)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(8)
        url = f"postgresql://app:{SECRET}@127.0.0.1:{mute.getsockname()[1]}/shop"
        for name in ("local", "staging", "test"):
            project.environment(name, f"database_url = '{url}?sslmode=disable'")
        code, out, _ = run_here("env", "--format", "json", cwd=project.root)
    assert code == 0
    assert {name: row["state"] for name, row in rows(out).items()} == dict.fromkeys(
        ("local", "staging", "test"), "unreachable"
    )
    assert SECRET not in out


@pytest.mark.parametrize("url", ["postgresql://app:{}@/shop?host=/nowhere", "host=/nowhere user=app password={}"])
def test_no_password_is_ever_shown(url: str, run_here, project) -> None:
    """In no form of the URL and in no format, wherever it comes from."""
    project.environment("local", f"database_url = '{url.format(SECRET)}'")
    for args in (["env"], ["env", "--format", "json"], ["env", "--verbose"], ["env", "--debug"]):
        _, out, err = run_here(*args, cwd=project.root)
        assert "/nowhere" in out
        assert SECRET not in out + err


def test_nothing_is_started_or_made(run_here, project) -> None:
    """Looking changes nothing: an embedded server stays as it is."""
    before = sorted(project.root.rglob("*"))
    code, out, _ = run_here("env", "--format", "json", cwd=project.root)
    assert code == 0
    assert rows(out)["local"]["state"] == "stopped"
    assert rows(out)["local"]["server"] == "embedded"
    assert sorted(project.root.rglob("*")) == before


def test_protected_and_default_are_marked(run_here, project, server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two things to know before typing something that destroys."""
    project.environment_for(server, "production", "protected = true")
    monkeypatch.setenv("CONFITURE_ENV", "production")
    _, out, _ = run_here("env", cwd=project.root)
    marked = next(line for line in out.splitlines() if line.startswith("*  "))
    assert marked.startswith("*  production  running")
    assert marked.endswith("protected")
    assert "* is used where none is named: CONFITURE_ENV says so" in out


def test_a_wrong_file_is_a_line_of_the_list(run_here, project, server) -> None:
    """One bad file must not hide the others; the message names it."""
    project.environment_for(server)
    project.environment("broken", "database_ulr = 'x'")
    code, out, _ = run_here("env", cwd=project.root)
    assert code == 0
    assert "broken  invalid" in out
    assert "unknown key 'database_ulr'" in out
    assert "local   running" in out


def test_an_unknown_default_is_told(run_here, project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo in CONFITURE_ENV fails every command: here it can be seen."""
    monkeypatch.setenv("CONFITURE_ENV", "stagign")
    project.environment("staging", "")
    code, out, _ = run_here("env", "--format", "json", cwd=project.root)
    report = json.loads(out)
    assert code == 0
    assert (report["default"], report["chosen_by"]) == ("stagign", "CONFITURE_ENV says so")
    assert rows(out)["stagign"]["state"] == "invalid"
    assert "unknown environment 'stagign'" in rows(out)["stagign"]["detail"]


def test_one_that_is_named_is_shown_alone(run_here, project, server) -> None:
    """As every other command takes its options, mistakes included."""
    project.environment_for(server, "test")
    code, out, _ = run_here("env", "--env", "test", "--format", "json", cwd=project.root)
    assert code == 0
    assert list(rows(out)) == ["test"]
    assert json.loads(out)["chosen_by"] == "named by --env"
    code, _, err = run_here("env", "--env", "tset", cwd=project.root)
    assert code == 3
    assert "did you mean 'test'?" in err


def test_a_server_that_no_plugin_offers_is_a_line_too(run_here, project) -> None:
    """The plugin may be on another machine only."""
    project.environment("local", "server = 'docker'")
    code, out, _ = run_here("env", cwd=project.root)
    assert code == 0
    assert "local: no server is named 'docker'" in out


def test_a_provider_that_never_answers_is_given_up(cli, project) -> None:
    """A stranger's server plugin must not hang the list either, nor end it."""
    cli.plugin(
        "mute",
        """
        from confiture.hooks import Provider, hookimpl
        API_VERSION = 1

        @hookimpl
        def confiture_servers():
            yield Provider(name="mute", target="mute_server:Mute", summary="says nothing")
            yield Provider(name="wrong", target="mute_server:Wrong", summary="raises")
        """,
        mute_server="""
        import anyio

        class Mute:
            async def status(self, ctx, environment):
                await anyio.sleep(600)

        class Wrong:
            async def status(self, ctx, environment):
                raise KeyError(environment.database_url)
        """,
    )
    project.environment("local", "server = 'mute'")
    project.environment("test", f"server = 'wrong'\ndatabase_url = 'postgresql://app:{SECRET}@h/d'")
    done = cli("env", cwd=project.root)
    assert done.returncode == 0
    assert "local: no answer within 3 s" in done.stdout
    assert "test: KeyError: " in done.stdout
    assert SECRET not in done.stdout
