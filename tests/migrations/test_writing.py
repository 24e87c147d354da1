"""Migrations as they are written: in the documented form, and saying exactly what they were given."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confiture.errors import UsageError
from confiture.migrations.backfill import backfill_statement
from confiture.migrations.finding import find_migrations
from confiture.migrations.loading import load_class, read_migration, record_class, record_migration
from confiture.migrations.naming import class_name, snake_case
from confiture.migrations.rendering import render
from confiture.migrations.writing import write_migration, write_sql_pair
from confiture.model import Effects, Hazard, SourceFile, Statement
from confiture.sql import read_file

MISSION = '''"""Migration: add_user_bio

Version: 002
"""

from confiture.models.migration import Migration


class AddUserBio(Migration):
    """Migration: add_user_bio."""

    version = "002"
    name = "add_user_bio"

    def up(self) -> None:
        """Apply migration."""
        self.execute("ALTER TABLE users ADD COLUMN bio TEXT")

    def down(self) -> None:
        """Rollback migration."""
        self.execute("ALTER TABLE users DROP COLUMN bio")
'''


def read(sql: str) -> list[Statement]:
    return read_file(SourceFile("given.sql", sql))


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def contents(statements):
    return [(one.sql, one.transactional, one.copy_data) for one in statements]


def test_the_form_of_the_documentation(tmp_path):
    """Letter for letter."""
    (tmp_path / "001_first.py").write_text("")
    path = write_migration(
        tmp_path,
        "add_user_bio",
        read("ALTER TABLE users ADD COLUMN bio TEXT"),
        read("ALTER TABLE users DROP COLUMN bio"),
    )
    assert path == tmp_path / "002_add_user_bio.py"
    assert path.read_text() == MISSION


def test_statements_of_several_lines_are_indented(tmp_path):
    """As in the documentation's rename; read back, they are what they were."""
    sql = "ALTER TABLE users\nRENAME COLUMN full_name TO display_name"
    path = write_migration(tmp_path, "rename", read(sql), None)
    assert '''
        self.execute("""
            ALTER TABLE users
            RENAME COLUMN full_name TO display_name
        """)
''' in path.read_text()
    assert [one.sql for one in record_migration(find_migrations(tmp_path, "m")[0]).statements] == [sql]


FUNCTION = '''CREATE FUNCTION f(a text) RETURNS text LANGUAGE plpgsql AS $body$
  BEGIN
\t-- a "tab", \\backslashes\\n and \'\'\'quotes\'\'\' and \\"""triple ones"""

    RETURN E'\\n' || a;
END$body$'''

SAMPLES = {
    "function": FUNCTION,
    "quotes": """INSERT INTO t VALUES ('it''s "quoted"', E'\\\\ \\n', '\"\"\"', '\\', "a""b")""",
    "ends in a quote": 'ALTER TABLE t RENAME TO "T"',
    "ends in three": 'SELECT 1\nAS """"',
    "identifiers": 'ALTER TABLE "User" ADD COLUMN "Straße" text',
    "long": "ALTER TABLE t ADD CONSTRAINT c CHECK (" + " OR ".join(f"a = {n}" for n in range(40)) + ")",
    "several lines": "CREATE TABLE t (\n    a int,\n\n    b text DEFAULT 'x'\n)",
    "spaces in lines": "SELECT 1,\n   \n  2",
    "string over lines": "COMMENT ON TABLE t IS 'one\n    two\n  three'",
    "comment over lines": "SELECT 1 /* one\n   two */",
    "ends in a comment": "SELECT 1 -- and no more",
    "ends in a comment, second line": "SELECT 1,\n  2 -- and no more",
    "carriage returns": "CREATE VIEW v AS\r\nSELECT '\r\n'",
    "controls": "SELECT '\x01\x7f\u2028\ufeff\u200b\U000e0001', 'é日本😀'",
    "tab": "SELECT\t1",
    "concurrently": "CREATE INDEX CONCURRENTLY i ON t (a)",
    "commits": "DO $$\nBEGIN\n  UPDATE t SET a = 1;\n  COMMIT;\nEND\n$$",
    "dollar": "SELECT $a$ $b$ ''' $b$ $a$",
    "backslash at the end of a line": "SELECT '\\\n', 1",
    "braces and percents": "SELECT '{x}' || '%s' || '\\N{BULLET}'",
    "copy": 'COPY t (a, b) FROM stdin;\n1\t\\N\n  2\tx"""\n\\.\n',
    "copy of numbers": "COPY t (a) FROM stdin;\n  1\n  2\n\\.\n",
    "two": "SELECT 1; SELECT 2",
}


@pytest.mark.parametrize("sql", SAMPLES.values(), ids=SAMPLES)
@pytest.mark.parametrize("write", [write_migration, write_sql_pair])
def test_any_statement_comes_back(tmp_path, sql, write):
    """To the character: a function's body is a value."""
    up, down = read(sql), read(sql + "\n;SELECT 2" if not sql.startswith("COPY") else sql)
    write(tmp_path, "x", up, down)
    (file,) = find_migrations(tmp_path, "m")
    assert contents(record_migration(file, "up").statements) == contents(up)
    assert contents(record_migration(file, "down").statements) == contents(down)


def test_the_body_of_a_function_is_not_indented(tmp_path):
    """A person who copies it out of the migration gets what is in the schema."""
    sql = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n  SELECT 1\n$$"
    assert f'self.execute("""\n{sql}\n""")' in write_migration(tmp_path, "f", read(sql), None).read_text()


@pytest.mark.parametrize("width", [88, 120])
def test_a_formatter_changes_nothing(tmp_path, width):
    """Else the first commit hook would change a migration that was proved."""
    statements = [statement for sql in SAMPLES.values() for statement in read(sql)]
    statements.append(Statement(sql="CALL p()", transactional=False))
    statements.append(Statement(sql="CALL p(\n  1,\n  2\n)", transactional=False, hazards=(Hazard("a", "b " * 60),)))
    statements.append(backfill_statement("users", "bio = ''", "bio IS NULL", 100))
    statements.append(backfill_statement("users", "bio = username || '@example.com'", "bio IS NULL", 100))
    statements.append(backfill_statement("users", "bio = username || '@example.com'", "bio = '" + "x" * 50 + "'", 1))
    path = write_migration(tmp_path, "all", statements, [], docstring_notes={"Context": ["why " * 40, "b\\n"]})
    ruff = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", str(width), "--diff", str(path)]
    done = subprocess.run(ruff, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")))
def test_any_text_comes_back(text):
    """In a string, a quoted name's comment and a function's body."""
    literal = "'" + text.replace("'", "''") + "'"
    tag = "$" + "q" * (1 + max((len(part) for part in text.split("$")), default=0)) + "$"
    statements = [Statement(sql=f"SELECT {literal}"), Statement(sql=f"SELECT\n  1,\n {tag}{text}{tag}")]
    source = SourceFile("m.py", render("001", "x", statements, None, {}))
    class_ = load_class(source, "001")
    assert [one.sql for one in record_class(class_, source, "up").statements] == [one.sql for one in statements]


def test_notes_hazards_and_what_runs_alone(tmp_path):
    """A reviewer reads the file, not the terminal that it was written from."""
    up = [
        Statement(sql="DROP TABLE t", kind="DropStmt", hazards=(Hazard("deletes-data", 'table "t" has\nrows'),)),
        *read("CREATE INDEX CONCURRENTLY i ON u (a)"),
    ]
    down = [Statement(sql="DROP INDEX i", hazards=(Hazard("slows-queries", "the index is gone"),))]
    notes = {"Context": ['a """quoted""" \\ reason']}
    path = write_migration(tmp_path, "drop t", up, down, docstring_notes=notes)
    scope: dict = {}
    exec(path.read_text(), scope)
    assert scope["__doc__"] == (
        'Migration: drop_t\n\nVersion: 001\n\nContext:\n  - a """quoted""" \\ reason\n\nHazards:\n'
        '  - deletes-data: table "t" has rows\n\nDeployment:\n  - 1 of 2 statements run outside of a transaction\n'
        "  - Rollback, slows-queries: the index is gone\n"
    )
    assert '  # Hazard deletes-data: table "t" has rows\n        self.execute("DROP TABLE t")\n' in path.read_text()
    assert "        # Outside of a transaction.\n        self.execute(" in path.read_text()


@pytest.mark.parametrize(("up", "down", "loses"), [
    ("ALTER TABLE users ADD bio text", "ALTER TABLE users DROP bio", False),
    ("CREATE TABLE a (id int)", "DROP TABLE a", False),
    ("DROP TABLE a", "CREATE TABLE a (id int)", False),
    ("SELECT 1", "DROP TABLE a", True),
    ("ALTER TABLE a RENAME TO b", "DROP TABLE b", True),
    ("ALTER TABLE a ALTER n TYPE numeric(12, 4)", "ALTER TABLE a ALTER n TYPE numeric(10, 2)", True),
])  # fmt: skip
def test_a_way_back_that_loses_data_says_so(tmp_path, up, down, loses):
    """So that it runs as it stands; an up does not say so, and asks."""
    write_migration(tmp_path, "a", read(up), read(down))
    write_sql_pair(tmp_path, "b", read(up), read(down))
    for file in find_migrations(tmp_path, "m"):
        assert read_migration(file).declares_loss("down") == loses
        assert not read_migration(file).declares_loss("up")
    assert ('    loses_data = ("down",)\n' in (tmp_path / "001_a.py").read_text()) == loses


def test_what_is_known_of_a_statement_counts_for_a_way_back(tmp_path):
    """The plan of a diff knows the types."""
    (statement,) = read("ALTER TABLE a ALTER n TYPE bigint")
    known = msgspec.structs.replace(statement, effects=Effects(rewrites=True))
    assert "loses_data" not in write_migration(tmp_path, "a", read("SELECT 1"), [known]).read_text()


def test_the_sql_pair_is_plain_sql(tmp_path, database, psql):
    """psql runs it as it stands."""
    hazard = Hazard("takes-lock", "of\nt")
    up = [
        *read("CREATE TABLE t (a int); COPY t FROM stdin;\n1\n2\n\\.\n"),
        Statement(sql="SELECT 1 -- end", hazards=(hazard,)),
        *read("CREATE INDEX CONCURRENTLY i ON t (a)"),
    ]
    up_path, down_path = write_sql_pair(tmp_path, "make t", up, read("DROP TABLE t"))
    assert (up_path.name, down_path.name) == ("001_make_t.up.sql", "001_make_t.down.sql")
    assert up_path.read_text().startswith("-- Migration: make_t\n-- Version: 001\n--\n-- Hazards:\n")
    assert "\n-- Hazard takes-lock: of t\nSELECT 1 -- end\n;\n" in up_path.read_text()
    psql(database, up_path.read_text())
    assert psql(database, "SELECT sum(a) FROM t") == "3"
    psql(database, down_path.read_text())
    assert psql(database, "SELECT to_regclass('t') IS NULL") == "t"
    assert write_sql_pair(tmp_path, "other", up[:1], None)[1] is None
    assert names(tmp_path) == ["001_make_t.down.sql", "001_make_t.up.sql", "002_other.up.sql"]


def test_plain_sql_cannot_say_everything(tmp_path):
    """What a procedure does is not in the text of its CALL."""
    with pytest.raises(UsageError, match="outside of a transaction: CALL p") as caught:
        write_sql_pair(tmp_path, "x", [Statement(sql="CALL p()", transactional=False)], None)
    assert "Python" in caught.value.hint
    assert names(tmp_path) == []
    write_migration(tmp_path, "x", [Statement(sql="CALL p()", transactional=False)], None)
    (statement,) = record_migration(find_migrations(tmp_path, "m")[0]).statements
    assert statement.transactional is False


def test_a_backfill_is_written_as_one(tmp_path):
    """Not as the block that it becomes."""
    backfill = backfill_statement("users", "bio = ''", "bio IS NULL", 500)
    path = write_migration(tmp_path, "fill", [backfill], None)
    assert 'self.backfill("users", set="bio = \'\'", where="bio IS NULL", batch_rows=500)' in path.read_text()
    (read_back,) = record_migration(find_migrations(tmp_path, "m")[0]).statements
    assert (type(read_back), read_back.sql) == (type(backfill), backfill.sql)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ([], "001"),
        (["001_a.py", "002_b.up.sql"], "003"),
        (["001_a.py", "9_b.py"], "010"),
        (["0007_a.py"], "0008"),
        (["999_a.py"], "1000"),
    ],
)
def test_the_next_number(tmp_path, there, expected):
    for name in there:
        (tmp_path / name).write_text("")
    assert write_migration(tmp_path, "x", [], None).name == f"{expected}_x.py"


def test_times_are_followed_by_a_time(tmp_path):
    """A count would stand before them; one of the future is counted on from."""
    (tmp_path / "20200101000000_a.py").write_text("")
    second = write_migration(tmp_path, "b", [], None)
    assert second.name.removesuffix("_b.py") > "20260101000000"
    (tmp_path / "99990101000000_c.py").write_text("")
    assert write_migration(tmp_path, "d", [], None).name == "99990101000001_d.py"


def test_what_is_taken_is_not_written_over(tmp_path):
    """Neither a version, whatever its zeros, nor a name."""
    path = write_migration(tmp_path, "a", [], [], version="0002")
    with pytest.raises(UsageError, match=r"the version '2' is taken by '.*0002_a\.py'"):
        write_migration(tmp_path, "b", [], [], version="2")
    with pytest.raises(UsageError, match=r"the name 'a' is taken by '.*0002_a\.py'"):
        write_sql_pair(tmp_path, "A", [], [])
    with pytest.raises(UsageError, match="'v2' is not a number"):
        write_migration(tmp_path, "b", [], [], version="v2")
    assert names(tmp_path) == [path.name]


def test_many_at_once_lose_nothing(tmp_path):
    """Of runs that choose the same file, one writes it, and the others say so."""
    done: list[object] = []

    def write() -> None:
        try:
            done.append(write_migration(tmp_path, "same", read("SELECT 1"), []))
        except UsageError as error:
            done.append(error)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(one) for one in done if not isinstance(one, UsageError)] == [type(tmp_path)]
    assert names(tmp_path) == ["001_same.py"]


def test_a_pair_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """A lonely up would be a migration that cannot be undone."""
    real = os.link

    def link(source, target, **options):
        if str(target).endswith(".down.sql"):
            Path(target).write_text("")  # somebody else's
        real(source, target, **options)

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(UsageError, match="there already"):
        write_sql_pair(tmp_path, "x", read("SELECT 1"), read("SELECT 2"))
    assert names(tmp_path) == ["001_x.down.sql"]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_migration(tmp_path / "file" / "below", "x", [], None)


@pytest.mark.parametrize(
    ("text", "name", "class_"),
    [
        ("add_user_bio", "add_user_bio", "AddUserBio"),
        ("Add user's bio!", "add_users_bio", "AddUsersBio"),
        ("AddHTTPCache2Table", "add_http_cache2_table", "AddHttpCache2Table"),
        ("naïve Café", "naive_cafe", "NaiveCafe"),
        ("2fa login", "2fa_login", "Migrate2faLogin"),
        ("none", "none", "MigrateNone"),
        ("class", "class", "Class"),
        ("migration", "migration", "MigrateMigration"),
        ("../../etc/passwd", "etc_passwd", "EtcPasswd"),
        ("größe 表", "große_表", "Große表"),
    ],
)
def test_names(text, name, class_):
    """Any text gives a file's name and an identifier."""
    assert (snake_case(text), class_name(snake_case(text))) == (name, class_)


@given(st.text(min_size=1))
def test_every_name_is_usable(text):
    try:
        name = snake_case(text)
    except UsageError:
        return
    source = SourceFile("m.py", render("001", name, [], [], {}))
    assert load_class(source, "001").name == name
    assert "/" not in name
    assert snake_case(name) == name
