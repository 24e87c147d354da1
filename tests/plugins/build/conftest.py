"""A project of its own name for each test, so that the templates of one are not pruned by another."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from confiture.model import Target


@pytest.fixture
def shop(project, server: Target, psql: Callable[..., str]) -> Iterator[object]:
    """A project of two tables and a view, in three files that are in order; its templates go with the test."""
    name = f"shop_{uuid.uuid4().hex[:8]}"
    project.name = name
    project.config(f'[project]\nname = "{name}"\n')
    # The name in it makes the content this test's own: templates are found by content, on one server for all.
    project.schema(
        "10_tables/customers.sql", f"CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL); -- {name}\n"
    )
    project.schema("10_tables/orders.sql", "CREATE TABLE orders (id int, customer int REFERENCES customers);\n")
    project.schema("20_views/names.sql", "CREATE VIEW names AS SELECT name FROM customers;\n")
    yield project
    for database in templates(server, psql, name):
        psql(server.with_database("postgres"), f'DROP DATABASE IF EXISTS "{database}"')


def templates(server: Target, psql: Callable[..., str], project_name: str) -> list[str]:
    """The templates of a project, by name."""
    found = psql(
        server.with_database("postgres"),
        "SELECT datname FROM pg_database WHERE starts_with(datname, 'confiture_template_')"
        f" AND shobj_description(oid, 'pg_database') LIKE '%\"{project_name}\"%' ORDER BY 1",
    )
    return found.split()


@pytest.fixture
def absent(server: Target, psql: Callable[..., str]) -> Iterator[Target]:
    """A database that does not exist yet; whatever a test makes under its name (or NAME_1...) is dropped."""
    name = f"absent_{uuid.uuid4().hex[:10]}"
    yield server.with_database(name)
    maintenance = server.with_database("postgres")
    for made in psql(maintenance, f"SELECT datname FROM pg_database WHERE starts_with(datname, '{name}')").split():
        psql(maintenance, f'DROP DATABASE "{made}" WITH (FORCE)')


@pytest.fixture
def databases(server: Target, psql: Callable[..., str]) -> Callable[[str], list[str]]:
    """``databases(prefix)``: the databases whose names begin so."""

    def named(prefix: str) -> list[str]:
        sql = f"SELECT datname FROM pg_database WHERE starts_with(datname, '{prefix}') ORDER BY 1"
        return psql(server.with_database("postgres"), sql).split()

    return named


@pytest.fixture
def where_runs(server: Target, psql: Callable[..., str]) -> Callable[[str], str]:
    """``where_runs(text)``: the database of the session whose statement holds ``text``, "" where there is none."""

    def named(text: str) -> str:
        # Not those of psql, such as of the question before: a backend may end after its client has.
        sql = f"SELECT datname FROM pg_stat_activity WHERE query LIKE '%{text}%' AND application_name <> 'psql'"
        return psql(server.with_database("postgres"), sql)

    return named
