"""Discovery: what is found on the path, what is set aside and why, and that nothing of it stays."""

from __future__ import annotations

import importlib.metadata
import sys
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

from confiture.errors import PluginBroken, ProviderConflict, UnknownProvider
from confiture.hooks import EXECUTOR, SOURCE, Provider, hookimpl
from confiture.model import Hazard, Note, Plan
from confiture.registry import Registry

GOOD = """
from confiture.hooks import Command, Provider, hookimpl
API_VERSION = 1

@hookimpl
def confiture_sources():
    yield Provider(name="{name}", target="{name}_impl:Source", summary="a source")

@hookimpl
def confiture_commands():
    return [Command(name="{name} show", target="{name}_impl:show", summary="shows it")]
"""


class PluginPath:
    """A folder on ``sys.path`` with plugins as pip would have installed them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.modules: list[str] = []

    def install(self, name: str, code: str, *, dist: str | None = None, module: str | None = None) -> None:
        """A distribution whose entry point ``name`` is a module of that code."""
        module = module or f"fake_{name}_{self.root.name.replace('-', '_')}"
        (self.root / f"{module}.py").write_text(dedent(code))
        self.modules.append(module)
        info = self.root / f"{dist or name}-1.5.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist or name}\nVersion: 1.5\n")
        with (info / "entry_points.txt").open("a") as file:
            file.write(f"[confiture]\n{name} = {module}\n" if not file.tell() else f"{name} = {module}\n")

    def registry(self, **options) -> Registry:
        found = [
            entry_point
            for dist in importlib.metadata.distributions(path=[str(self.root)])
            for entry_point in dist.entry_points
            if entry_point.group == "confiture"
        ]
        return Registry(entry_points=found, **options)


@pytest.fixture
def path(tmp_path, monkeypatch):
    folder = PluginPath(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in folder.modules:
        sys.modules.pop(name, None)


def good(name: str) -> str:
    return GOOD.replace("{name}", name)


def only(registry: Registry, name: str):
    return {info.name: info for info in registry.plugins()}[name]


def assert_withdrawn(registry: Registry, name: str) -> None:
    """Nothing of the plugin may be left in any place that is asked later."""
    assert registry._manager.get_plugin(name) is None
    for hook in registry._hook_names:
        plugins = [impl.plugin_name for impl in getattr(registry._manager.hook, hook).get_hookimpls()]
        assert name not in plugins, f"{hook} still has the plugin that was set aside"
    owners = {owner for offers in registry._offers.providers.values() for owner, _ in offers}
    owners |= {owner for offers in registry._offers.commands.values() for owner, _ in offers}
    assert name not in owners
    info = only(registry, name)
    assert (info.hooks, info.providers, info.commands) == ((), (), ())


def test_a_good_plugin_is_found_with_its_version_and_offers(path):
    """A stranger's plugin is found by its entry point alone."""
    path.install("acme", good("acme"), dist="acme-confiture")
    info = only(path.registry(), "acme")
    assert (info.status, info.reason, info.distribution, info.version) == ("active", None, "acme-confiture", "1.5")
    assert info.hooks == ("confiture_commands", "confiture_sources")
    assert info.providers == ("source:acme",)
    assert info.commands == ("acme show",)


def test_entry_points_of_the_environment_are_found_without_a_list(path):
    """The kernel has no list of built-ins: what is on ``sys.path`` is what there is."""
    path.install("acme_stranger", good("acme_stranger"))
    assert only(Registry(), "acme_stranger").status == "active"


BROKEN = {
    "import fails": ("import a_module_that_nobody_has", "cannot be imported: ModuleNotFoundError"),
    "import exits": ("raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
    "no version": (good("x").replace("API_VERSION = 1", ""), "says no API_VERSION, this confiture has 1"),
    "other version": (good("x").replace("API_VERSION = 1", "API_VERSION = 2"), "was written for API_VERSION 2"),
    "async hook": (
        good("x").replace("@hookimpl\ndef confiture_sources():", "@hookimpl\nasync def confiture_sources():"),
        "hook 'confiture_sources' is async",
    ),
    "unknown hook": (
        good("x").replace("confiture_sources", "confiture_source"),
        "unknown hook 'confiture_source', did you mean 'confiture_sources'?",
    ),
    "wrapper": (
        good("x").replace("@hookimpl\ndef confiture_sources", "@hookimpl(wrapper=True)\ndef confiture_sources"),
        "hook wrapper",
    ),
    "wrong argument names": (
        good("x") + "\n@hookimpl\ndef confiture_review(the_plan):\n    return ()\n",
        "PluginValidationError",
    ),
    "a hook raises": (
        good("x") + "\n@hookimpl\ndef confiture_executors():\n    raise RuntimeError('half-way')\n",
        "RuntimeError: half-way",
    ),
    "a generator raises half-way": (
        good("x").replace('summary="a source")\n', 'summary="a source")\n    raise RuntimeError("half-way")\n'),
        "RuntimeError: half-way",
    ),
    "not a record": (
        good("x") + "\n@hookimpl\ndef confiture_executors():\n    return ['runner']\n",
        "returned 'runner', not a Provider",
    ),
    "a target without a colon": (good("x").replace("x_impl:Source", "x_impl.Source"), 'not "module:object"'),
    "an offer twice": (
        good("x").replace("    yield", "    for _ in range(2): yield", 1),
        "offers the source 'x' twice",
    ),
    "a listing that raises": (
        good("x") + "\ndef __dir__():\n    raise OSError(0, 'no')\n",
        "OSError",
    ),
}


@pytest.mark.parametrize(("code", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_set_aside_and_the_others_work(path, code, reason):
    """One bad package in an environment must not take the tool away; nothing of it may stay registered either."""
    path.install("a_good", good("a_good"))
    path.install("broken", code)
    path.install("z_good", good("z_good"))
    registry = path.registry()
    info = only(registry, "broken")
    assert info.status == "set aside"
    assert reason in info.reason
    assert_withdrawn(registry, "broken")
    assert registry.names(SOURCE) == ("a_good", "z_good")
    assert [command.name for command in registry.commands()] == ["a_good show", "z_good show"]


@pytest.mark.parametrize(("code", "reason"), BROKEN.values(), ids=BROKEN)
def test_strict_mode_makes_a_broken_plugin_fatal(path, code, reason):
    """In a pipeline, a plugin that is silently missing is worse than a red build."""
    path.install("broken", code)
    with pytest.raises(PluginBroken) as raised:
        path.registry(strict=True)
    assert "plugin 'broken'" in raised.value.message
    assert reason in raised.value.message
    assert "CONFITURE_STRICT_PLUGINS" in raised.value.hint


@pytest.mark.parametrize("disabled", ["acme", "*"])
def test_a_disabled_plugin_is_not_even_imported(path, disabled):
    """Disabling is the way out of a plugin whose import hangs or harms."""
    trace = path.root / "imported"
    path.install("acme", f"open({str(trace)!r}, 'w').close()\n" + good("acme"))
    registry = path.registry(disabled=[disabled])
    assert only(registry, "acme").status == "disabled"
    assert not trace.exists()
    assert registry.names(SOURCE) == ()


def test_two_plugins_of_one_name_leave_the_first_at_work(path):
    """The name addresses a plugin in [plugins] and [prefer]: it must mean one of them."""
    path.install("acme", good("acme"), dist="acme-one", module="fake_one")
    path.install("acme", good("other"), dist="acme-two", module="fake_two")
    registry = path.registry()
    assert only(registry, "acme").distribution == "acme-one"
    second = only(registry, "acme (acme-two)")
    assert (second.status, second.reason) == ("set aside", "'acme-one' already has a plugin named 'acme'")
    assert registry.names(SOURCE) == ("acme",)


def test_one_distribution_found_twice_counts_once(path, tmp_path):
    """An editable install beside its build folder lists its entry points twice."""
    path.install("acme", good("acme"))
    found = path.registry  # the same folder twice on the path
    entry_points = [e for d in importlib.metadata.distributions(path=[str(path.root)]) for e in d.entry_points]
    registry = Registry(entry_points=entry_points * 2)
    assert [info.name for info in registry.plugins()] == ["acme"]
    assert registry.names(SOURCE) == found().names(SOURCE)


def test_one_module_under_two_names_keeps_the_first(path):
    """Withdrawing the second registration must not take the first one's hooks away."""
    path.install("first", good("acme"), module="fake_shared")
    path.install("second", good("acme"), module="fake_shared")
    registry = path.registry()
    assert only(registry, "second").reason == "is the same module as plugin 'first'"
    assert only(registry, "first").status == "active"
    assert registry._manager.hook.confiture_sources.get_hookimpls()
    assert registry.names(SOURCE) == ("acme",)


def test_a_distribution_without_metadata_is_no_error(path):
    """An interrupted uninstall leaves such a folder."""
    path.install("acme", good("acme"))
    (path.root / "acme-1.5.dist-info" / "METADATA").unlink()
    assert only(path.registry(), "acme").status == "active"


def test_nothing_depends_on_the_order_of_the_path(path):
    """The file system lists distributions in any order."""
    for name in ("b", "a", "c"):
        path.install(name, good(name))
    entry_points = [e for d in importlib.metadata.distributions(path=[str(path.root)]) for e in d.entry_points]
    forwards, backwards = Registry(entry_points=entry_points), Registry(entry_points=entry_points[::-1])
    assert forwards.plugins() == backwards.plugins()


@pytest.fixture
def rivals(path):
    """Two plugins that offer the same source and the same command."""
    path.install("acme", good("shared"))
    path.install("ours", good("shared").replace("shared_impl", "ours_impl"))
    return path


def test_two_providers_of_one_name_are_an_error_that_names_both(rivals):
    """Silently taking one would make a build depend on what else is installed."""
    registry = rivals.registry()
    with pytest.raises(ProviderConflict, match="the source 'shared' is offered by 'acme' and 'ours'") as raised:
        registry.provider(SOURCE, "shared")
    assert raised.value.hint == 'choose at the top of confiture.toml:\nprefer.source.shared = "acme"'
    assert [str(conflict) for conflict in registry.conflicts()] == [
        "the source 'shared' is offered by 'acme' and 'ours'",
        "the command 'shared show' is offered by 'acme' and 'ours'",
    ]
    assert registry.commands() == ()


def test_prefer_settles_a_conflict(rivals):
    """A third party replaces ours on purpose."""
    registry = rivals.registry(prefer={"source": {"shared": "ours"}, "command": {"shared show": "acme"}})
    assert registry.provider(SOURCE, "shared").target == "ours_impl:Source"
    assert [command.target for command in registry.commands()] == ["shared_impl:show"]
    assert registry.conflicts() == ()


def test_the_line_that_settles_a_conflict_is_toml(rivals):
    """It is pasted as it stands; a command's name may have a blank."""
    lines = [conflict.hint.splitlines()[-1] for conflict in rivals.registry().conflicts()]
    prefer = tomllib.loads("\n".join([*lines, "[plugins]", "disable = []"]))["prefer"]
    assert prefer == {"source": {"shared": "acme"}, "command": {"shared show": "acme"}}
    assert rivals.registry(prefer=prefer).conflicts() == ()


def test_a_preferred_plugin_that_is_gone_is_not_replaced_silently(rivals):
    """Who chose a plugin must not get another's provider because that plugin broke."""
    registry = rivals.registry(prefer={"source": {"shared": "ours"}}, disabled=["ours"])
    with pytest.raises(ProviderConflict, match=r"offered by 'acme', and \[prefer\] names 'ours'"):
        registry.provider(SOURCE, "shared")


def test_an_unknown_name_lists_the_choices_and_what_was_set_aside(path):
    """The provider that is missed may be in the plugin that was set aside."""
    path.install("files", good("files"))
    path.install("git", "import a_module_that_nobody_has")
    registry = path.registry()
    with pytest.raises(UnknownProvider, match="no source is named 'flies'") as raised:
        registry.provider(SOURCE, "flies")
    assert "did you mean 'files'?" in raised.value.hint
    assert "there are: files" in raised.value.hint
    assert "set aside: git (cannot be imported" in raised.value.hint
    with pytest.raises(UnknownProvider) as none:
        registry.provider(EXECUTOR, "runner")
    assert "no plugin offers any executor" in none.value.hint


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("", "AttributeError"),
        ("import a_module_that_nobody_has", "ModuleNotFoundError"),
        ("class Source:\n    def __init__(self, needed): ...", "cannot be made from"),
        ("class Source:\n    def __init__(self): raise OSError('no')", "OSError: no"),
    ],
)
def test_a_provider_that_cannot_be_made_is_named(path, code, message):
    """Targets are imported on first use, long after the plugin was found to be good."""
    path.install("acme", good("acme"))
    (path.root / "acme_impl.py").write_text(code)
    path.modules.append("acme_impl")
    with pytest.raises(PluginBroken, match=message) as raised:
        path.registry().create(SOURCE, "acme")
    assert "source 'acme'" in raised.value.message


def test_registering_a_second_plugin_of_a_name_by_hand_is_an_error(make_plugin, registry):
    """``register`` is for programs and tests: there it is a slip."""
    registry.register(make_plugin(), "mine")
    with pytest.raises(ValueError, match="'mine' is registered already"):
        registry.register(make_plugin(), "mine")


def test_reviewers_are_heard_in_a_fixed_order(make_plugin, registry):
    """A plan's hazards must not depend on which plugin came first."""
    registry.register(make_plugin(confiture_review=lambda plan: [Hazard("z", "last"), Hazard("b", "2")]), "one")
    registry.register(make_plugin(confiture_review=lambda: [Hazard("a", str(1))]), "two")
    registry.register(make_plugin(confiture_review=lambda plan: None), "says nothing")
    hazards = registry.review(Plan(statements=()))
    assert [hazard.kind for hazard in hazards] == ["a", "b", "z"]


@pytest.mark.parametrize("review", [lambda plan: 1 / 0, lambda plan: ["careful"], lambda plan: 3])
def test_a_reviewer_that_fails_stops_the_plan(make_plugin, registry, review):
    """A policy that cannot be checked must not count as kept."""
    registry.register(make_plugin(confiture_review=review), "policy")
    with pytest.raises(PluginBroken, match="plugin 'policy' could not review the plan"):
        registry.review(Plan(statements=()))


def test_observers_get_every_event(make_plugin, registry):
    """The hook may leave the argument out, as pluggy allows."""
    heard = []
    registry.register(make_plugin(confiture_event=lambda event: heard.append(event)), "one")
    registry.register(make_plugin(confiture_event=lambda: heard.append("something")), "two")
    for observer in registry.observers():
        observer(Note(message="hello"))
    assert sorted(map(str, heard)) == sorted([str(Note(message="hello")), "something"])


def test_a_hook_may_be_a_method_of_an_object(registry):
    """Tests register objects; only what is marked counts."""

    class Plugin:
        API_VERSION = 1

        @hookimpl
        def confiture_sources(self):
            return [Provider(name="mine", target="m:o", summary="")]

    registry.register(Plugin(), "mine")
    assert registry.names(SOURCE) == ("mine",)
