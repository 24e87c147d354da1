"""``confiture init --from-database`` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from confiture.config.dsn import to_uri

SHOP = "CREATE TABLE customers (id int PRIMARY KEY); CREATE VIEW names AS SELECT id FROM customers"


@pytest.fixture
def shop(database, psql):
    """A database with a table and a view."""
    psql(database, SHOP)
    return database


def test_an_environment_of_the_project_is_taken(shop, run_here, bare: Path) -> None:
    """With whatever else the project lacks; all that is there stays."""
    (bare / "db/environments").mkdir(parents=True)
    (bare / "db/environments/production.toml").write_text(f"database_url = '{to_uri(shop.params)}'\n")
    before = (bare / "confiture.toml").read_text()
    code, out, err = run_here("init", "--from-database", "--env", "production", cwd=bare)
    assert (code, err) == (0, "")
    assert out == (
        "  wrote  db/environments/local.toml\n"
        "  wrote  db/environments/test.toml\n"
        "  wrote  db/environments/production.toml.example\n"
        "  wrote  .gitignore\n"
        "  wrote  db/schema/10_tables/customers.sql\n"
        "  wrote  db/schema/20_views/names.sql\n"
        "  kept   confiture.toml\n"
        "\n"
        f"2 objects of {shop.database} in 2 files. Proved: a build of them gives the same database.\n"
        "Rows were not read: what every database needs of them, as in lookup tables, belongs into db/seeds/.\n"
        "\n"
        "Next:\n"
        "  confiture build         build it on a PostgreSQL of its own\n"
        "  confiture server psql   look at it\n"
    )
    assert (bare / "confiture.toml").read_text() == before


@pytest.mark.parametrize("option", [["--database-url"], []])
def test_a_url_names_the_database_and_is_not_written(option, shop, run_here, bare: Path) -> None:
    """It may hold a secret. `init --from-database URL` reads naturally, and means that."""
    url = to_uri({**shop.params, "password": "hunter2"}, password=True)
    code, out, err = run_here("init", "--from-database", *option, url, cwd=bare)
    assert (code, err) == (0, "")
    assert "The address was not written down" in out
    written = "".join(path.read_text() for path in bare.rglob("*") if path.is_file() and path.name != "confiture.toml")
    assert "hunter2" not in out + written
    assert shop.params["host"] not in written


def test_another_folder_is_made_with_the_settings_of_this_project(shop, run_here, bare: Path, tmp_path: Path) -> None:
    """As `init shop` does."""
    code, out, _ = run_here("init", "../new", "--from-database", "--database-url", to_uri(shop.params), cwd=bare)
    assert code == 0
    assert "  cd ../new\n" in out
    assert (tmp_path / "new/db/schema/10_tables/customers.sql").is_file()
    assert 'name = "new"' in (tmp_path / "new/confiture.toml").read_text()
    assert not (bare / "db").exists()


def test_the_folder_may_be_the_project(shop, run_here, bare: Path, tmp_path: Path) -> None:
    """Its environments are meant then, wherever one stands."""
    (bare / "db/environments").mkdir(parents=True)
    (bare / "db/environments/production.toml").write_text(f"database_url = '{to_uri(shop.params)}'\n")
    code, _, err = run_here("init", "shop", "--from-database", "--env", "production", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert (bare / "db/schema/10_tables/customers.sql").is_file()


def test_a_program_gets_the_same_facts(shop, run_here, bare: Path) -> None:
    """The numbers, the order, what was left out."""
    code, out, _ = run_here(
        "init", "--from-database", "--database-url", to_uri(shop.params), "--format", "json", cwd=bare
    )
    report = json.loads(out)
    assert code == 0
    assert report["adopted"].pop("seconds") > 0
    assert report["adopted"] == {
        "environment": "--database-url",
        "database": shop.database,
        "objects": 2,
        "schema_files": 2,
        "order": "alphabetical",
        "left_out": [],
        "roles": [],
        "unproved": [],
    }
    assert "db/schema/20_views/names.sql" in report["written"]


def test_a_database_must_be_named(run_here, bare: Path) -> None:
    """The environment `local` is nobody's choice, and empty at that."""
    code, _, err = run_here("init", "--from-database", cwd=bare)
    assert code == 2
    assert err.startswith("error: which database?\n  hint: name it: ")


@pytest.mark.parametrize("option", ["--env", "--config", "--database-url", "--project"])
def test_a_database_without_from_database_is_a_slip(option: str, run_here, tmp_path: Path) -> None:
    """A project with an example in it is not what was meant."""
    code, _, err = run_here("init", option, "x")
    assert code == 2
    assert "add --from-database" in err
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_not_there(shop, run_here, bare: Path) -> None:
    """No file is written."""
    url = to_uri(shop.with_database("no_such_database").params)
    code, _, err = run_here("init", "--from-database", "--database-url", url, cwd=bare)
    assert code == 5
    assert "no_such_database" in err
    assert [path.name for path in bare.iterdir()] == ["confiture.toml"]


def test_many_files_are_counted_by_folder(database, psql, run_here, bare: Path) -> None:
    """Nobody reads hundreds of names."""
    psql(database, "".join(f"CREATE TABLE t{number} ();" for number in range(40)) + "CREATE VIEW v AS SELECT 1 AS a")
    code, out, _ = run_here("init", "--from-database", "--database-url", to_uri(database.params), cwd=bare)
    assert code == 0
    assert (
        "  wrote  .gitignore\n  wrote  db/schema/10_tables/ (40 files)\n  wrote  db/schema/20_views/ (1 file)\n" in out
    )
