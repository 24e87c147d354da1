"""Files read into statements that know where they come from and what an executor must know of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from confiture.errors import ConfitureError, SyntaxInvalid, UnsupportedScript
from confiture.model import Plan, SourceFile, Statement
from confiture.sql import read_script

DATA = Path(__file__).parents[4] / "shared" / "data"


def read(*texts: str) -> Plan:
    return read_script([SourceFile(f"{number}.sql", text) for number, text in enumerate(texts)])


def one(sql: str) -> Statement:
    (statement,) = read(sql).statements
    return statement


def refused(kind: type[ConfitureError], sql: str) -> ConfitureError:
    with pytest.raises(kind) as caught:
        read(sql)
    return caught.value


def test_a_statement_is_its_own_text_with_its_place() -> None:
    """Errors point into the file, whatever stands before the statement and however many bytes a letter has."""
    plan = read("-- é\n\n  SELECT 'ü' ;/* ß */ SELECT\n 2;", "\ufeffCREATE TABLE a (b int)\n-- end\n")
    first, second, third = plan.statements
    assert (first.sql, second.sql) == ("SELECT 'ü'", "SELECT\n 2")
    assert third.sql.startswith("CREATE TABLE a (b int)")
    places = [(o.file, o.line, o.column, o.offset) for o in (first.origin, second.origin, third.origin) if o]
    assert places == [("0.sql", 3, 3, 8), ("0.sql", 3, 23, 28), ("1.sql", 1, 2, 1)]
    assert [first.kind, third.kind] == ["SelectStmt", "CreateStmt"]


@pytest.mark.parametrize(
    ("sql", "session"),
    [
        ("SET search_path TO a", True),
        ("SET ROLE r", True),
        ("RESET ROLE", True),
        ("RESET ALL", True),
        ("SET SESSION AUTHORIZATION r", True),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", True),
        ("DISCARD TEMP", True),
        ("LOAD 'x'", True),
        ("PREPARE p AS SELECT 1", True),
        ("SELECT pg_catalog.set_config('search_path', '', false)", True),
        ("SELECT Set_Config('search_path', '', x)", True),
        ("SELECT set_config('search_path', '', true)", False),
        ("SELECT 'set_config'", False),
        ("CREATE TABLE a ()", False),
        ("ALTER ROLE r SET search_path TO a", False),
    ],
)
def test_what_changes_the_session_is_marked(sql: str, session: bool) -> None:
    """It must hold for all that follow, on every connection that an executor uses."""
    assert one(sql).session is session


def test_copy_data_is_the_bytes_of_the_file() -> None:
    """COPY reads them as they stand, backslashes and all."""
    statement = one("COPY a (b) FROM stdin;\né\\t\\N\n\\\\.\n\\.\n")
    assert (statement.sql, statement.copy_data) == ("COPY a (b) FROM stdin", "é\\t\\N\n\\\\.\n".encode())
    assert one("COPY a TO stdout").copy_data is None
    assert one("COPY a FROM '/x'").copy_data is None
    assert one("COPY a FROM stdin").copy_data == b""


@pytest.mark.parametrize(
    "sql",
    ["BEGIN", "COMMIT", "ROLLBACK", "START TRANSACTION", "END", "ABORT", "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a",
     "PREPARE TRANSACTION 'a'", "COMMIT PREPARED 'a'", "SET CONSTRAINTS ALL DEFERRED", "SET LOCAL x.y = 1",
     "SET TRANSACTION READ ONLY", "SET client_encoding = 'LATIN1'", "SET NAMES 'win1252'",
     "SET standard_conforming_strings = off; SELECT '\\'",
     "COPY a FROM stdin (FORMAT binary)",
     "COPY BINARY a FROM stdin"],
)  # fmt: skip
def test_what_a_schema_file_cannot_hold_is_refused_with_its_place(sql: str) -> None:
    """A BEGIN or COMMIT would break up the build's own transaction; the others would be read wrongly."""
    error = refused(UnsupportedScript, f"SELECT 1;\n  {sql};\n")
    assert (error.file, error.line, error.column) == ("0.sql", 2, 3)
    assert error.hint


@pytest.mark.parametrize(
    "sql", ["SET client_encoding = 'UTF8'", "SET NAMES 'utf-8'", "SET standard_conforming_strings = off"]
)
def test_settings_that_pg_dump_writes_are_accepted(sql: str) -> None:
    """Each of its dumps begins with them."""
    assert one(sql).session


@pytest.mark.parametrize(
    "command",
    ["i other.sql", "ir x", "c other", "connect x", "! ls", "copy a from 'x'", "gexec", "g", "gset", "if true", "endif",
     "set x 1", "set AUTOCOMMIT off", "unset x", "o file", "q", "encoding LATIN1", "echo `date`", "password", "cd /",
     "lo_import x", "nonsense", "r", ""],
)  # fmt: skip
def test_a_psql_command_that_cannot_be_honoured_is_refused_with_its_place(command: str) -> None:
    """Leaving it out in silence would build something else than psql does."""
    error = refused(UnsupportedScript, f"SELECT 1;\n \\{command}\nSELECT 2;")
    assert (error.line, error.column, error.source_line) == (2, 2, f" \\{command}")
    assert f'"\\{command.split(" ")[0]}"' in error.message
    assert error.hint


@pytest.mark.parametrize(
    "command",
    ["restrict a1B2", "unrestrict a1B2", "encoding UTF8", "encoding 'utf-8'", "echo 'a b'", "qecho x", "warn x",
     "timing", "set ON_ERROR_STOP on", "set QUIET 1", "unset ECHO", "set", "pset format wrapped", "x on",
     "dt+ public.*", "l"],
)  # fmt: skip
def test_a_psql_command_that_only_prints_is_honoured(command: str) -> None:
    """pg_dump writes some of them, people the others."""
    plan = read(f"SELECT 1;\n\\{command}\nSELECT 2;")
    assert [statement.sql for statement in plan.statements] == ["SELECT 1", "SELECT 2"]


@pytest.mark.parametrize(
    ("sql", "place", "message", "hint"),
    [
        ("SELECT 1;\nCREATE TABLE é (a int,);", (2, 23), 'at or near ")"', "comma"),
        ("CREATE TABLE a (b int)\nCREATE TABLE c (d int);", (2, 1), 'at or near "CREATE"', "semicolon"),
        ("SELECT 1;\nCREATE TABLE a (", (2, 17), "at end of input", "not complete"),
        ("SELECT * FROM :table;", (1, 15), 'at or near ":"', "psql variables"),
        ("SELECT FORM x y;", (1, 15), 'at or near "y"', None),
        ("SELECT 1;\0", (1, 10), "null character", "UTF-8"),
        ("SELECT E'\\u00';", (1, 10), "invalid Unicode escape", None),
    ],
)
def test_a_syntax_error_is_shown_in_its_place(sql: str, place: tuple[int, int], message: str, hint: str | None) -> None:
    """With the line, PostgreSQL's own words, and a hint where a person's slip is plain."""
    error = refused(SyntaxInvalid, sql)
    assert (error.line, error.column) == place
    assert message in error.message
    assert (hint in (error.hint or "")) if hint else error.hint is None
    assert error.source_line == sql.split("\n")[place[0] - 1]


def test_a_syntax_error_names_its_file_among_many() -> None:
    """Each file is parsed by itself."""
    with pytest.raises(SyntaxInvalid) as caught:
        read(*["SELECT 1;"] * 36, "SELEC 1;", *["SELECT 1;"] * 43)
    assert caught.value.file == "36.sql"


def test_a_file_never_goes_on_in_the_next() -> None:
    """The last statement needs no semicolon, as with psql, and is not glued to the next file's first."""
    assert [statement.sql for statement in read("SELECT 1", "SELECT 2").statements] == ["SELECT 1", "SELECT 2"]


def test_a_deep_expression_is_read() -> None:
    """protobuf refuses trees deeper than 100 by default, which fifty concatenations in a view are."""
    assert one("CREATE VIEW v AS SELECT " + " || ".join(["a"] * 2000)).kind == "ViewStmt"


@pytest.mark.parametrize(("name", "statements", "rows"), [("pagila.sql", 222, 46273), ("chinook.sql", 57, 0)])
def test_sample_databases_are_read(name: str, statements: int, rows: int) -> None:
    """Public dumps with COPY data, dollar quotes and non-ASCII names."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no shared sample {name}")
    own = ("DROP DATABASE", "CREATE DATABASE", "\\c ")  # chinook makes its own database
    lines = [line for line in path.read_text().splitlines(keepends=True) if not line.startswith(own)]
    plan = read("".join(lines))
    assert len(plan.statements) == statements
    assert sum((statement.copy_data or b"").count(b"\n") for statement in plan.statements) == rows


def test_the_package_loads_no_parser_until_it_is_used() -> None:
    """The grammar takes 100 ms to import, which ``--help`` must not pay."""
    code = "import sys, confiture.sql, confiture.sql.script; sys.exit('postgast' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
