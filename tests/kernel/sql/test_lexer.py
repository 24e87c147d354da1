"""Scripts split as psql splits them; psql itself and the grammar's own splitter are the judges."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from postgast import split

import pgserver
from confiture.config.dsn import to_uri
from confiture.errors import SyntaxInvalid, UnsupportedScript
from confiture.model import SourceFile, Target
from confiture.sql import lex, read_script

SETUP = "CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY, t text); CREATE TABLE two (a text, b text);\n"
SCRIPTS = {
    "doubled quotes": "INSERT INTO log (t) VALUES ('a''; b'); INSERT INTO log (t) VALUES ('c');",
    "escape string": r"INSERT INTO log (t) VALUES (E'a\'; b\\'); INSERT INTO log (t) VALUES (e'\';''x');",
    "escape string that goes on": "INSERT INTO log (t) VALUES (E'a\\'b' \n '\\';c'); INSERT INTO log (t) VALUES ('d');",
    "backslash in a plain string": "INSERT INTO log (t) VALUES ('a\\'); INSERT INTO log (t) VALUES ('b');",
    "a word that ends in e": "CREATE DOMAIN note text; INSERT INTO log (t) VALUES (note'x\\'); SELECT 1;",
    "quoted names": 'CREATE TABLE "a;b"" -- \'" (x int); INSERT INTO log (t) SELECT \'n\' FROM "a;b"" -- \'";',
    "dollar quotes": "INSERT INTO log (t) VALUES ($a$ ; $$ ' $b$ $a$); INSERT INTO log (t) VALUES ($$;$$);",
    "dollars in names": "CREATE TABLE x$a$y (z$$ int); INSERT INTO x$a$y VALUES (1); INSERT INTO log (t) VALUES ('k');",
    "nested comments": "/* a /* ; ' */ b ; */ INSERT INTO log (t) VALUES ('a'); -- ;'\nINSERT INTO log (t) VALUES (7);",
    "comment in an operator": "INSERT INTO log (t) VALUES (1 +--;\n 2); INSERT INTO log (t) VALUES (4 */* ; */ 2);",
    "no semicolon at the end": "INSERT INTO log (t) VALUES ('a'); INSERT INTO log (t) VALUES ('b') -- end",
    "empty statements": ";; INSERT INTO log (t) VALUES ('a');;;\n ; -- nothing\n;",
    "semicolons in a rule": "CREATE RULE r AS ON INSERT TO two DO ALSO (INSERT INTO log (t) VALUES ('r'); "
    "INSERT INTO log (t) VALUES ('s')); INSERT INTO two VALUES (1, 2);",
    "begin atomic": "CREATE FUNCTION f(a int) RETURNS text BEGIN ATOMIC SELECT CASE WHEN a > 1 THEN 'x;' ELSE 'y' END; "
    "SELECT CASE a WHEN 1 THEN 'one' ELSE 'more' END; END; INSERT INTO log (t) VALUES (f(1));",
    "begin as a name": 'CREATE TABLE t2 ("begin" int, "end" int); COPY log (t) FROM stdin;\nb\n\\.\n',
    "copy": "COPY log (t) FROM stdin;\na\n;'\"\n\\N\n\\\\.\n\\.\nINSERT INTO log (t) VALUES ('z');",
    "copy without an end": "INSERT INTO log (t) VALUES ('a'); COPY log (t) FROM stdin;\nb\nc\n",
    "copy csv": "COPY two FROM STDIN WITH (FORMAT csv);\n\"a;\n'\",$$\n\\.\nINSERT INTO log (t) VALUES ('z');",
    "copy with a comment": "/* c */ copy -- d\n log (t) from /* e */ stdin /* ; */ ;\nx\n\\.\n",
    "copy of nothing": "COPY log (t) FROM stdin;\n\\.\nCOPY log (t) FROM stdin;\n\\.\nINSERT INTO log (t) VALUES (1);",
    "copy from stdout": "COPY log (t) FROM stdout;\nx\n\\.\n",
    "two copies on one line": "COPY log (t) FROM stdin; COPY two FROM stdin;\na\n\\.\nb\tc\n\\.\nSELECT 1;",
    "a statement that goes on behind data": "COPY log (t) FROM stdin; INSERT INTO log (t)\na\n\\.\nVALUES ('x');",
    "copy to": "COPY log TO stdout; INSERT INTO log (t) VALUES ('a');",
    "copy at the end": "COPY log (t) FROM stdin",
    "crlf": "INSERT INTO log (t)\r\n VALUES ('a\r\nb'); -- c\r\nCOPY log (t) FROM stdin;\r\nd\r\n\\.\r\nSELECT 1;\r\n",
    "commands": "\\set ON_ERROR_STOP on\n\\echo 'a ;' b\nINSERT INTO log (t) VALUES ('a');\n\\pset pager off\\x \\t\n"
    "INSERT INTO log (t) VALUES ('b'); \\timing off \\\\ INSERT INTO log (t) VALUES ('c');\n",
    "a command inside a statement": "INSERT INTO log (t) \\echo '; in'\n VALUES ('a'); \\echo \"x;\nSELECT 1;",
    "a command before copy": "\\echo x\n\\restrict abc \\\\ COPY log (t) FROM stdin;\nx\n\\.\n\\unrestrict abc\n",
    "separators": "INSERT INTO log (t) VALUES ('a')\\; INSERT INTO log (t) VALUES ('b'); SELECT '{1}'\\::int[];",
    "variables that are not set": "INSERT INTO log (t) SELECT a.x[1:2]::text FROM (SELECT '{1,2,3}'::int[] AS x) a;",
    "not ascii": "INSERT INTO log (t) VALUES ('é;ü'); "
    "COPY log (t) FROM stdin;\n日本\n\\.\nINSERT INTO log (t) VALUES ('ß');",
    "a no-break space is a letter": "CREATE TABLE \u00a0x (\u00a0e text); INSERT INTO \u00a0x VALUES ('\\');",
}
RESULT = "SELECT t FROM log ORDER BY id; SELECT * FROM two ORDER BY a; SELECT count(*) FROM pg_class WHERE oid > 16383;"


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_psql_runs_the_file_to_the_same_rows(
    script: str, new_database: Callable[[], Target], psql: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Where a statement ends decides what runs: ``psql -f`` is compared with our statements, sent one by one."""
    theirs, ours = new_database(), new_database()
    psql(theirs, SETUP)
    psql(ours, SETUP)
    file = tmp_path_factory.mktemp("psql") / "script.sql"
    file.write_bytes(script.encode())
    _run(theirs, ["-f", str(file)], b"")
    plan = read_script([SourceFile("script.sql", script)])
    for statement in plan.statements:  # -c sends its argument as it stands
        _run(ours, ["-c", statement.sql], statement.copy_data or b"")
    assert psql(ours, RESULT) == psql(theirs, RESULT)
    assert plan.statements


def _run(target: Target, arguments: list[str], data: bytes) -> None:
    command = [pgserver.binaries() / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", to_uri(target.params), *arguments]
    done = subprocess.run(command, input=data, capture_output=True, env={"PGCLIENTENCODING": "UTF8"})
    assert done.returncode == 0, done.stderr.decode()


WORDS = st.text("abcxyzE_ \n()", max_size=6)
QUOTED = st.one_of(
    st.text('ab;-/*$"\n\\é', max_size=8).map(lambda text: f"'{text}'"),
    st.text("ab;-/*$'\n(\\é", min_size=1, max_size=8).map(lambda text: f'"{text}"'),
    st.text("ab;-/*'\"\n(\\é", max_size=8).map(lambda text: f"$q${text}$q$"),
    st.text('ab;-/*$"\né(', max_size=8).map(lambda text: f"E'\\'{text}\\\\'"),
    st.text("ab;'\"$(\\é", max_size=8).map(lambda text: f"/* /*{text}*/ {text} */"),
    st.text("ab;'\"$(*/\\é", max_size=8).map(lambda text: f"--{text}\n"),
    st.sampled_from(["(1;)"[:2] + ")", "1", "a$b$", "$1", ">=", "- 1", "/ 2", "[1:2]", "''", "x'1f'", "U&'\\0061'"]),
)
SCRIPT = st.lists(st.lists(QUOTED, min_size=1, max_size=5).map(lambda parts: "SELECT " + " , ".join(parts)), max_size=5)


@settings(max_examples=300, deadline=None)
@given(SCRIPT)
def test_any_quoted_things_split_as_the_grammar_splits_them(parts: list[str]) -> None:
    """The lexer and PostgreSQL's own scanner must agree on every mixture of quotes and comments."""
    script = ";".join(parts)
    ends = [*lex(SourceFile("f", script)).ends, len(script)]
    pieces = [script[start:end].strip() for start, end in zip([0, *(end + 1 for end in ends)], ends, strict=False)]
    theirs = [piece.strip() for piece in split(script, method="scanner")]
    assert [_bare(piece) for piece in pieces if _bare(piece)] == [_bare(piece) for piece in theirs]


def _bare(piece: str) -> str:
    return piece.strip().rstrip(";").strip()


@pytest.mark.parametrize(
    ("script", "line", "column", "what"),
    [
        ("SELECT 1;\n SELECT 'a;\nSELECT 2;\n", 2, 9, "unterminated quoted string"),
        ("SELECT E'a\\';\n", 1, 9, "unterminated quoted string"),
        ('SELECT "a;\n', 1, 8, "unterminated quoted name"),
        ("SELECT 'é', $x$ a $y$;\n", 1, 13, "unterminated dollar quote $x$"),
        ("SELECT 1; /* a /* b */\n", 1, 11, "unterminated comment"),
        ("COPY a FROM stdin;\n'\n\\.\nSELECT 'x", 4, 8, "unterminated quoted string"),
        ("\\echo x\n/* ", 2, 1, "unterminated comment"),
    ],
)
def test_what_is_never_closed_is_shown_where_it_opened(script: str, line: int, column: int, what: str) -> None:
    """The grammar would point at the file's end, or call the next file wrong."""
    with pytest.raises(SyntaxInvalid) as caught:
        read_script([SourceFile("a.sql", script), SourceFile("b.sql", "SELECT 'fine';")])
    error = caught.value
    assert (error.file, error.line, error.column, error.message) == ("a.sql", line, column, what)
    assert error.source_line == script.split("\n")[line - 1]
    assert "opens here" in (error.hint or "")


def test_a_copy_that_is_not_valid_is_shown_before_its_data() -> None:
    """Its rows are not SQL: without the statement's own error, a quote in them would be blamed."""
    with pytest.raises(SyntaxInvalid) as caught:
        read_script([SourceFile("a.sql", "SELECT 1;\nCOPY a FRM stdin;\nit's\t\\N\n\\.\n")])
    assert (caught.value.line, caught.value.column, caught.value.message) == (2, 8, 'syntax error at or near "FRM"')


def test_a_quote_that_goes_on_behind_data_is_refused() -> None:
    """psql leaves the data out of the quote; spaces in its place would change the value."""
    with pytest.raises(UnsupportedScript, match="behind COPY data") as caught:
        read_script([SourceFile("a.sql", "COPY a FROM stdin; INSERT INTO a VALUES ('x\na\n\\.\ny');")])
    assert (caught.value.line, caught.value.column) == (1, 42)


def test_offsets_stay_where_they_were() -> None:
    """Origins point into the file as the user has it, so what is taken out leaves spaces and line ends."""
    script = "\\echo a\nCOPY é FROM stdin;\nx\n\\.\nSELECT 1; \\timing \\\\ SELECT 2;"
    lexed = lex(SourceFile("f", script))
    assert lexed.sql == "       \nCOPY é FROM stdin;\n \n  \nSELECT 1;            SELECT 2;"
    assert [(command.name, command.arguments) for command in lexed.commands] == [("echo", "a"), ("timing", "")]
    assert [script[block.data_start : block.data_end] for block in lexed.copies] == ["x\n"]


@pytest.mark.parametrize(
    ("script", "ends"),
    [
        ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3;", 2),
        ("CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC BEGIN; END; SELECT 1; END; SELECT 2;", 2),
        ('CREATE TABLE a ("begin" int); CREATE TABLE "end" (begin int); SELECT 1;', 3),
        ("CREATE VIEW v AS SELECT CASE WHEN true THEN 1 END AS begin; SELECT 2;", 2),
    ],
)
def test_the_body_of_a_function_is_one_statement(script: str, ends: int) -> None:
    """psql counts BEGIN, CASE and END, and only in CREATE FUNCTION and PROCEDURE."""
    assert len(lex(SourceFile("f", script)).ends) == ends
