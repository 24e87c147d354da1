"""A run: providers, settings, targets, and the one way into a medium."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from confiture import errors
from confiture.config import Environment
from confiture.hooks import ANONYMIZER, DIFFER, EXECUTOR, INSPECTOR, KINDS, MEDIUM, SERVER, SOURCE, TRANSFER, Provider
from confiture.kernel import Kernel, make_registry

pytestmark = pytest.mark.anyio


class EchoRequest(msgspec.Struct, frozen=True, kw_only=True):
    times: int = 1
    output: str | None = None


class Echo:
    request_type = EchoRequest

    async def run(self, ctx, request):
        return request


@pytest.fixture
def echo(make_plugin, registry, monkeypatch):
    """A medium that returns its request."""
    module = ModuleType("echo_of_the_tests")
    module.Echo = Echo
    monkeypatch.setitem(sys.modules, module.__name__, module)
    provider = Provider(name="echo", target=f"{module.__name__}:Echo", summary="")
    registry.register(make_plugin(confiture_mediums=lambda: [provider]), "echo")


async def test_keywords_become_a_mediums_request(kernel_run, echo):
    """The command line, programs and scripts all come in here."""
    async with kernel_run() as run:
        assert await run.start("echo", times=2, output=Path("a/b")) == EchoRequest(times=2, output="a/b")
        assert await run.start("echo") == EchoRequest()
        assert await run.start("echo", EchoRequest(times=3)) == EchoRequest(times=3)


@pytest.mark.parametrize(
    ("arguments", "values", "message"),
    [
        ((), {"time": 2}, "echo takes no 'time'"),
        ((), {"times": "two"}, r"echo: Expected `int`, got `str` - at `\$.times`"),
        (({"times": 2},), {}, "echo takes one EchoRequest"),
        ((EchoRequest(),), {"times": 2}, "echo takes one EchoRequest"),
    ],
)
async def test_a_request_that_does_not_fit_is_refused(kernel_run, echo, arguments, values, message):
    """By name, before the medium has done anything."""
    async with kernel_run() as run:
        with pytest.raises(errors.ConfigError, match=message):
            await run.start("echo", *arguments, **values)


async def test_an_unknown_medium_is_named(kernel_run, echo):
    """With what there is."""
    async with kernel_run() as run:
        with pytest.raises(errors.UnknownProvider, match="no medium is named 'ecco'") as raised:
            await run.start("ecco")
    assert raised.value.hint == "did you mean 'echo'? there are: echo"


async def test_a_provider_is_made_once_a_run(kernel_run, echo):
    """It may keep what it found out; the next run starts anew."""
    async with kernel_run() as run, kernel_run() as other:
        assert run.get(MEDIUM, "echo") is run.get(MEDIUM, "echo")
        assert run.get(MEDIUM, "echo") is not other.get(MEDIUM, "echo")


HOOKS = {
    "confiture_sources": SOURCE,
    "confiture_inspectors": INSPECTOR,
    "confiture_differs": DIFFER,
    "confiture_executors": EXECUTOR,
    "confiture_transfer_engines": TRANSFER,
    "confiture_anonymizers": ANONYMIZER,
    "confiture_servers": SERVER,
    "confiture_mediums": MEDIUM,
}


@pytest.mark.parametrize(("hook", "kind"), HOOKS.items(), ids=HOOKS)
async def test_each_kind_has_its_hook(make_plugin, registry, hook, kind):
    """A provider is found under the kind whose hook returned it, and no other."""
    provider = Provider(name="mine", target="a:b", summary="")
    registry.register(make_plugin(**{hook: lambda: [provider]}), "mine")
    assert [name for name, known in KINDS.items() if "mine" in registry.names(known)] == [kind.name]


async def test_settings_are_a_table_of_the_projects_file(kernel_run, project, echo):
    """Typed, with defaults, and errors that name file and key."""
    project.config("[echo]\ntimes = 5\n")
    async with kernel_run(project) as run:
        assert run.settings("echo", EchoRequest) == EchoRequest(times=5)
    project.config("[echo]\ntime = 5\n")
    async with kernel_run(project) as run:
        with pytest.raises(errors.ConfigError, match=r"confiture.toml: unknown key 'echo.time'") as raised:
            run.settings("echo", EchoRequest)
    assert "did you mean 'times'?" in raised.value.hint


async def test_a_table_that_nobody_reads_is_refused(project, registry, echo):
    """A slip in a table's name would otherwise turn its settings off silently."""
    project.config("[ecko]\n")
    with pytest.raises(errors.ConfigError, match=r"unknown table \[ecko\]") as raised:
        Kernel(project.root, registry=registry)
    assert "did you mean [echo]?" in raised.value.hint


async def test_environments_are_no_table(project, kernel_run):
    """Other tools have them in one file."""
    project.config("[environments.local]\n")
    with pytest.raises(errors.ConfigError, match=r"unknown table \[environments\]") as raised:
        async with kernel_run():
            pass
    assert raised.value.hint == "an environment is a file of its own: db/environments/<name>.toml"


async def test_tables_are_not_judged_while_a_plugin_is_missing(project, registry, make_plugin):
    """The table may be the missing plugin's own: a broken plugin must not break the others."""
    project.config("[theirs]\n")
    registry.register(make_plugin(confiture_sources=lambda: 1 / 0), "broken")
    assert Kernel(project.root, registry=registry).project.root == project.root


async def test_a_target_is_asked_for_once_and_carries_the_protection(kernel_run, database):
    """``protected`` stands in the environment's file, not with the server."""
    async with kernel_run(protected=True) as run:
        target = await run.target()
        assert target.protected
        assert target.database == database.database
        assert await run.target() is target
        assert run.environment.name == "local"


async def test_an_environment_can_be_named(kernel_run, project, server):
    """A medium that works on two databases asks for the second by name."""
    project.environment_for(server, "other")
    async with kernel_run(project) as run:
        assert (await run.target("other")).database == "postgres"
        with pytest.raises(errors.UnknownEnvironment):
            await run.target("othr")


async def test_runs_have_names_of_their_own(kernel_run):
    """Eight hexadecimal digits, in the names of what a run makes."""
    async with kernel_run() as one, kernel_run() as two:
        assert one.run_id != two.run_id
        assert len(bytes.fromhex(one.run_id)) == 4


async def test_without_a_project_that_is_said(tmp_path, monkeypatch):
    """With what a project is, and how to make one."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.ProjectNotFound) as raised:
        Kernel()
    assert "confiture init" in raised.value.hint


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("[prefer.sauce]\nfiles = 'acme'", "unknown kind 'prefer.sauce'"),
        ("prefer = 1", "'prefer' must be a table"),
        ("[prefer]\nsource = 'acme'", "'prefer.source' must map"),
        ("[plugins]\ndisabled = []", "unknown key 'plugins.disabled'"),
    ],
)
async def test_slips_in_the_choice_of_plugins_are_named(project, config, message):
    """A preference that does nothing is worse than none."""
    project.config(config)
    with pytest.raises(errors.ConfigError, match=message):
        Kernel(project.root)


async def test_the_project_chooses_its_plugins(project, monkeypatch):
    """[plugins] disable, and the variable beside it; strict by another."""
    from confiture.config import Project

    project.config('[plugins]\ndisable = ["one"]\n[prefer.source]\nfiles = "acme"\n')
    monkeypatch.setenv("CONFITURE_DISABLED_PLUGINS", "two, three")
    monkeypatch.setenv("CONFITURE_STRICT_PLUGINS", "1")
    registry = make_registry(Project(project.root))
    assert registry._disabled == {"one", "two", "three"}
    assert registry._prefer == {"source": {"files": "acme"}}
    assert registry._strict
    assert make_registry(None)._prefer == {}


async def test_the_scratch_server_is_never_an_environments(kernel_run, project, registry, server, make_plugin):
    """Old DDL may hold CREATE ROLE or ALTER SYSTEM."""
    async with kernel_run(project) as run:
        with pytest.raises(errors.UnknownProvider, match="no server is named 'embedded'"):
            await run.scratch_server()
        assert run.environment == Environment(name="local", database_url=run.environment.database_url)
