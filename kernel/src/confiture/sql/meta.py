"""psql's backslash commands in a schema file: which are honoured, and why the others are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.errors import UnsupportedScript
from confiture.sql.places import error_at

if TYPE_CHECKING:
    from confiture.model import SourceFile
    from confiture.sql.lexer import MetaCommand

__all__ = ["check_command"]

#: Commands that only print, or only change how psql prints: nothing of a schema depends on them.
_OUTPUT_ONLY = frozenset(
    {"?", "C", "H", "T", "a", "conninfo", "copyright", "echo", "errverbose", "f", "h", "help", "l", "l+", "list",
     "pset", "qecho", "s", "sf", "sf+", "sv", "sv+", "t", "timing", "warn", "x", "z"}
)  # fmt: skip
#: pg_dump 18 and its minor releases since August 2025 frame a dump with these; they forbid other backslash commands.
_FRAME = frozenset({"restrict", "unrestrict"})
#: psql variables that change neither what is sent nor when it is committed.
_HARMLESS_VARIABLES = frozenset(
    {"COMP_KEYWORD_CASE", "ECHO", "ECHO_HIDDEN", "FETCH_COUNT", "HIDE_TABLEAM", "HIDE_TOAST_COMPRESSION",
     "HISTCONTROL",
     "HISTFILE", "HISTSIZE", "IGNOREEOF", "ON_ERROR_ROLLBACK", "ON_ERROR_STOP", "PROMPT1", "PROMPT2", "PROMPT3",
     "QUIET", "SHOW_ALL_RESULTS", "SHOW_CONTEXT", "VERBOSITY", "WATCH_INTERVAL"}
)  # fmt: skip

_INCLUDE = "put the included file below the schema folder, where it is read in its turn, and remove this line"
_CONNECT = "the environment says which database is built: remove this line"
_QUERY = "end the statement with a semicolon; what a query returns is not used in a schema"
_CONDITION = "a schema file is the same everywhere: keep the variants in files or folders of their own"
_SHELL = "run it before or after the build"
_VARIABLE = "psql variables are not filled in: write the value where it is used"
_BUFFER = "edit the file so that it holds only the statements that are to run"
_LARGE_OBJECT = "load large objects after the build"

_REFUSED = {
    **dict.fromkeys(("i", "include", "ir", "include_relative"), _INCLUDE),
    **dict.fromkeys(("c", "connect"), _CONNECT),
    **dict.fromkeys(
        (
            "g",
            "gx",
            "gexec",
            "gset",
            "gdesc",
            "crosstabview",
            "watch",
            "bind",
            "bind_named",
            "close_prepared",
            "parse",
            "startpipeline",
            "sendpipeline",
            "syncpipeline",
            "endpipeline",
            "flush",
            "flushrequest",
            "getresults",
        ),
        _QUERY,
    ),
    **dict.fromkeys(("if", "elif", "else", "endif"), _CONDITION),
    **dict.fromkeys(("!", "cd", "setenv", "getenv"), _SHELL),
    **dict.fromkeys(("set", "unset", "gset", "prompt"), _VARIABLE),
    **dict.fromkeys(("e", "edit", "ef", "ev", "p", "print", "r", "reset", "w", "write"), _BUFFER),
    **dict.fromkeys(("lo_import", "lo_export", "lo_unlink", "lo_list"), _LARGE_OBJECT),
    "copy": "write COPY ... FROM stdin with the data below it, ended by a line with \\. alone",
    "o": "query results are not kept: remove this line",
    "out": "query results are not kept: remove this line",
    "password": "set passwords outside of the schema",
    "q": "what follows would never run: remove it, and this line",
    "quit": "what follows would never run: remove it, and this line",
    "encoding": "confiture reads schema files as UTF-8: convert the file and write \\encoding UTF8, or remove the line",
    "": "a backslash outside of quotes begins a psql command: remove it",
}


def check_command(file: SourceFile, command: MetaCommand) -> None:
    """Do nothing where the command can be honoured by doing nothing; else raise ``UnsupportedScript``."""
    name = command.name
    argument = command.arguments.split()[0].strip("'\"") if command.arguments.split() else ""
    if name in _OUTPUT_ONLY or name in _FRAME:
        if "`" not in command.arguments:  # backticks run a shell command
            return
    elif name == "encoding":
        if argument.upper().replace("-", "") in ("UTF8", "UNICODE", ""):
            return
    elif name in ("set", "unset"):
        # A bare \set lists the variables.
        if argument in _HARMLESS_VARIABLES or not argument:
            return
    elif name.startswith("d"):  # \dt, \df+ ...: descriptions
        return
    raise error_at(
        UnsupportedScript,
        file,
        command.offset,
        f'the psql command "\\{name}" cannot be honoured',
        hint=_REFUSED.get(name, "psql has no such command: remove it"),
    )
