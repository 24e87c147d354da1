"""Whether two databases have the same schema, by what ``pg_dump --schema-only`` prints of them.

This knows nothing of confiture: it is the outside judge of what a plan did. The order of statements, of a table's
columns and of storage parameters is no difference, all else is. Names of NOT NULL constraints are one too: a later
``ALTER TABLE ... DROP CONSTRAINT`` refers to them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

__all__ = ["canonical", "explain", "split", "without_comments", "without_not_null_names"]

_PIECE = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*.*?\*/ )
  | (?P<quoted> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "[^"]*" )
  | (?P<dollar> \$(?P<tag>[A-Za-z_\x80-\uffff][\w\x80-\uffff]*|)\$ .*? \$(?P=tag)\$ )
  | (?P<word> [A-Za-z_\x80-\uffff][\w$\x80-\uffff]* )
  | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_NOISE = ("\\restrict", "\\unrestrict")
#: These come before what is made in them, and would be lost when the statements are sorted.
_PLACE = re.compile(r"SET (default_tablespace|default_table_access_method) = (.*);")
_OPTIONS = re.compile(r"\bWITH \(([^()]*)\)")
_PLACED = re.compile(r"CREATE (?:UNLOGGED )?(?:TABLE|MATERIALIZED VIEW|(?:UNIQUE )?INDEX) |ALTER TABLE ")
_TABLE = re.compile(r"CREATE (?:UNLOGGED |FOREIGN )?TABLE ")
_NOT_NULL_NAME = re.compile(r'CONSTRAINT (?:"[^"]+"|\w+) NOT NULL')


def split(text: str) -> Iterator[str]:
    """The statements of a script without backslash commands and COPY data, and without comments between them."""
    piece: list[str] = []
    parens = atomic = 0
    before = ""
    for match in _PIECE.finditer(text):
        kind, token = match.lastgroup, match.group()
        kind = "dollar" if kind == "tag" else kind
        if kind == "comment" and not "".join(piece).strip():
            continue
        piece.append(token)
        if kind == "word":
            word = token.upper()
            if word == "ATOMIC" and before == "BEGIN":
                atomic = 1
            elif atomic and word == "CASE":
                atomic += 1
            elif atomic and word == "END":
                atomic -= 1
            before = word
        elif kind == "other":
            parens += (token == "(") - (token == ")")
            if token == ";" and parens <= 0 and not atomic:
                if statement := "".join(piece[:-1]).strip():
                    yield statement + ";"
                piece, parens = [], 0
    if statement := "".join(piece).strip():
        yield statement


def canonical(dump: str) -> tuple[str, ...]:
    """The dump's statements, sorted, with the columns of each table sorted."""
    text = "\n".join(line for line in dump.split("\n") if not line.startswith(_NOISE))
    return tuple(sorted(_sorted_columns(statement) for statement in _placed(split(text))))


def _placed(statements: Iterable[str]) -> Iterator[str]:
    """The statements without settings; those that are not in the usual place say so."""
    place: dict[str, str] = {}
    for statement in statements:
        if match := _PLACE.match(statement):
            place[match[1]] = match[2]
        elif not statement.startswith(("SET ", "SELECT pg_catalog.set_config")):
            where = "".join(f"\n-- {value}" for value in place.values() if value not in {"''", "heap"})
            yield _OPTIONS.sub(_sorted_options, statement) + where if _PLACED.match(statement) else statement


def _sorted_options(match: re.Match[str]) -> str:
    return f"WITH ({', '.join(sorted(match[1].split(', ')))})"


def _sorted_columns(statement: str) -> str:
    if not _TABLE.match(statement):
        return statement
    lines = statement.split("\n")
    close = max((number for number, line in enumerate(lines) if line.startswith(")")), default=len(lines))
    columns = sorted(line.strip().rstrip(",") for line in lines[1:close])
    return "\n".join([lines[0], *columns, *lines[close:]])


def without_comments(statements: Iterable[str]) -> tuple[str, ...]:
    """The statements without comments and runs of blanks, also those inside of functions' bodies."""
    found = []
    for statement in statements:
        bare = re.sub(r"/\*.*?\*/", " ", re.sub(r"--[^\n]*", " ", statement), flags=re.DOTALL)
        found.append(re.sub(r"[ \t]+", " ", bare).strip())
    return tuple(sorted(found))


def without_not_null_names(statements: Iterable[str]) -> tuple[str, ...]:
    """The statements with unnamed NOT NULLs, the lines of each table sorted anew."""
    found = []
    for statement in statements:
        lines = _NOT_NULL_NAME.sub("NOT NULL", statement).split("\n")
        found.append("\n".join(sorted(lines) if _TABLE.match(statement) else lines))
    return tuple(sorted(found))


def explain(got: Iterable[str], want: Iterable[str], width: int = 1000) -> str:
    """What one has and the other lacks, for people; "" where they are equal."""
    have, should = Counter(got), Counter(want)
    extra = [f"- not wanted: {statement[:width]}" for statement in (have - should).elements()]
    missing = [f"+ missing:    {statement[:width]}" for statement in (should - have).elements()]
    return "\n".join(extra + missing)
