"""The project's file, environments in TOML and YAML, and which environment a command means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from confiture import errors
from confiture.config import Project, choose_environment
from confiture.config.environment import Environment, environment_names, load_environment
from confiture.config.light import plugin_settings
from confiture.config.reading import convert


@pytest.fixture
def found(project) -> Project:
    return Project(project.root)


def test_toml_and_yaml_say_the_same(project, found):
    """The mission's examples use both."""
    expected = Environment(name="x", database_url="postgresql:///shop", protected=True, database="d", server="url")
    project.environment(
        "x", 'name = "x"\ndatabase_url = "postgresql:///shop"\nprotected = true\ndatabase = "d"\nserver = "url"\n'
    )
    assert load_environment(found, "x") == expected
    (project.root / "db/environments/x.toml").unlink()
    for suffix in (".yaml", ".yml"):
        file = project.environment(
            "x", "name: x\ndatabase_url: postgresql:///shop\nprotected: yes\ndatabase: d\nserver: url\n", suffix
        )
        assert load_environment(found, "x") == expected
        file.unlink()


def test_an_empty_file_is_an_environment_of_defaults(project, found):
    """`touch db/environments/test.toml` is enough for one more embedded database."""
    for suffix in (".toml", ".yaml"):
        file = project.environment("x", "", suffix)
        environment = load_environment(found, "x")
        assert environment == Environment(name="x")
        assert environment.server_name == "embedded"
        file.unlink()


def test_a_byte_order_mark_is_no_part_of_the_file(project, found):
    """Editors on Windows write one."""
    project.environment("x", "\ufeffprotected = true\n")
    assert load_environment(found, "x").protected


@pytest.mark.parametrize(
    ("suffix", "text", "message", "hint"),
    [
        (".toml", "databse_url = 'x'", "unknown key 'databse_url'", "did you mean 'database_url'?"),
        (".yaml", "protcted: true", "unknown key 'protcted'", "did you mean 'protected'?"),
        (".toml", "zzz = 1", "unknown key 'zzz'", "the keys are: database, database_url, name"),
        (".toml", "protected = 'yes'", "'protected': expected `bool`, got `str`", "true or false, without quotes"),
        (".toml", "database_url = ''", "'database_url' is empty", "leave the key out"),
        (".toml", "name = 'y'", "'name' is 'y', but the file's name says 'x'", "make them equal"),
        (".toml", "a = ", "is not valid TOML: ", ""),
        (".yaml", "a: b: c", "is not valid YAML: mapping values are not allowed here", ""),
        (".yaml", "- a\n- b", "must be a table of keys and values", ""),
        (".yaml", "!!python/object/apply:os.system [ls]", "is not valid YAML: could not determine a constructor", ""),
        (".toml", b"a = '\xff'", "is not UTF-8", "save it as UTF-8"),
    ],
)
def test_a_slip_names_the_file_and_the_key(project, found, suffix, text, message, hint):
    """And the nearest key that exists."""
    project.environment("x", "", suffix).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(errors.ConfigError) as raised:
        load_environment(found, "x")
    assert raised.value.file == f"db/environments/x{suffix}"
    assert message in raised.value.message
    assert hint in (raised.value.hint or "")


def test_a_yaml_error_has_its_place(project, found):
    """Line and column, from 1."""
    project.environment("x", "a: 1\nb: c: d\n", ".yaml")
    with pytest.raises(errors.ConfigError) as raised:
        load_environment(found, "x")
    assert raised.value.where == "db/environments/x.yaml:2:5"


def test_two_files_of_one_environment_are_an_error(project, found):
    """Nobody could say which holds."""
    project.environment("x", "")
    project.environment("x", "", ".yaml")
    with pytest.raises(errors.ConfigError, match=r"has two files: 'db/environments/x\.toml' and 'db/.*/x\.yaml'"):
        load_environment(found, "x")


def test_references_to_variables_are_replaced(project, found, monkeypatch):
    """Secrets stay out of the files; ``$${`` is the text itself."""
    monkeypatch.setenv("SHOP_PASSWORD", "a'b${c}")
    project.environment("x", 'database_url = "postgresql://u:${SHOP_PASSWORD}@h/$${d}"\n')
    assert load_environment(found, "x").database_url == "postgresql://u:a'b${c}@h/${d}"


def test_a_missing_variable_is_named(project, found):
    """An empty password instead would be a riddle."""
    project.environment("x", 'database_url = "postgresql://u:${SHOP_PASSWORD}@h/d"\n')
    with pytest.raises(errors.ConfigError) as raised:
        load_environment(found, "x")
    assert raised.value.message == (
        "'database_url' refers to the environment variable 'SHOP_PASSWORD', which is not set"
    )
    assert "export SHOP_PASSWORD=" in raised.value.hint


def test_an_environment_never_shows_its_url():
    """It is in tracebacks and logs."""
    assert "hunter2" not in repr(Environment(name="x", database_url="postgresql://u:hunter2@h/d"))


def test_an_unknown_environment_lists_those_that_exist(project, found):
    """With the nearest one first; ``local`` needs no file."""
    project.environment("production", "")
    project.write("db/environments/README.md", "")
    assert environment_names(found) == ("local", "production")
    with pytest.raises(errors.UnknownEnvironment, match="unknown environment 'prodution'") as raised:
        load_environment(found, "prodution")
    assert raised.value.hint.startswith("did you mean 'production'? there are: local, production")


@pytest.mark.parametrize("name", ["../secrets", "a/b", "", "..", "x\0y"])
def test_a_name_is_not_a_path(project, found, name):
    """``--env`` chooses from ``db/environments/``; ``--config`` takes a path."""
    project.write("db/secrets.toml", "")
    project.write("db/environments/a/b.toml", "")
    with pytest.raises(errors.UnknownEnvironment):
        load_environment(found, name)


# -- which one ------------------------------------------------------------------------------------------------------


@pytest.fixture
def several(project, found, monkeypatch):
    """Three environments, each telling its name by its database."""
    monkeypatch.chdir(project.root)
    for name in ("local", "ci", "other"):
        project.environment(name, f"database = '{name}'\n")
    return found


def test_without_anything_it_is_local(several):
    """The safest."""
    assert choose_environment(several).database == "local"


def test_the_variable_comes_before_local(several, monkeypatch):
    """A pipeline sets it once."""
    monkeypatch.setenv("CONFITURE_ENV", "ci")
    assert choose_environment(several).name == "ci"
    monkeypatch.setenv("CONFITURE_ENV", "")
    assert choose_environment(several).name == "local"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"env": "other"}, "other"),
        ({"config": Path("db/environments/other.toml")}, "other"),
        ({"config": Path("other.toml")}, "other"),
        ({"config": Path("elsewhere.yaml")}, "elsewhere"),
    ],
)
def test_what_the_command_says_comes_before_the_variable(several, project, monkeypatch, given, expected):
    """A file is taken as given, else from ``db/environments/``."""
    project.write("elsewhere.yaml", "database: elsewhere\n")
    monkeypatch.setenv("CONFITURE_ENV", "ci")
    assert choose_environment(several, **given).database == expected


def test_a_file_as_given_comes_before_one_of_the_environments(several, project):
    """What is here is what was meant."""
    project.write("other.toml", "database = 'here'\n")
    assert choose_environment(several, config=Path("other.toml")).database == "here"


def test_a_url_is_an_environment_without_a_file(several):
    """Its name in messages is the option's, never the URL."""
    chosen = choose_environment(several, database_url="postgresql://u:hunter2@h/d")
    assert chosen.name == "--database-url"
    assert chosen.server_name == "url"


@pytest.mark.parametrize(
    "given",
    [
        {"env": "ci", "config": Path("other.toml")},
        {"env": "ci", "database_url": "x"},
        {"config": Path("other.toml"), "database_url": "x"},
    ],
)
def test_two_choices_at_once_are_refused(several, given):
    """Guessing which was meant could hit the wrong database."""
    with pytest.raises(errors.UsageError, match="exclude each other"):
        choose_environment(several, **given)


def test_an_unknown_choice_of_a_value_is_told_with_those_there_are():
    """``order = "atuo"``: the error has what may stand there."""

    class Table(msgspec.Struct):
        order: Literal["alphabetical", "auto"] | None = None

    with pytest.raises(errors.ConfigError, match=r"'build\.order': invalid enum value 'atuo'") as raised:
        convert({"order": "atuo"}, Table, file="confiture.toml", section="build")
    assert raised.value.hint == "there are: alphabetical, auto"


@pytest.mark.parametrize("given", [{"env": ""}, {"database_url": ""}, {"database_url": " "}, {"config": Path()}])
def test_an_empty_choice_is_refused(several, given):
    """`--env "$TARGET"` without a value would replace the database of ``local``."""
    with pytest.raises(errors.UsageError, match=r"--.* has an empty value"):
        choose_environment(several, **given)


def test_a_missing_file_is_named(several):
    """With the environments that there are."""
    with pytest.raises(errors.UnknownEnvironment, match=r"no configuration file 'gone\.toml'") as raised:
        choose_environment(several, config=Path("gone.toml"))
    assert "ci, local, other" in raised.value.hint


def test_a_file_of_another_kind_is_refused(several, project):
    """TOML and YAML are told apart by their names."""
    project.write("env.json", "{}")
    with pytest.raises(errors.ConfigError, match=r"'env\.json' is neither TOML nor YAML"):
        choose_environment(several, config=Path("env.json"))


# -- the project ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", ["confiture.toml", "db/schema/x.sql"])
def test_a_project_is_found_from_any_folder_below(tmp_path, made):
    """By its file, or by its schema alone."""
    (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / made).touch()
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert Project.find(deep).root == tmp_path


def test_paths_in_messages_are_relative_to_the_project(found, tmp_path):
    """The same on every machine; a file outside has its whole path."""
    assert found.shown(found.root / "db" / "x.sql") == "db/x.sql"
    assert found.shown(tmp_path / "y.sql") == (tmp_path / "y.sql").as_posix()


def test_a_projects_name_is_its_folders_or_its_own(project, found):
    """It is in the names of databases on the embedded server."""
    assert found.name == "project"
    project.config("[project]\nname = 'shop'\n")
    assert Project(project.root).name == "shop"


def test_a_section_must_be_a_table(project):
    """`scratch = "x"` is a slip."""
    from confiture.config.project import ScratchConfig

    project.config("scratch = 'x'\n")
    with pytest.raises(errors.ConfigError, match=r"'scratch' must be a table: \[scratch\]"):
        Project(project.root).section("scratch", ScratchConfig)


def test_the_command_line_reads_plugins_without_raising(project, monkeypatch):
    """`confiture --help` must work in a project whose file is broken; the command itself reports it."""
    monkeypatch.delenv("CONFITURE_DISABLED_PLUGINS")
    project.config('[plugins]\ndisable = ["a", 1]\n[prefer.source]\nfiles = "x"\nother = 1\n')
    deep = project.root / "db" / "schema"
    assert plugin_settings(deep).disable == ("a",)
    assert plugin_settings(deep).prefer == {"source": {"files": "x"}}
    monkeypatch.setenv("CONFITURE_DISABLED_PLUGINS", "b,,c ")
    assert plugin_settings(deep).disable == ("a", "b", "c")
    project.config("this is no TOML")
    assert plugin_settings(deep).disable == ("b", "c")
    os.environ.pop("CONFITURE_DISABLED_PLUGINS")
    assert plugin_settings(Path("/")).disable == ()
