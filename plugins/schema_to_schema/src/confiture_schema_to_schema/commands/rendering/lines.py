"""Text that is wrapped, columns that are aligned, SQL in lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["INDENT", "WIDTH", "aligned", "between", "filled", "joined", "sql_lines"]

#: What is longer is wrapped; names that are longer stay whole.
WIDTH = 100
INDENT = "    "
#: Words before which SQL goes on in a line of its own, where no parenthesis is open.
_CLAUSES = frozenset(
    {"SELECT", "FROM", "WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT"}
)
_JOINS = frozenset({"LEFT", "RIGHT", "INNER", "FULL", "CROSS", "NATURAL", "JOIN"})


def filled(text: str, indent: str = "", *, width: int = WIDTH) -> list[str]:
    """``text`` in lines, those after the first one indented further."""
    return textwrap.wrap(
        " ".join(text.split()),
        width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def aligned(headings: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> Iterator[str]:
    """The headings, then a line for each row. The first ``left`` columns begin below each other, the others end so."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        cells = (
            f"{cell:<{width}}" if number < left else f"{cell:>{width}}"
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def between(source: str, table: str) -> str:
    """``public.users -> public.accounts``, or one name where both are one."""
    return table if source == table else f"{source} -> {table}"


def sql_lines(sql: str, indent: str = "", *, width: int = WIDTH) -> list[str]:
    """The statement as it is, in lines that end where blanks stand: what is shown can be pasted and run."""
    lines: list[str] = []
    line = ""
    for word, clause, apart in _words(sql):
        if line and (clause or apart or len(line) + 1 + len(word) > width):
            lines.append(line)
            line = ""
        if line:
            line += f" {word}"
        else:
            line = f"{indent}{'' if clause or not lines else '  '}{word}"
    return [*lines, line]


def _words(sql: str) -> Iterator[tuple[str, bool, bool]]:
    """What stands between blanks; whether a clause begins with it, and whether a line must end before it."""
    import postgast  # 100 ms to import

    octets = sql.encode()
    word, clause, apart = "", False, False
    end, depth, comment, before = 0, 0, False, ""
    for token in postgast.scan(sql).tokens:
        text, gap = octets[token.start : token.end].decode(), octets[end : token.start]
        if gap and word:
            yield word, clause, apart
            word = ""
        depth += {"(": 1, ")": -1}.get(text, 0)
        keyword = text.upper() if token.keyword_kind else ""
        if not word:
            clause = depth == 0 and (keyword in _CLAUSES or (keyword in _JOINS and before not in _JOINS))
            # Literals with the end of a line between them are one.
            apart = comment or (text.startswith("'") and b"\n" in gap)
        word += text
        before = before if keyword == "OUTER" else keyword  # which is of the join before it
        end, comment = token.end, text.startswith("--")
    yield word, clause, apart


def joined(texts: Iterable[str]) -> str:
    """``a, b``: each once, in their order."""
    return ", ".join(dict.fromkeys(texts))
