"""``confiture plugins``: everything that was found, and why something is not used."""

from __future__ import annotations

import json
import tomllib

SOURCE = """
from confiture.hooks import Provider, hookimpl
API_VERSION = 1

@hookimpl
def confiture_sources():
    yield Provider(name="{name}", target="nowhere:Source", summary="a source")
"""


def test_every_plugin_has_a_line_with_what_it_provides(cli) -> None:
    """One glance says whether the thing that was installed is there."""
    cli.plugin("acme", SOURCE.format(name="git"))
    done = cli("plugins")
    assert done.returncode == 0
    heading, *rows = done.stdout.splitlines()
    assert heading.split() == ["NAME", "VERSION", "STATUS", "PROVIDERS", "COMMANDS", "HOOKS"]
    assert rows[0].split() == ["acme", "1.5", "active", "source:git", "-", "sources"]
    assert any(row.startswith("embedded ") for row in rows)


def test_a_plugin_set_aside_says_why(cli) -> None:
    """The reason is what its author needs, in the words of the check or of Python."""
    cli.plugin("broken", "import nothing_of_this_name")
    cli.plugin("old", "API_VERSION = 0")
    out = cli("plugins").stdout
    assert "broken (broken) is set aside: cannot be imported: ModuleNotFoundError: No module named" in out
    assert "old (old) is set aside: was written for API_VERSION 0, this confiture has 1" in out


def test_a_disabled_plugin_is_shown_and_not_imported(cli) -> None:
    """That it is off is what somebody looks for who misses it."""
    cli.plugin("loud", "raise SystemExit('imported')")
    (cli.folder / "confiture.toml").write_text('[plugins]\ndisable = ["loud"]\n')
    done = cli("plugins")
    assert done.returncode == 0
    assert "loud (loud) is disabled: listed under [plugins] disable" in done.stdout


def test_a_conflict_is_shown_with_the_line_that_settles_it(cli) -> None:
    """The line, put into confiture.toml, must work as it stands."""
    cli.plugin("acme", SOURCE.format(name="git"))
    cli.plugin("bcme", SOURCE.format(name="git"))
    done = cli("plugins")
    assert done.returncode == 0
    assert "conflict: the source 'git' is offered by 'acme' and 'bcme'" in done.stdout
    line = done.stdout.split("choose at the top of confiture.toml:\n")[1]
    (cli.folder / "confiture.toml").write_text(line)
    assert tomllib.loads(line) == {"prefer": {"source": {"git": "acme"}}}
    assert "conflict" not in cli("plugins").stdout


def test_a_program_gets_a_versioned_shape(cli) -> None:
    """Its fields are documented in the reference; this is the test that they stay."""
    cli.plugin("acme", SOURCE.format(name="git"))
    cli.plugin("bcme", SOURCE.format(name="git"))
    cli.plugin("broken", "raise RuntimeError('no')")
    report = json.loads(cli("plugins", "--format", "json").stdout)
    assert list(report) == ["version", "plugins", "conflicts"]
    assert report["version"] == 1
    plugins = {plugin["name"]: plugin for plugin in report["plugins"]}
    assert plugins["acme"] == {
        "name": "acme",
        "module": "entry_acme",
        "distribution": "acme",
        "version": "1.5",
        "status": "active",
        "reason": None,
        "hooks": ["confiture_sources"],
        "providers": ["source:git"],
        "commands": [],
    }
    assert plugins["broken"]["status"] == "set aside"
    assert plugins["broken"]["reason"] == "cannot be imported: RuntimeError: no"
    assert [list(conflict) for conflict in report["conflicts"]] == [["message", "settle"]]
    assert report["conflicts"][0]["settle"] == 'prefer.source.git = "acme"'


def test_the_project_option_chooses_whose_settings_hold(cli, project) -> None:
    """Run from elsewhere, as an editor or a CI does."""
    cli.plugin("acme", SOURCE.format(name="git"))
    project.config('[plugins]\ndisable = ["acme"]\n')
    cli.command("look", "def command(*, common: CommonParam = None, shell: ShellParam):\n"
                "    print({p.name: p.status for p in shell.registry.plugins()}['acme'])")  # fmt: skip
    assert cli("look").stdout == "active\n"
    assert cli("look", "--project", str(project.root)).stdout == "disabled\n"
