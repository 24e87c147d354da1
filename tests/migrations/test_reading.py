"""Migrations as they are found and read: what is recorded, where it is, and what is refused by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from confiture.config import Project
from confiture.errors import ConfitureError, Refused, SourceError, SourceUnreadable, SyntaxInvalid, UnsupportedScript
from confiture.migrations.finding import find_migrations, find_project_migrations
from confiture.migrations.loading import record_migration
from confiture.models.migration import Migration

HEAD = "from confiture.models.migration import Migration\n\n\n"


@pytest.fixture
def write(tmp_path):
    """``write(body)``: the migration ``001_x.py`` whose ``up`` is that; found and ready to be recorded."""

    def write(body: str, *, head: str = HEAD, more: str = "", method: str = "def up(self):"):
        lines = "".join(f"        {line}\n" if line else "\n" for line in body.split("\n"))
        text = f'{head}class X(Migration):\n    version = "001"\n    name = "x"\n\n    {method}\n{lines}{more}'
        return write_file(tmp_path, "001_x.py", text)

    return write


def write_file(folder: Path, name: str, text: str):
    (folder / name).write_text(text)
    return find_migrations(folder, "db/migrations")[-1]


def refused(file, match: str, kind: type[ConfitureError] = SourceError, direction: str = "up") -> ConfitureError:
    with pytest.raises(kind, match=match) as caught:
        record_migration(file, direction)
    assert caught.value.file == "db/migrations/001_x.py"
    return caught.value


# -- finding --------------------------------------------------------------------------------------------------------


def test_versions_compare_by_value(tmp_path):
    """Without zeros 10 would come before 2; times come after every count."""
    for name in ("10_c.py", "2_b.py", "001_a.up.sql", "20240101000000_d.py", "999_e.py"):
        (tmp_path / name).write_text("")
    found = find_migrations(tmp_path, "m")
    assert [one.version for one in found] == ["001", "2", "10", "999", "20240101000000"]
    assert [one.shown for one in found][:2] == ["m/001_a.up.sql", "m/2_b.py"]


def test_other_files_are_passed_over(tmp_path):
    for name in ("__init__.py", "README.md", "helpers.py", ".001_x.py", "001_x.py~", "001_x.md", "_002_draft.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "__pycache__").mkdir()
    assert find_migrations(tmp_path, "m") == []


@pytest.mark.parametrize("name", ["003-x.py", "003.py", "003_x.sql", "x.up.sql", "003_x.UP.SQL", "003_.py", "3x.py"])
def test_what_looks_like_a_migration_is_named(tmp_path, name):
    """Passing it over would leave it out of a deployment in silence."""
    (tmp_path / name).write_text("")
    with pytest.raises(SourceError, match="looks like a migration") as caught:
        find_migrations(tmp_path, "m")
    assert caught.value.file == f"m/{name}"
    assert "002_add_user_bio.py" in caught.value.hint


@pytest.mark.parametrize("names", [("001_a.py", "1_b.py"), ("001_a.py", "001_a.up.sql"), ("1_a.up.sql", "01_a.up.sql")])
def test_two_of_one_version_are_named(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("")
    with pytest.raises(SourceError, match="has the version of") as caught:
        find_migrations(tmp_path, "m")
    assert all(name in str(caught.value) for name in names)


def test_a_down_without_its_up(tmp_path):
    (tmp_path / "001_a.down.sql").write_text("")
    with pytest.raises(SourceError, match=r"m/001_a\.down\.sql: has no '001_a\.up\.sql' beside it"):
        find_migrations(tmp_path, "m")


def test_a_folder_named_like_a_migration(tmp_path):
    (tmp_path / "001_a.py").mkdir()
    with pytest.raises(SourceError, match="is no file"):
        find_migrations(tmp_path, "m")


def test_the_projects_folder(project):
    """The default may be missing; one that somebody names may not."""
    assert find_project_migrations(Project(project.root)) == []
    project.write("db/migrations/001_a.py", "")
    assert [one.shown for one in find_project_migrations(Project(project.root))] == ["db/migrations/001_a.py"]
    project.config('[migrations]\ndir = "changes"')
    with pytest.raises(SourceUnreadable, match="changes: does not exist") as caught:
        find_project_migrations(Project(project.root))
    assert "[migrations]" in caught.value.hint
    project.write("changes/002_b.py", "")
    assert [one.shown for one in find_project_migrations(Project(project.root))] == ["changes/002_b.py"]


# -- recording ------------------------------------------------------------------------------------------------------


def test_the_class_can_be_used_by_itself():
    """As the documentation shows it; a test of a project may do so."""

    class AddUserBio(Migration):
        version = "002"
        name = "add_user_bio"

        def __init__(self) -> None:
            pass

        def up(self) -> None:
            self.execute("ALTER TABLE users ADD COLUMN bio TEXT")
            self.execute("CREATE INDEX CONCURRENTLY i ON users (bio); CALL p()")
            self.execute("CALL p()", transactional=False)

    migration = AddUserBio()
    migration.up()
    assert [(one.kind, one.transactional) for one in migration.statements] == [
        ("AlterTableStmt", True),
        ("IndexStmt", False),
        ("CallStmt", True),
        ("CallStmt", False),
    ]
    assert migration.statements[0].origin.file == __file__


def test_importing_it_loads_nothing_heavy():
    """Migrations are imported by editors and tools, too."""
    code = "import sys, confiture.models.migration; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"asyncpg", "asyncio", "anyio", "postgast", "rich"} & set(loaded) == set()


def test_origins_point_into_the_file(write):
    """To the character, so that a position that the server tells is right, whatever was escaped or indented."""
    file = write(
        'self.execute("SELECT 1; SELECT \\"a\\\\\\\\\\"")\n'
        'self.execute("""\n    ALTER TABLE users\n    RENAME COLUMN a TO b;\n\n    SELECT \'é\';  SELECT 3\n""")\n'
        'self.execute(\n    r"SELECT 4"\n)'
    )
    plan = record_migration(file)
    (source,) = plan.sources
    assert source.path == "db/migrations/001_x.py"
    lines = file.path.read_text().split("\n")
    assert len(source.sql.split("\n")) == len(lines)
    for statement in plan.statements:
        origin = statement.origin
        assert source.sql[origin.offset :].startswith(statement.sql)
        assert source.sql.count("\n", 0, origin.offset) + 1 == origin.line
        assert source.sql.split("\n")[origin.line - 1][origin.column - 1 :].startswith(statement.sql.split("\n")[0])
        assert statement.sql.split("\n")[0][:6] in lines[origin.line - 1]
    assert plan.statements[2].sql == "ALTER TABLE users\nRENAME COLUMN a TO b"
    assert [one.origin.line for one in plan.statements] == [9, 9, 11, 14, 14, 17]


def test_composed_statements_have_the_line_of_their_call(write):
    """Their text is nowhere in the file: no line of it is shown as if it were."""
    plan = record_migration(write('for table in ("a", "b"):\n    self.execute(f"DROP TABLE {table}")'))
    assert [(one.sql, one.origin.line) for one in plan.statements] == [("DROP TABLE a", 10), ("DROP TABLE b", 10)]
    assert plan.sources == ()


def test_the_body_of_a_function_is_left_alone(write):
    """Its spaces are a value: psql's \\sf shows them."""
    text = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n            SELECT 1\n        $$"
    plan = record_migration(write(f'self.execute("""\n        {text}\n""")'))
    assert plan.statements[0].sql == text.replace("\n", "\n        ")


def test_dataclasses_and_constants_may_be_there(write):
    """A migration is a module like others while it is read, and gone afterwards."""
    before = set(sys.modules)
    head = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        + HEAD
        + "class Base(Migration):\n    pass\n\n\n@dataclass\nclass T:\n    n: str\n\n\n"
    )
    file = write('self.execute(T("SELECT 1").n)', head=head)
    file.path.write_text(file.path.read_text().replace("class X(Migration)", "class X(Base)"))
    assert [one.sql for one in record_migration(file).statements] == ["SELECT 1"]
    assert set(sys.modules) - before <= {"dataclasses", "confiture.models.migration"}


def test_down_and_what_cannot_be_undone(write, tmp_path):
    file = write('self.execute("SELECT 1")', more='\n    def down(self):\n        self.execute("SELECT 2")\n')
    assert [one.sql for one in record_migration(file, "down").statements] == ["SELECT 2"]
    error = refused(write('self.execute("SELECT 1")'), "'001' cannot be undone", Refused, "down")
    assert "what 'up' does" in error.hint
    (tmp_path / "001_x.py").unlink()
    pair = write_file(tmp_path, "001_x.up.sql", "SELECT 1;")
    with pytest.raises(Refused, match=r"cannot be undone: there is no 'db/migrations/001_x\.down\.sql'"):
        record_migration(pair, "down")


def test_sql_pairs(tmp_path):
    (tmp_path / "001_x.down.sql").write_text("DROP TABLE t;")
    file = write_file(tmp_path, "001_x.up.sql", "CREATE TABLE t ();\nCREATE INDEX CONCURRENTLY i ON t (a);")
    up, down = record_migration(file), record_migration(file, "down")
    assert [(one.sql, one.transactional, one.origin.line) for one in up.statements] == [
        ("CREATE TABLE t ()", True, 1),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", False, 2),
    ]
    assert [(one.sql, one.origin.file) for one in down.statements] == [("DROP TABLE t", "db/migrations/001_x.down.sql")]


# -- what is refused ------------------------------------------------------------------------------------------------


def test_sql_that_is_none_points_into_the_file(write):
    """The line and the column of an editor."""
    error = refused(write('self.execute("""\n    SELECT 1;\n    SELEC 2\n""")'), "syntax error", SyntaxInvalid)
    assert (error.line, error.column, error.source_line) == (11, 13, "            SELEC 2")
    error = refused(write('self.execute("SELEC 1")'), "syntax error", SyntaxInvalid)
    assert (error.line, error.column) == (9, 23)
    error = refused(write('x = "SELEC 1"\nself.execute(x)'), "syntax error", SyntaxInvalid)
    assert (error.line, error.column) == (10, None)
    assert refused(write('self.execute("BEGIN")'), "transaction control", UnsupportedScript).line == 9


@pytest.mark.parametrize(("body", "match"), [("self.execute(1)", "not 'int'"), ('self.execute(" ; ")', "without a")])
def test_calls_that_make_no_sense(write, body, match):
    assert refused(write(body), match).line == 9


@pytest.mark.parametrize(
    ("head", "line", "match"),
    [
        ("x = (\n", 1, "not valid Python"),
        ("import nowhere\n", 1, "ModuleNotFoundError: No module named 'nowhere'"),
        ("import sys\nsys.exit(3)\n", 2, "it raised SystemExit: 3"),
        ("raise ValueError\n", 1, "it raised ValueError$"),
        ("def f():\n    1 / 0\n\nf()\n", 2, "ZeroDivisionError"),
        ("\nprint('hello')\n", 2, "it printed something"),
        ("import sys\nsys.stdout.write('x')\n", 2, "it printed something"),
    ],
)
def test_what_goes_wrong_at_import(write, capsys, head, line, match):
    """Named with its place, and nothing of it reaches the output that a program may be reading."""
    error = refused(write("pass", head=head + HEAD), match)
    assert error.line == line
    assert capsys.readouterr().out == ""


def test_what_goes_wrong_in_up(write, capsys):
    assert refused(write("x = {}\nx['a']"), r"up\(\) raised KeyError: 'a'").line == 10
    assert refused(write("print('hello')"), r"up\(\) printed something").line == 9
    assert capsys.readouterr().out == ""


def test_a_file_holds_one_migration(write, tmp_path):
    refused(write_file(tmp_path, "001_x.py", "x = 1\n"), "defines no migration")
    refused(write_file(tmp_path, "001_x.py", HEAD), "defines no migration")
    error = refused(write("pass", more="\n\nclass Y(Migration):\n    pass\n"), "several migrations: 'X', 'Y'")
    assert "one class" in error.hint


def test_the_version_is_that_of_the_name(write):
    """A copied file would else be recorded as what it was copied from."""
    file = write("pass")
    file.path.write_text(file.path.read_text().replace('"001"', '"002"'))
    assert refused(file, "has version = '002', and the file's name says '001'").line == 4
    file.path.write_text(file.path.read_text().replace('"002"', "1"))
    refused(file, "has version = 1, and")


def test_up_must_be_there_and_is_not_async(write):
    assert refused(write("pass", method="async def up(self):"), "is async").line == 8
    refused(write("pass", method="def sideways(self):"), "defines no method 'up'")


def test_a_file_that_is_not_utf8(tmp_path):
    (tmp_path / "001_x.py").write_bytes(b"x = 1\ny = '\xff'\n")
    assert refused(find_migrations(tmp_path, "db/migrations")[0], "is not UTF-8").line == 2


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_line_ends_of_other_systems(write, end):
    file = write('self.execute("""\n    SELECT 1,\n    2\n""")\nself.execute("SELEC")')
    file.path.write_bytes(file.path.read_bytes().replace(b"\n", end))
    assert refused(file, "syntax error").line == 13
    file.path.write_bytes(file.path.read_bytes().replace(b'SELEC"', b'SELECT"'))
    assert record_migration(file).sources
    assert [one.origin.line for one in record_migration(file).statements] == [10, 13]


def test_lines_that_are_not_those_of_the_file(write):
    """A line break that is written as one character, or a backslash that takes one away: the call's line is known."""
    plan = record_migration(write('self.execute("SELECT 1,\\n 2")\nself.execute("SELECT 3")'))
    assert [(one.sql, one.origin.line) for one in plan.statements] == [("SELECT 1,\n 2", 9), ("SELECT 3", 10)]
    assert plan.sources == ()
