"""The rules of the tree: who imports whom, what a start costs, and that every name of the contract is tested."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from confiture import errors, hooks, model

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if (path / "src").is_dir())


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it; string targets of importlib count too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("confiture_"):
            yield node.value.partition(":")[0]


def packages(folder: Path) -> dict[str, set[str]]:
    """Files below the folder, each with the top-level packages that it imports."""
    files = sorted(folder.rglob("*.py"))
    assert files
    return {str(file.relative_to(ROOT)): {name.partition(".")[0] for name in imports(file)} for file in files}


def test_the_kernel_names_no_plugin():
    """It finds ours as it finds a stranger's; hooks are called confiture_..., too, and are no packages."""
    known = {f"confiture_{name}" for name in PLUGINS}
    found = {file: names & known for file, names in packages(ROOT / "kernel" / "src").items()}
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_imports_no_other_plugin(plugin):
    """They meet in the kernel's values: each can be replaced, moved out, disabled."""
    others = {f"confiture_{name}" for name in PLUGINS if name != plugin}
    found = {file: names & others for file, names in packages(ROOT / "plugins" / plugin / "src").items()}
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_leaves_transactions_to_the_kernel(plugin):
    """The driver's own block is cancelled with its task and leaves a session with its locks."""
    for file in sorted((ROOT / "plugins" / plugin / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "transaction":
                owner = ast.unparse(node.func.value)
                assert owner.split(".")[-1] in ("ctx", "_ctx", "run"), f"{file}:{node.lineno}: {owner}.transaction()"


def loaded_by(statement: str) -> set[str]:
    """What a fresh interpreter has in ``sys.modules`` after the statement."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_hooks_load_nothing_but_the_standard_library_and_pluggy():
    """An entry module that imports them costs a millisecond at every start."""
    allowed = set(sys.stdlib_module_names) | {"pluggy", "confiture"}
    found = loaded_by("import confiture.hooks")
    assert {name for name in found if name.partition(".")[0] not in allowed} == set()
    assert {name for name in found if name.startswith("confiture")} == {"confiture", "confiture.hooks"}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_entry_modules_are_light(plugin):
    """They are imported at every start, `confiture --help` included."""
    found = loaded_by(f"import confiture_{plugin}.plugin")
    heavy = {"asyncpg", "asyncio", "anyio", "msgspec", "rich", "structlog", "yaml", "postgast", "cyclopts"}
    assert found & heavy == set()


def test_the_pytest_plugin_is_light():
    """pytest loads it at every start, in every project of the environment."""
    found = loaded_by("import confiture.pytest_plugin")
    assert {name for name in found if name.partition(".")[0] in {"asyncpg", "anyio", "msgspec", "rich"}} == set()


def test_the_commands_configuration_is_light():
    """It is read before the command line knows whether it needs anything at all."""
    assert loaded_by("import confiture.config.light") & {"msgspec", "asyncio", "yaml", "pluggy"} == set()


# -- every name of the contract is tested ---------------------------------------------------------------------------


def _leaves(type_: type) -> Iterator[type]:
    for subclass in type_.__subclasses__():
        yield subclass
        yield from _leaves(subclass)


def names_of_the_contract() -> dict[str, str]:
    """Each name with what it is."""
    names = {name: "hook" for name in vars(hooks.Hooks) if name.startswith("confiture_")}
    constants = {id(value): name for name, value in vars(hooks).items() if isinstance(value, hooks.Kind)}
    names |= {constants[id(kind)]: "kind" for kind in hooks.KINDS.values()}
    names |= {event.__name__: "event" for event in _leaves(model.Event)}
    for type_ in _leaves(errors.ConfitureError):
        if type_.__module__ == errors.__name__:
            names[type_.__name__] = "error"
    return names


@pytest.fixture(scope="module")
def tested() -> set[str]:
    """Every identifier and attribute that occurs in the tests, this file left out."""
    found: set[str] = set()
    for file in sorted((ROOT / "tests").rglob("*.py")):
        if file == Path(__file__):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.keyword) and node.arg:
                found.add(node.arg)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(word.strip("'\"()[]{},.:;`=") for word in node.value.split())
    return found


@pytest.mark.parametrize(("name", "what"), names_of_the_contract().items(), ids=lambda value: value)
def test_every_name_of_the_contract_is_tested(name, what, tested):
    """Errors may be tested by their class or by their code, as `--format json` shows it."""
    names = {name}
    if what == "error":
        names.add(getattr(errors, name).code)
    assert names & tested, f"no test names the {what} {name!r}"


@pytest.mark.parametrize("type_", sorted(_leaves(errors.ConfitureError), key=lambda type_: type_.__name__))
def test_every_error_has_its_code_and_its_advice(type_):
    """Programs go by code and exit code, people by the docstring; abstract bases have subclasses of their own."""
    codes = [other.code for other in _leaves(errors.ConfitureError) if other.__module__ == errors.__name__]
    assert codes.count(type_.code) == 1
    assert type_.code in (errors.__doc__ or "")
    assert 0 < type_.exit_code < 255
    assert type_.__doc__
    assert type_("what failed", hint="do this").as_dict() == {
        "code": type_.code,
        "exit_code": type_.exit_code,
        "message": "what failed",
        "hint": "do this",
    }


def test_an_error_shows_its_place_first():
    """File, line and column, as far as they are known."""
    error = errors.StatementFailed("no", file="a.sql", line=3, column=7)
    assert str(error) == "a.sql:3:7: no"
    assert str(errors.StatementFailed("no", file="a.sql", line=3)) == "a.sql:3: no"
    assert str(errors.StatementFailed("no")) == "no"


def test_the_public_names_are_there():
    """They are imported when first used, so that only a test sees a slip in the table."""
    import confiture

    for name in confiture.__all__:
        assert getattr(confiture, name).__name__ == name
    assert set(confiture.__all__) <= set(dir(confiture))
    with pytest.raises(AttributeError):
        _ = confiture.nothing
    for module in ("config", "hooks", "model", "errors", "protocols"):
        module = importlib.import_module(f"confiture.{module}")
        assert [name for name in module.__all__ if not hasattr(module, name)] == []


# -- without any plugin ---------------------------------------------------------------------------------------------


def test_the_kernels_suite_runs_with_every_plugin_disabled(project):
    """The kernel stands alone: conftest.py of this folder disables all plugins for each of its tests."""
    from confiture.kernel import Kernel

    registry = Kernel(project.root).registry
    assert {info.status for info in registry.plugins()} <= {"disabled"}
    assert {f"confiture_{name}" for name in PLUGINS} & _imported_by(ROOT / "tests" / "kernel") == set()


def _imported_by(folder: Path) -> set[str]:
    statements = (
        node
        for file in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
    )
    names = {getattr(node, "module", None) or "" for node in statements}
    return {name.partition(".")[0] for name in names}
