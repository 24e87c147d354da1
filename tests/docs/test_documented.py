"""What plugins and programs rely on is documented: each test fails with the names that are not."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args, get_type_hints

import msgspec
import pytest

from confiture import errors, hooks, model, protocols, testing
from confiture.config import Environment
from confiture.config.project import KERNEL_SECTIONS, MigrationsConfig, PluginsConfig, ProjectConfig, ScratchConfig
from confiture.migrations.tracking import COLUMNS, State
from confiture.sqlfiles.config import FilesConfig
from confiture_build.model import BuildConfig
from confiture_command.config import CommandConfig
from confiture_diff.model import DiffConfig
from confiture_embedded.config import EmbeddedConfig
from confiture_fdw.config import FdwConfig
from confiture_hybrid.config import HybridConfig
from confiture_incremental.model import Applied, IncrementalConfig, RunReport, VersionStatus
from confiture_pgbouncer.config import PgbouncerConfig
from confiture_rename.config import RenameConfig
from confiture_schema_to_schema.configuring import SchemaToSchemaConfig
from confiture_sync.copying.config import SyncConfig
from confiture_triggers.config import TriggersConfig

DOCS = Path(__file__).resolve().parents[2] / "docs"
ERRORS = DOCS / "reference" / "errors.md"
CONFIGURATION = DOCS / "reference" / "configuration.md"
EVENTS = DOCS / "reference" / "events.md"
KINDS = DOCS / "plugins" / "kinds.md"
MIGRATE = DOCS / "reference" / "migrate.md"


def rows(page: Path) -> list[list[str]]:
    """The cells of all table rows of a page, with the backticks around them taken off."""
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def subclasses(cls: type, module: ModuleType) -> Iterator[type]:
    """The class and all below it that the module, or the package, defines; tests define some of their own."""
    yield cls
    for below in cls.__subclasses__():
        if f"{below.__module__}.".startswith(f"{module.__name__}."):
            yield from subclasses(below, module)


def test_every_error_is_documented_with_its_code_and_under_its_exit_code():
    """Scripts branch on codes and exit codes: the page is their contract, and stale rows would be promises."""
    documented = set()
    exit_code = 0
    for line in ERRORS.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            exit_code = int(line.removeprefix("## ").partition(":")[0])
        elif exit_code and line.startswith("| `"):
            code, name = (cell.strip().strip("`") for cell in line.strip("|").split("|")[:2])
            documented.add((exit_code, code, name))
    existing = {(cls.exit_code, cls.code, cls.__name__) for cls in subclasses(errors.ConfitureError, errors)}
    assert documented == existing


def test_every_exit_code_is_in_the_overview():
    """The first table is what a person with a failed job looks at."""
    overview = {int(cells[0]) for cells in rows(ERRORS) if cells[0].isdigit()}
    assert overview == {cls.exit_code for cls in subclasses(errors.ConfitureError, errors)} | {0}


def test_every_error_has_a_code_of_its_own_and_is_in_the_tree():
    """One code for two errors could not be told apart, and the module's tree is what authors of plugins read."""
    found = list(subclasses(errors.ConfitureError, errors))
    assert len({cls.code for cls in found}) == len(found)
    assert [cls.__name__ for cls in found if cls.__name__ not in (errors.__doc__ or "")] == []
    assert sorted(set(errors.__all__)) == sorted(cls.__name__ for cls in found)


def test_every_event_is_documented_with_its_fields():
    """Observers are written against this page."""
    documented = {cells[0]: set(cells[1].replace("`", "").split(", ")) for cells in rows(EVENTS) if len(cells) == 3}
    documented = {name: fields for name, fields in documented.items() if name[0].isupper()}
    events = [cls for cls in subclasses(model.Event, model) if cls is not model.Event]
    assert documented == {cls.__name__: {field.name for field in msgspec.structs.fields(cls)} for cls in events}


@pytest.mark.parametrize(
    ("heading", "type_"),
    [
        ("## Environments", Environment),
        ("### [project]", ProjectConfig),
        ("### [files]", FilesConfig),
        ("### [migrations]", MigrationsConfig),
        ("### [build]", BuildConfig),
        ("### [diff]", DiffConfig),
        ("### [incremental]", IncrementalConfig),
        ("### [embedded]", EmbeddedConfig),
        ("### [sync]", SyncConfig),
        ("### [schema-to-schema]", SchemaToSchemaConfig),
        ("### [fdw]", FdwConfig),
        ("### [hybrid]", HybridConfig),
        ("### [triggers]", TriggersConfig),
        ("### [rename]", RenameConfig),
        ("### [pgbouncer]", PgbouncerConfig),
        ("### [command]", CommandConfig),
        ("### [scratch]", ScratchConfig),
        ("### [plugins]", PluginsConfig),
    ],
)
def test_every_key_of_the_configuration_is_documented(heading: str, type_: type[msgspec.Struct]):
    """With its default, where that is a plain value: a wrong default is worse than none."""
    section = CONFIGURATION.read_text(encoding="utf-8").partition(f"\n{heading}\n")[2].partition("\n#")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:3] == "| `"
    ]
    documented = {key.strip("`"): default for key, default, _ in cells}
    fields = {field.encode_name: field.default for field in msgspec.structs.fields(type_)}
    assert documented.keys() == fields.keys()
    for name, default in fields.items():
        if isinstance(default, bool | int):
            assert documented[name] == f"`{default}`".lower()
        elif isinstance(default, float):
            assert documented[name] == f"`{default:g}`"
        elif isinstance(default, str) and default:
            assert documented[name] == f'`"{default}"`'


def test_every_table_of_the_configuration_is_documented():
    """Those of the kernel and of confiture's own plugins: what the kernel takes as known."""
    page = CONFIGURATION.read_text(encoding="utf-8")
    sections = {line.removeprefix("### [").rstrip("]") for line in page.splitlines() if line.startswith("### [")}
    own = {
        "build",
        "command",
        "diff",
        "embedded",
        "fdw",
        "hybrid",
        "incremental",
        "pgbouncer",
        "rename",
        "schema-to-schema",
        "slot",
        "sync",
        "triggers",
    }
    assert sections == KERNEL_SECTIONS | own


def test_the_history_is_documented():
    """People query the table, and scripts branch on states: each column, state and status stands in a row."""
    named = {name.strip(" `") for cells in rows(MIGRATE) for name in cells[0].split(",")}
    assert {*COLUMNS, *get_args(State)} - named == set()
    status = get_args(get_type_hints(VersionStatus)["state"])
    assert set(status) - named == set()


@pytest.mark.parametrize("report", [RunReport, Applied])
def test_every_field_of_a_migration_report_is_documented(report: type[msgspec.Struct]):
    """A program is written from the page."""
    page = MIGRATE.read_text(encoding="utf-8")
    assert [field for field in report.__struct_fields__ if f"`{field}`" not in page] == []


def test_every_hook_is_documented():
    """A hook that nobody can find is not there."""
    documented = {cells[0] for cells in rows(KINDS) if cells[0].startswith("confiture_")}
    assert documented == {name for name in vars(hooks.Hooks) if name.startswith("confiture_")}


def test_every_kind_is_documented_with_its_hook_and_its_protocol():
    """The three belong together: a provider is registered by one name and checked against another."""
    documented = {cells[1]: cells[0] for cells in rows(KINDS) if len(cells) == 4 and cells[0].startswith("confiture_")}
    assert documented == {kind.name: kind.hook for kind in hooks.KINDS.values()}
    for cells in rows(KINDS):
        if cells[0].startswith("confiture_") and len(cells) == 4:
            assert cells[2] in protocols.__all__


@pytest.mark.parametrize("kind", sorted(hooks.KINDS))
def test_every_kind_has_a_section(kind: str):
    """What a provider must do is more than a row of a table."""
    assert f"\n### {kind}: " in KINDS.read_text(encoding="utf-8")


def test_every_kind_has_a_suite_that_is_documented():
    """The suite is how an author knows that the provider is right; a kind without one cannot be relied upon."""
    documented = KINDS.read_text(encoding="utf-8").split("\nSuite: `await ")[1:]
    names = {part.partition("(")[0] for part in documented}
    assert names == {name for name in testing.__all__ if name.startswith("check_")}
    assert len(names) == len(hooks.KINDS)


def test_every_method_of_a_kind_is_documented():
    """A method that is added to a Protocol breaks every provider there is: its page must say so."""
    page = KINDS.read_text(encoding="utf-8")
    missing = []
    for cells in rows(KINDS):
        if not (cells[0].startswith("confiture_") and len(cells) == 4):
            continue
        section = page.partition(f"\n### {cells[1]}: ")[2].partition("\n### ")[0].partition("\n## ")[0]
        protocol = getattr(protocols, cells[2])
        methods = [name for name in vars(protocol) if not name.startswith("_")]
        missing += [
            f"{cells[2]}.{name}" for name in methods if f"`{name}" not in section and f" {name}(" not in section
        ]
    assert missing == []


def test_every_service_of_the_context_is_documented():
    """The context is everything that a provider may touch."""
    page = KINDS.read_text(encoding="utf-8").partition("\n## What the run gives you")[2]
    names = [name for name in vars(protocols.Context) if not name.startswith("_")]
    assert [name for name in names if f"`{name}`" not in page and f"`{name}(" not in page] == []


def test_every_link_between_pages_leads_somewhere():
    """A page that moved would leave its readers behind."""
    broken = []
    for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md", DOCS.parent / "CHANGELOG.md"]:
        for part in page.read_text(encoding="utf-8").split("](")[1:]:
            link = part.partition(")")[0].partition("#")[0]
            if link and "://" not in link and not (page.parent / link).exists():
                broken.append(f"{page.relative_to(DOCS.parent)}: {link}")
    assert broken == []


def test_every_page_is_in_the_index():
    """A page that the index does not lead to is found by nobody."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md") if page.name != "index.md"}
    assert sorted(page for page in pages if not page.startswith("changes/") and f"({page})" not in index) == []


@pytest.mark.parametrize("name", ["confiture", "confiture.hooks", "confiture.errors", "confiture.model"])
def test_every_public_name_says_what_it_is(name: str):
    """The docstring is what an editor shows."""
    module = importlib.import_module(name)
    public = [getattr(module, public) for public in module.__all__]
    assert [obj.__name__ for obj in public if isinstance(obj, type) and not obj.__doc__] == []
