"""The first map: what the differ is sure of is in it, and the rest is left to somebody, in the right place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import pytest

from confiture.errors import Refused, UsageError
from confiture.transfer import reading
from confiture_schema_to_schema.cataloguing import read_catalog
from confiture_schema_to_schema.compiling import compile_map
from confiture_schema_to_schema.mapping import read_map
from confiture_schema_to_schema.model import Finding, MapReport
from confiture_schema_to_schema.values import ColumnMap, MigrationMap, TableMap

OLD = """
CREATE TABLE users (id bigint PRIMARY KEY, full_name text NOT NULL, mail text, fax text, age text, city_id int);
CREATE UNIQUE INDEX users_full_name ON users (full_name);
CREATE TABLE cities (id int PRIMARY KEY, name text);
CREATE TABLE old_audit (at timestamptz, what text);
CREATE TABLE lines (line text);
"""
NEW = """
CREATE TABLE users (id bigint PRIMARY KEY, display_name text NOT NULL, mail text, age int, city_id bigint,
  tier text NOT NULL, level int NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX users_display_name ON users (display_name);
CREATE TABLE cities (id int PRIMARY KEY, name text);
CREATE TABLE plans (id int PRIMARY KEY);
CREATE TABLE lines (line text);
"""
HEAD = """\
# From production to production_new.
# Tables and columns that are not named here go to those of the same name.
# Lines that begin with # and no blank are proposals: take the # of one away, where that is what you want.
"""
YAML = (
    HEAD
    + """\
# New tables that no old one fills: plans
tables:
  lines:
    # It has no key: it is copied whole whenever it changes. With a primary key it would be followed row by row
    full_refresh: true
  users:
    columns:
      full_name: display_name
      # users.age: text becomes integer only where that is asked for; write a transform
      #age: {target: age, transform: CAST("age" AS integer)}
    drop:
      # users.fax is gone: drop it, or name below 'columns' the new column that takes it (there: tier, level)
      #- fax
    defaults:
      # users.tier (text) is new, NOT NULL, and has no default: write SQL that gives its values
      #tier: '...'
drop:
  # old_audit is gone: drop it, or write below 'tables' which new table takes its rows
  #- old_audit
"""
)
TOML = (
    HEAD
    + """\
# New tables that no old one fills: plans
drop = [
  # old_audit is gone: drop it, or write below 'tables' which new table takes its rows
  #"old_audit",
]

[tables.lines]
# It has no key: it is copied whole whenever it changes. With a primary key it would be followed row by row
full_refresh = true

[tables.users]
drop = [
  # users.fax is gone: drop it, or name below 'columns' the new column that takes it (there: tier, level)
  #"fax",
]
[tables.users.columns]
full_name = "display_name"
# users.age: text becomes integer only where that is asked for; write a transform
#age = {target = "age", transform = "CAST(\\"age\\" AS integer)"}
[tables.users.defaults]
# users.tier (text) is new, NOT NULL, and has no default: write SQL that gives its values
#tier = "..."
"""
)


class Written(msgspec.Struct):
    """What a pair came to: the report, and the map as it is read again."""

    report: MapReport
    map: MigrationMap

    @property
    def text(self) -> str:
        """The file, without its head."""
        return self.report.text.removeprefix(HEAD)


@pytest.fixture
def pair(project, new_database, psql, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """``pair(old, new)`` makes both databases. The project's folder is the one that commands are run in."""
    monkeypatch.chdir(project.root)

    def make(old: str, new: str) -> None:
        for name, sql in (("production", old), ("production_new", new)):
            target = new_database()
            psql(target, sql)
            project.environment_for(target, name)

    return make


@pytest.fixture
def write(project, kernel_run) -> Callable[..., Awaitable[Written]]:
    """``write(**request)``: the map of the pair."""

    async def run(**values: object) -> Written:
        async with kernel_run(project) as run:
            report = await run.start("schema-to-schema-map", **values)
            assert (project.root / report.path).read_text() == report.text
            return Written(report, read_map(run, report.path))

    return run


@pytest.fixture
def findings(project, kernel_run) -> Callable[[MigrationMap], Awaitable[list[Finding]]]:
    """``findings(map)``: the errors of the compiled map."""

    async def compile_(map_: MigrationMap) -> list[Finding]:
        async with kernel_run(project) as run:
            source, target = await run.target("production"), await run.target("production_new")
            async with reading(run, source) as left, reading(run, target) as right:
                old = await read_catalog(left, own_schema="confiture")
                new = await read_catalog(right, own_schema="confiture")
                _, found = await compile_map(left, right, old, new, map_)
        return [each for each in found if each.level == "error"]

    return compile_


def decided(text: str) -> str:
    """The text with all proposals taken."""
    lines = text.splitlines()
    return "\n".join(
        line if line.lstrip().startswith("# ") else line.replace("#", "", line.lstrip().startswith("#"))
        for line in lines
    )


@pytest.mark.anyio
async def test_a_map_of_a_real_pair(pair, write, project) -> None:
    """A rename is written, and each thing to decide stands as a comment where the decision belongs."""
    pair(OLD, NEW)
    found = await write()
    assert found.report.text == YAML
    assert (found.report.path, found.report.renames) == ("db/migration_map.yaml", 1)
    assert [text.partition(" ")[0] for text in found.report.open] == [
        "old_audit", "users.age:", "users.fax", "users.tier"
    ]  # fmt: skip
    expected = TableMap(
        source="users", columns={"full_name": ColumnMap(target="display_name")}, path="tables.users", line=9
    )
    keyless = TableMap(source="lines", full_refresh=True, path="tables.lines", line=6)
    assert found.map == MigrationMap(tables=(keyless, expected), shown="db/migration_map.yaml")
    found = await write(output="db/map.toml")
    assert found.report.text == TOML
    assert found.map.tables == tuple(msgspec.structs.replace(each, line=None) for each in (keyless, expected))


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["map.yaml", "map.toml"])
async def test_what_is_proposed_is_a_map(pair, write, findings, project, kernel_run, name: str) -> None:
    """Take away the ``#``, and put SQL in the place of the dots: both formats say the same."""
    pair(OLD, NEW)
    found = await write(output=name)
    project.write(name, decided(found.report.text).replace("'...'", "\"'free'\"").replace('"..."', "\"'free'\""))
    async with kernel_run(project) as run:
        map_ = read_map(run, name)
    assert map_.drop == ("old_audit",)
    keyless, table = map_.tables
    assert (keyless.source, keyless.full_refresh) == ("lines", True)
    assert table.columns == {
        "full_name": ColumnMap(target="display_name"),
        "age": ColumnMap(target="age", transform='CAST("age" AS integer)'),
    }
    assert (table.drop, table.defaults) == (("fax",), {"tier": "'free'"})
    assert {each.check for each in await findings(found.map)} == {"unmapped", "unfilled"}
    assert await findings(map_) == []


@pytest.mark.anyio
async def test_the_columns_of_a_renamed_table_are_compared(pair, write) -> None:
    """Also where a foreign key, an index and a type have new names in the same step."""
    pair(
        """CREATE TYPE mood AS ENUM ('sad', 'ok');
           CREATE TABLE customers (id bigint PRIMARY KEY, full_name text NOT NULL, street text, feels mood);
           CREATE INDEX customers_name ON customers (full_name);
           CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers)""",
        """CREATE TYPE feeling AS ENUM ('sad', 'ok');
           CREATE TABLE clients (id bigint PRIMARY KEY, display_name text NOT NULL, street text, feels feeling);
           CREATE INDEX clients_name ON clients (display_name);
           CREATE TABLE orders (id bigint PRIMARY KEY, client_id bigint NOT NULL REFERENCES clients)""",
    )
    found = await write(renames={"customers": "clients"})
    assert found.report.open == ()
    assert {each.source: (each.target, dict(each.columns)) for each in found.map.tables} == {
        "customers": ("clients", {"full_name": ColumnMap(target="display_name")}),
        "orders": (None, {"customer_id": ColumnMap(target="client_id")}),
    }
    assert found.report.renames == 3


@pytest.mark.anyio
async def test_a_schema_may_be_another_one(pair, write) -> None:
    """Its tables are written with it on both sides."""
    pair(
        "CREATE SCHEMA app; CREATE TABLE app.users (id int PRIMARY KEY, full_name text NOT NULL)",
        "CREATE SCHEMA shop; CREATE TABLE shop.users (id int PRIMARY KEY, display_name text NOT NULL)",
    )
    found = await write(renames={"app": "shop", "app.users.full_name": "display_name"})
    assert [(each.source, each.target, dict(each.columns)) for each in found.map.tables] == [
        ("app.users", "shop.users", {"full_name": ColumnMap(target="display_name")})
    ]


@pytest.mark.anyio
async def test_what_may_be_a_rename_is_asked(pair, write) -> None:
    """With each that it may be; a decision on the command line is written."""
    book = "CREATE TABLE {} (id int, isbn text, title text, pages int);"
    user = "CREATE TABLE t (id int PRIMARY KEY, {} created timestamptz NOT NULL DEFAULT now());"
    pair(
        book.format("books") + user.format("name text,"),
        book.format("novels") + book.format("comics") + user.format("legal_name text, short_name text,"),
    )
    found = await write()
    assert found.map.tables[0].columns == {}
    lines = [line.strip() for line in found.text.splitlines()]
    assert {"#name: legal_name", "#name: short_name", "#- name", "#- books"} <= set(lines)
    column, table = found.report.open[1], found.report.open[0]
    assert column.startswith("t.name is gone: it may be ")
    assert "short_name (" in column
    assert table.startswith("books is gone: it may be ")
    assert "--rename books=" in table
    decisions = {"t.name": "legal_name", "books": "comics"}
    found = await write(renames=decisions, force=True)
    assert found.report.open == ()
    assert {each.source: (each.target, dict(each.columns)) for each in found.map.tables} == {
        "books": ("comics", {}),
        "t": (None, {"name": ColumnMap(target="legal_name")}),
    }
    with pytest.raises(UsageError, match="nope"):
        await write(renames={"t.nope": "neither"}, force=True)


@pytest.mark.anyio
async def test_drops_are_written_where_something_is_gone(pair, write) -> None:
    """By name or by pattern; one that drops nothing is a slip."""
    pair(
        "CREATE TABLE t (id int PRIMARY KEY, a jsonb, b jsonb); CREATE TABLE log1 (x point); CREATE TABLE log2 (y box)",
        "CREATE TABLE t (id int PRIMARY KEY)",
    )
    found = await write(drops=("public.t.a", "t.b", "log*"))
    assert found.map.drop == ("log1", "log2")
    assert found.map.tables[0].drop == ("a", "b")
    assert found.report.open == ()
    with pytest.raises(UsageError, match=r"'t\.id': nothing of that name is gone"):
        await write(drops=("t.id",), force=True)


@pytest.mark.anyio
async def test_types_that_need_a_transform(pair, write, findings, project, kernel_run) -> None:
    """Those that PostgreSQL casts on its own when a row is written, or whose texts are read anew, need none."""
    pair(
        """CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'old'); CREATE TYPE kept AS ENUM ('a');
           CREATE TYPE gone AS (x int); CREATE DOMAIN little AS int; CREATE TYPE loose AS ENUM ('x');
           CREATE TABLE t (id int PRIMARY KEY, a int, b text, c mood, d kept, e varchar(50), f double precision,
             g int GENERATED ALWAYS AS IDENTITY, h text, i jsonb, j gone, k kept, l text[],
             m little, n loose, o loose, p point, q int, r point)""",
        """CREATE TYPE mood AS ENUM ('sad', 'it''s ok'); CREATE TYPE kept AS ENUM ('a', 'b');
           CREATE DOMAIN small AS int CHECK (VALUE < 10); CREATE TYPE fresh AS ENUM ('z');
           CREATE TABLE t (id bigint PRIMARY KEY, a small, b date, c mood, d text, e varchar(20), f numeric(10,2),
             g bigint GENERATED ALWAYS AS IDENTITY, h kept, i int[], j jsonb, k kept, l int[],
             m bigint, n text, o boolean, p circle, q boolean, r fresh)""",
    )
    found = await write()
    refused = {each.message.partition("'")[2].partition("'")[0] for each in await findings(found.map)}
    assert refused == {
        "b",
        "i",
        "j",
        "l",
        "o",
        "p",
        "q",
        "r",
    }  # by the compiler; labels are missed when rows are looked at
    texts = {text.partition(":")[0]: text for text in found.report.open}
    assert set(texts) == {"t.b", "t.c", "t.i", "t.j", "t.l", "t.o", "t.p", "t.q", "t.r"}
    assert "no label 'old' any more" in texts["t.c"]
    lines = [line.strip() for line in found.text.splitlines()]
    assert '#b: {target: b, transform: CAST("b" AS date)}' in lines
    assert '#q: {target: q, transform: CAST("q" AS boolean)}' in lines
    assert '#r: {target: r, transform: CAST("r" AS text)}' in lines  # read from its text over there
    assert any("#c: " in line and "WHEN 'old' THEN ... ELSE" in line.replace("''", "'") for line in lines)
    project.write("all.yaml", decided(found.report.text).replace("...", "'ok'").replace("''ok''", "''sad''"))
    async with kernel_run(project) as run:
        assert await findings(read_map(run, "all.yaml")) == []
    assert any(line.startswith("#i: ") and 'CAST(CAST("i" AS text) AS integer[])' in line for line in lines)


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["map.yaml", "map.toml"])
async def test_odd_names_come_back(pair, write, project, kernel_run, name: str) -> None:
    """Quotes, dots, upper case, line breaks, YAML's own words, and 63 bytes."""
    names = ["Mixed Case", 'a"b', "with.dot", "on", "null", "1st", "zwei\nZeilen", "é" * 31, "a: b # c", "'single'"]
    columns = ", ".join('"' + each.replace('"', '""') + '" xml' for each in names)
    pair(
        f'CREATE SCHEMA "O.dd"; CREATE TABLE "O.dd"."My ""T""" (id int PRIMARY KEY, {columns});'
        ' CREATE TABLE "Gone\nby" (x box)',
        'CREATE SCHEMA "O.dd"; CREATE TABLE "O.dd"."My ""T""" (id int PRIMARY KEY)',
    )
    found = await write(output=name)
    assert len(found.report.open) == len(names) + 1
    project.write(name, decided(found.report.text))
    async with kernel_run(project) as run:
        map_ = read_map(run, name)
    (table,) = map_.tables
    assert table.source == '"O.dd"."My ""T"""'
    assert list(table.drop) == names
    assert map_.drop == ('"Gone\nby"',)


@pytest.mark.anyio
async def test_partitions_are_their_tables_business(pair, write) -> None:
    """One that is gone is nothing to decide."""
    old = "CREATE TABLE e (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
    pair(old + "CREATE TABLE e_1 PARTITION OF e DEFAULT", old + "CREATE TABLE e_2 PARTITION OF e DEFAULT")
    found = await write()
    assert (found.text, found.report.open) == ("tables:\n", ())
    assert found.map == MigrationMap(shown="db/migration_map.yaml")


@pytest.mark.anyio
async def test_a_map_that_is_there_is_kept_unless_forced(pair, write, project) -> None:
    """Wherever a run would look for it: somebody wrote it."""
    pair("CREATE TABLE a (x int)", "CREATE TABLE a (x int)")
    project.write("db/migration_map.toml", "# mine\n")
    with pytest.raises(Refused, match=r"already: 'db/migration_map\.toml'") as caught:
        await write()
    assert "--force" in (caught.value.hint or "")
    assert (project.root / "db/migration_map.toml").read_text() == "# mine\n"
    assert (await write(force=True)).report.path == "db/migration_map.toml"
    assert not (project.root / "db/migration_map.yaml").exists()
    project.config("[schema-to-schema]\nmapping = 'maps/ours.yaml'")
    assert (await write()).report.path == "maps/ours.yaml"
    assert (await write(mapping="theirs.yml")).report.path == "theirs.yml"
    with pytest.raises(UsageError, match=r"'map\.json' is neither"):
        await write(output="map.json")


@pytest.mark.anyio
async def test_the_new_schema_may_be_files_alone(pair, write, project, psql, new_database) -> None:
    """Where the new database is not there yet, or empty."""
    pair("CREATE TABLE users (id int PRIMARY KEY, full_name text NOT NULL)", "")
    project.schema("users.sql", "CREATE TABLE users (id int PRIMARY KEY, display_name text NOT NULL);")
    found = await write(renames={"users.full_name": "display_name"})
    assert found.map.tables[0].columns == {"full_name": ColumnMap(target="display_name")}
