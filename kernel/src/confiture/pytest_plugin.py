"""The pytest plugin that comes with confiture: the fixture ``confiture_db``.

pytest loads it at every start, in every project of the environment: it imports nothing until a fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from confiture.testing.database import Databases, TestDatabase

__all__ = ["confiture_databases", "confiture_db"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--confiture-env``, and the ini values ``confiture_env``, ``confiture_project`` and ``confiture_seeds``."""
    group = parser.getgroup("confiture")
    group.addoption("--confiture-env", metavar="NAME", help="the environment whose server has the tests' databases")
    parser.addini("confiture_env", "the environment whose server has the tests' databases (default: test, else local)")
    parser.addini("confiture_project", "the project's folder, from the root of the tests (default: that root)")
    parser.addini("confiture_seeds", "whether seeds are run in the tests' databases", type="bool", default=False)


@pytest.fixture(scope="session")
def confiture_databases(pytestconfig: pytest.Config) -> Iterator[Databases]:
    """Makes databases of the project's schema: ``with confiture_databases.fresh() as database``.

    Built once a session and worker. ``confiture_db`` is one for each test.
    """
    from confiture.errors import ConfitureError
    from confiture.testing.database import open_databases

    root = pytestconfig.rootpath / (pytestconfig.getini("confiture_project") or ".")
    chosen = pytestconfig.getoption("--confiture-env") or pytestconfig.getini("confiture_env")
    opened = open_databases(root, env=chosen or None, seeds=pytestconfig.getini("confiture_seeds"))
    try:
        databases = opened.__enter__()
    except ConfitureError as error:
        # One failure with the reason, instead of the traceback of an event loop in another thread.
        pytest.fail("\n".join(filter(None, (f"confiture: {error}", error.detail, error.hint))), pytrace=False)
    try:
        yield databases
    finally:
        opened.__exit__(None, None, None)


@pytest.fixture
def confiture_db(confiture_databases: Databases) -> Iterator[TestDatabase]:
    """A fresh database of the project's schema, dropped after the test. For sync and async tests alike."""
    with confiture_databases.fresh() as database:
        yield database
