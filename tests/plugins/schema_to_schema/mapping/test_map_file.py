"""The migration map: where it is looked for, what may stand in it, and what is said of a slip."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

from confiture.config import Environment
from confiture.errors import ConfigError
from confiture.kernel import Kernel
from confiture_schema_to_schema.mapping import read_map
from confiture_schema_to_schema.values import ColumnMap, LookupMap, MigrationMap, TableMap

MISSION = """\
# db/migration_map.yaml
tables:
  users:
    columns:
      # Rename column
      full_name: display_name

      # Transform data
      created_at:
        target: created_timestamp
        transform: "created_at AT TIME ZONE 'UTC'"

    # Custom transformation SQL
    custom_sql: |
      INSERT INTO production_new.users (id, display_name, created_timestamp)
      SELECT id, full_name, created_at AT TIME ZONE 'UTC'
      FROM old_schema.users
      WHERE deleted_at IS NULL
"""
WHOLE_YAML = """\
tables:
  shop.users:
    target: accounts
    columns:
      full_name: display_name
      created_at: {target: created_timestamp, transform: "created_at AT TIME ZONE 'UTC'"}
      mail: {transform: lower(mail)}
    drop: [fax, '"Fax 2"']
    defaults: {tier: "'free'", level: 0, active: true}
    filter: deleted_at IS NULL
    key: [id]
    lookups:
      city:
        table: cities
        on: city.id = users.city_id
        join: inner
        touch: "SELECT users.id FROM users JOIN changed c ON c.id = users.city_id"
    strategy: copy
    full_refresh: true
  customers:
    into:
      - target: people
      - target: '"Odd.Name"'
        filter: is_company
  posts:
drop: [old_audit]
"""
WHOLE_TOML = """\
drop = ["old_audit"]
[tables."shop.users"]
target = "accounts"
drop = ["fax", '"Fax 2"']
filter = "deleted_at IS NULL"
key = ["id"]
strategy = "copy"
full_refresh = true
[tables."shop.users".columns]
full_name = "display_name"
created_at = {target = "created_timestamp", transform = "created_at AT TIME ZONE 'UTC'"}
mail = {transform = "lower(mail)"}
[tables."shop.users".defaults]
tier = "'free'"
level = 0
active = true
[tables."shop.users".lookups.city]
table = "cities"
on = "city.id = users.city_id"
join = "inner"
touch = "SELECT users.id FROM users JOIN changed c ON c.id = users.city_id"
[[tables.customers.into]]
target = "people"
[[tables.customers.into]]
target = '"Odd.Name"'
filter = "is_company"
[tables.posts]
"""


@pytest.fixture
async def read(project):
    """``read(written)``: the map. No database is touched."""
    async with Kernel(project.root).run(environment=Environment(name="local")) as run:
        yield lambda written=None: read_map(run, written)


def refused(read, project, text: str, name: str = "map.yaml") -> ConfigError:
    """The error that a map is refused with."""
    project.write(name, text)
    with pytest.raises(ConfigError) as caught:
        read(name)
    return caught.value


@pytest.mark.anyio
async def test_the_missions_map_is_found_and_read_letter_for_letter(read, project) -> None:
    """As it stands, where it stands."""
    project.write("db/migration_map.yaml", MISSION)
    sql = yaml.safe_load(MISSION)["tables"]["users"]["custom_sql"]
    assert read() == MigrationMap(
        tables=(
            TableMap(
                source="users",
                columns={
                    "full_name": ColumnMap(target="display_name"),
                    "created_at": ColumnMap(target="created_timestamp", transform="created_at AT TIME ZONE 'UTC'"),
                },
                custom_sql=sql.strip(),
                path="tables.users",
                line=3,
            ),
        ),
        shown="db/migration_map.yaml",
    )


@pytest.mark.anyio
async def test_all_keys_are_read(read, project) -> None:
    """Each key of the format, a split, a table that stays as it is, and names that need quotes."""
    project.write("map.yaml", WHOLE_YAML)
    map_ = read("map.yaml")
    assert map_.tables[0] == TableMap(
        source="shop.users",
        target="accounts",
        columns={
            "full_name": ColumnMap(target="display_name"),
            "created_at": ColumnMap(target="created_timestamp", transform="created_at AT TIME ZONE 'UTC'"),
            "mail": ColumnMap(target="mail", transform="lower(mail)"),
        },
        drop=("fax", "Fax 2"),
        defaults={"tier": "'free'", "level": "0", "active": "true"},
        filter="deleted_at IS NULL",
        key=("id",),
        lookups={
            "city": LookupMap(
                table="cities",
                on="city.id = users.city_id",
                join="inner",
                touch="SELECT users.id FROM users JOIN changed c ON c.id = users.city_id",
            )
        },
        strategy="copy",
        full_refresh=True,
        path="tables.shop.users",
        line=2,
    )
    assert [(each.source, each.target, each.path, each.line) for each in map_.tables[1:]] == [
        ("customers", "people", "tables.customers.into[0]", 22),
        ("customers", '"Odd.Name"', "tables.customers.into[1]", 23),
        ("posts", None, "tables.posts", 25),
    ]
    assert map_.drop == ("old_audit",)


@pytest.mark.anyio
async def test_toml_says_the_same(read, project) -> None:
    """All but the lines, which TOML's reader does not give."""
    project.write("a.yaml", WHOLE_YAML)
    project.write("b.toml", WHOLE_TOML)
    assert tomllib.loads(WHOLE_TOML)["tables"]["posts"] == {}
    one, other = read("a.yaml"), read("b.toml")
    assert [TableMap(**{**_fields(each), "line": None}) for each in one.tables] == list(other.tables)
    assert one.drop == other.drop


def _fields(value: TableMap) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


@pytest.mark.anyio
async def test_where_the_map_is_looked_for(read, project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is named, here and then in the project; then the configured one; then the default ones; or none."""
    assert read() == MigrationMap()
    project.write("db/migration_map.toml", "drop = ['a']")
    assert read().shown == "db/migration_map.toml"
    project.write("db/migration_map.yml", "drop: [b]")
    assert read().shown == "db/migration_map.yml"
    project.write("db/other.yaml", "drop: [c]")
    project.config("[schema-to-schema]\nmapping = 'db/other.yaml'")
    async with Kernel(project.root).run(environment=Environment(name="local")) as run:
        assert read_map(run, None).drop == ("c",)
        assert read_map(run, "db/migration_map.yml").drop == ("b",)
        here = tmp_path / "elsewhere"
        (here / "db").mkdir(parents=True)
        (here / "db" / "other.yaml").write_text("drop: [d]")
        monkeypatch.chdir(here)
        assert read_map(run, "db/other.yaml").drop == ("d",)
    project.config("[schema-to-schema]\nmapping = 'db/gone.yaml'")
    async with Kernel(project.root).run(environment=Environment(name="local")) as run:
        with pytest.raises(ConfigError, match=r"'db/gone\.yaml', which \[schema-to-schema\] mapping names"):
            read_map(run, None)
    with pytest.raises(ConfigError, match=r"there is no migration map 'gone\.yaml'"):
        read("gone.yaml")


@pytest.mark.anyio
async def test_an_empty_file_is_an_empty_map(read, project) -> None:
    """What `map` writes where nothing has to be said, and what is left when somebody takes all of it out."""
    for text in ("", "tables:\n", "# nothing\n", "tables: {}\ndrop: []\n"):
        project.write("map.yaml", text)
        assert read("map.yaml") == MigrationMap(shown="map.yaml")


@pytest.mark.anyio
async def test_names_that_yaml_takes_for_values_are_names(read, project) -> None:
    """``on``, ``no`` and ``null`` are True, False and None to a reader of YAML, and 2024 is a number."""
    project.write("map.yaml", "tables: {no: {columns: {on: 'off', null: x, 2024: y}}}")
    (table,) = read("map.yaml").tables
    assert table.source == "no"
    assert {name: column and column.target for name, column in table.columns.items()} == {
        "on": "off", "null": "x", "2024": "y"
    }  # fmt: skip


@pytest.mark.anyio
async def test_names_of_columns_lose_their_quotes_and_keep_their_case(read, project) -> None:
    """``fullName`` of a map may be either column; aliases stand in SQL, which folds them. Tables are kept whole."""
    project.write(
        "map.yaml",
        """tables: {Users: {columns: {fullName: '"Full Name"', '"A""b.c"': X}, key: ['"Id"'], lookups: {
             City: {table: '"Cities"', on: City.id = x}, '"My C"': {table: c, on: '"My C".id = x'}}}}""",
    )
    (table,) = read("map.yaml").tables
    assert table.source == "Users"
    assert table.columns == {"fullName": ColumnMap(target="Full Name"), 'A"b.c': ColumnMap(target="X")}
    assert table.key == ("Id",)
    assert {name: lookup.table for name, lookup in table.lookups.items()} == {"city": '"Cities"', "My C": "c"}


@pytest.mark.anyio
async def test_null_drops_a_column(read, project) -> None:
    """As in ``drop``."""
    project.write("map.yaml", """tables: {users: {columns: {legacy: null}, drop: [legacy, fax, '"Fax"']}}""")
    (table,) = read("map.yaml").tables
    assert (table.columns, table.drop) == ({"legacy": None}, ("legacy", "fax", "Fax"))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("tabels: {}", 1, "unknown key 'tabels'", "did you mean 'tables'?"),
        ("tables:\n  users:\n    colums: {}", 3, "unknown key 'tables.users.colums'", "did you mean 'columns'?"),
        ("tables:\n  a:\n    into:\n    - target: b\n      filtr: x", 5, "'tables.a.into[0].filtr'", "'filter'"),
        ("tables:\n  public:\n    users: {target: a}", 3, "'tables.public.users'", '"public.users"'),
        ("tables: [users]", 1, "'tables': must have keys below it, not a list", "users: {target: accounts}"),
        ("tables:\n  users: accounts", 2, "'tables.users': must have keys below it, not a text", "the keys are"),
        ("tables:\n  a.b.c: {}", 2, "'a.b.c' is no table's name", "schema.users"),
        ("tables:\n  users: {}\n  Users: {}", 3, "is the same name as 'users'", "double quotes"),
        ("tables:\n  users: {}\n  users: {}", 3, "'tables.users' is written twice, first on line 2", None),
        ("tables:\n  users:\n    columns: {a: b, A: c}", 3, "is the same name as 'a'", "double quotes"),
        ("tables:\n  users:\n    columns: {users.a: b}", 3, "'users.a' is no column's name", "without its table"),
        ("tables:\n  users:\n    columns: {a: yes}", 3, "must be the new name in quotes", "old_name: new_name"),
        ("tables:\n  users:\n    columns: {a: {}}", 3, "'tables.users.columns.a': says nothing", "transform"),
        ("tables:\n  users:\n    columns: {a: {transform: ''}}", 3, "must be a text, not an empty text", "SQL"),
        ("tables:\n  users:\n    columns: {a: b}\n    drop: [a]", 4, "'a' is below 'columns' too", "take one out"),
        ("tables:\n  users:\n    drop: a", 3, "must be a list, not a text", "[one, two]"),
        ("tables:\n  users:\n    drop:\n    - a\n    - A", 5, "'A' is written twice", "take one"),
        ("tables:\n  users:\n    drop: [1]", 3, "'tables.users.drop[0]': must be a text, not a number", "column"),
        ("tables:\n  users:\n    full_refresh: 'yes'", 3, "must be true or false, not a text", "without quotes"),
        ("tables:\n  users:\n    defaults: {a: 2020-01-01}", 3, "must be a text, not a date", "quotes of its own"),
        ("tables:\n  a:\n    target: b\n    into: [{target: c}]", 3, "stands beside 'into'", "each of the entries"),
        ("tables:\n  a:\n    into: []", 3, "is empty", "'drop'"),
        ("tables:\n  a:\n    into:\n    - columns: {}", 4, "'tables.a.into[0]': has no 'target'", "people"),
        ("tables:\n  a:\n    lookups:\n      b: {table: c}", 4, "has no 'on'", "name.id"),
        ("tables:\n  a:\n    lookups:\n      b: {on: c}", 4, "has no 'table'", "name.id"),
        (
            "tables:\n  a:\n    lookups:\n      b: {table: c, on: d, join: rigth}", 4,
            "'rigth' is none of the choices", "left, inner",
        ),
        ("tables: {a: {}}\ndrop: [A]", 2, "'A' is below 'tables' too", "taken or dropped"),
        ("tables: {a: {filter: 2020-13-45}}", None, "is not valid YAML: month must be in 1..12", "in quotes"),
    ],
)  # fmt: skip
async def test_a_slip_is_told_with_file_line_and_path(read, project, text, line, message, hint) -> None:
    """Whatever it is: a file that half works would copy half of the data."""
    error = refused(read, project, text)
    assert (error.file, error.line) == ("map.yaml", line)
    assert message in error.message
    assert hint is None or hint in (error.hint or "")


@pytest.mark.anyio
async def test_a_schema_as_a_table_of_toml_is_explained(read, project) -> None:
    """``[tables.public.users]`` are two keys in TOML."""
    error = refused(read, project, "[tables.public.users]\ntarget = 'accounts'", "map.toml")
    assert "unknown key 'tables.public.users'" in error.message
    assert '"public.users"' in (error.hint or "")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("tables:\n  a:\n    filter: x IS NUL", 3, "'tables.a.filter': syntax error"),
        ("tables:\n  a:\n    filter: |\n      x = 1\n      AND\n      AND y", 6, "'tables.a.filter': syntax error"),
        ("tables:\n  a:\n    columns:\n      b: {target: c, transform: 'x, y'}", 4, "more than one expression"),
        ("tables:\n  a:\n    defaults: {b: '1; DROP TABLE x'}", 3, "it is no expression"),
        ("tables:\n  a:\n    lookups:\n      b:\n        table: c\n        on: b.id =", 6, "lookups.b.on': syntax"),
        ("tables:\n  a:\n    lookups:\n      b: {table: c, on: d, touch: DELETE FROM x}", 4, "it is no SELECT"),
        ("tables:\n  a:\n    custom_sql: |\n      INSERT INTO b\n      SELECT x FORM y z", 5, "syntax error"),
        ("tables:\n  a:\n    custom_sql: SELECT 1", 3, "'tables.a.custom_sql': it is no INSERT"),
        ("tables:\n  a:\n    into:\n    - target: b\n      filter: '1 +'", 5, "'tables.a.into[0].filter': syntax"),
    ],
)
async def test_sql_that_is_none_is_told_with_file_line_and_path(read, project, text, line, message) -> None:
    """Of a block the line within it: a statement of thirty lines has thirty places to look at."""
    error = refused(read, project, text)
    assert (error.file, error.line) == ("map.yaml", line)
    assert message in error.message


@pytest.mark.anyio
async def test_references_to_the_environment_are_no_part_of_a_map(read, project) -> None:
    """``${`` is SQL's own: a text of a user."""
    project.write("map.yaml", "tables: {a: {filter: \"x = '${HOME}'\"}}")
    assert read("map.yaml").tables[0].filter == "x = '${HOME}'"


@pytest.mark.anyio
async def test_an_anchor_of_yaml_may_be_used_again(read, project) -> None:
    """And one that holds itself does not go round for ever."""
    project.write("map.yaml", "tables:\n  a: &it\n    drop: [x]\n  b: *it\n  c:\n    <<: *it\n    filter: y")
    assert [(each.source, each.drop, each.filter) for each in read("map.yaml").tables] == [
        ("a", ("x",), None), ("b", ("x",), None), ("c", ("x",), "y")
    ]  # fmt: skip
    refused(read, project, "tables: &it\n  a: *it")
