"""The text of a migration's class: the form is that of `ruff format`, the content comes back to the character."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from confiture.migrations.backfill import Backfill
from confiture.migrations.layout import lines_are_free
from confiture.migrations.losing import down_loses
from confiture.migrations.naming import class_name
from confiture.migrations.scripts import with_data
from confiture.model import Hazard, Statement
from confiture.sql import why_not_transactional
from confiture.sql.grammar import GrammarError, parse, unwrap

__all__ = ["EXAMPLES", "NO_WAY_BACK", "known_transactional", "notes_of", "render", "render_empty"]

#: Up to this length a line is left alone by the formatters of most projects.
_WIDTH = 88
_BODY = " " * 8
_SQL = " " * 12
#: Left empty, it would say that there is nothing to take back.
NO_WAY_BACK = "Where there is no way back, remove this {}."
#: What a new migration shows as its way there and back.
EXAMPLES = ("ALTER TABLE users ADD COLUMN bio text", "ALTER TABLE users DROP COLUMN bio")


def render(
    version: str,
    name: str,
    up: Sequence[Statement],
    down: Sequence[Statement] | None,
    notes: Mapping[str, Sequence[str]],
    replaces: Sequence[str] = (),
) -> str:
    """The whole file. ``down`` None: no such method; ``notes`` are the sections of the module's docstring.

    ``replaces`` are the versions that the migration stands for. A ``down`` that loses what ``up`` did not make is
    declared to do so; an ``up`` is not, so that whoever runs it is asked.
    """
    parts = [
        _head(version, name, notes, replaces, loses=down_loses(up, down)),
        _method("up", "Apply migration.", up),
    ]
    if down is not None:
        parts += ["\n", _method("down", "Rollback migration.", down)]
    return "".join(parts)


def render_empty(version: str, name: str) -> str:
    """The file of a migration that is still to be written: an example stands where a statement is to go."""
    up, down = (f"{_BODY}# self.execute({_quoted(example)})\n" for example in EXAMPLES)
    down = f"{_BODY}# {NO_WAY_BACK.format('method')}\n{down}"
    methods = [_method("up", "Apply migration.", ()) + up, _method("down", "Rollback migration.", ()) + down]
    return _head(version, name, {}, ()) + "\n".join(methods)


def _head(
    version: str, name: str, notes: Mapping[str, Sequence[str]], replaces: Sequence[str], *, loses: bool = False
) -> str:
    parts = [
        '"""' + _docstring(version, name, notes) + '"""\n\n',
        "from confiture.models.migration import Migration\n\n\n",
        f"class {class_name(name)}(Migration):\n",
        f'    """Migration: {name}."""\n\n',
        f'    version = "{version}"\n',
        f'    name = "{name}"\n',
        _replaces(replaces),
        '    loses_data = ("down",)\n' if loses else "",
        "\n",
    ]
    return "".join(parts)


def _replaces(versions: Sequence[str]) -> str:
    if not versions:
        return ""
    listed = ", ".join(f'"{one}"' for one in versions)
    line = f"    replaces = ({listed}{',' * (len(versions) == 1)})\n"
    if len(line) <= _WIDTH + 1:
        return line
    return "    replaces = (\n" + "".join(f'{_BODY}"{one}",\n' for one in versions) + "    )\n"


def notes_of(
    up: Sequence[Statement], down: Sequence[Statement] | None, notes: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """The sections: what was given, the hazards, and what is to be known of the deployment."""
    found = {title: list(lines) for title, lines in notes.items()}
    hazards = [f"{hazard.kind}: {hazard.message}" for statement in up for hazard in statement.hazards]
    if hazards:
        found.setdefault("Hazards", []).extend(dict.fromkeys(hazards))
    deployment = []
    if apart := sum(not statement.transactional for statement in up):
        deployment.append(f"{apart} of {len(up)} statements run outside of a transaction")
    if down is None:
        deployment.append("Cannot be undone")
    elif lost := [f"{hazard.kind}: {hazard.message}" for statement in down for hazard in statement.hazards]:
        deployment += [f"Rollback, {line}" for line in dict.fromkeys(lost)]
    if deployment:
        found.setdefault("Deployment", []).extend(deployment)
    return {title: lines for title, lines in found.items() if lines}


def known_transactional(statement: Statement) -> bool:
    """Whether the grammar tells by itself what the statement says of transactions."""
    try:
        parsed = parse(statement.sql).stmts
    except GrammarError:
        return True
    known = all(why_not_transactional(unwrap(one.stmt)) is None for one in parsed)
    return known == statement.transactional


def _docstring(version: str, name: str, notes: Mapping[str, Sequence[str]]) -> str:
    text = f"Migration: {name}\n\nVersion: {version}\n"
    for title, lines in notes.items():
        text += f"\n{title}:\n"
        for line in lines:
            wrapped = textwrap.wrap(line, _WIDTH - 4, break_long_words=False, break_on_hyphens=False) or [""]
            text += "".join(f"{'  - ' if number == 0 else '    '}{part}\n" for number, part in enumerate(wrapped))
    return _escaped(text, '"""')


def _method(name: str, summary: str, statements: Sequence[Statement]) -> str:
    body = "".join(_comments(statement) + _call(statement) for statement in statements)
    return f'    def {name}(self) -> None:\n{_BODY}"""{summary}"""\n{body}'


def _comments(statement: Statement) -> str:
    lines: list[str] = []
    for hazard in statement.hazards:
        lines += _wrapped(hazard)
    if not statement.transactional:
        lines.append("Outside of a transaction.")
    return "".join(f"{_BODY}# {line}\n" for line in lines)


def _wrapped(hazard: Hazard) -> list[str]:
    text = " ".join(f"Hazard {hazard.kind}: {hazard.message}".split())
    return textwrap.wrap(text, _WIDTH - len(_BODY) - 2, break_long_words=False, break_on_hyphens=False)


def _call(statement: Statement) -> str:
    if isinstance(statement, Backfill):
        return _backfill(statement)
    sql = statement.sql if statement.copy_data is None else with_data(statement)
    flag = "" if known_transactional(statement) else f"transactional={statement.transactional}"
    short = f"{_BODY}self.execute({_quoted(sql)}{', ' * bool(flag)}{flag})\n"
    if "\n" not in sql and len(short) <= _WIDTH + 1:
        return short
    free = statement.copy_data is None and "\r" not in sql and lines_are_free(sql)
    if not flag:
        return f'{_BODY}self.execute("""\n{_laid_out(sql, _SQL, _BODY, free)}""")\n'
    text = f'{_SQL}"""\n{_laid_out(sql, _SQL + "    ", _SQL, free)}"""'
    return f"{_BODY}self.execute(\n{text},\n{_SQL}{flag},\n{_BODY})\n"


def _backfill(statement: Backfill) -> str:
    arguments = [
        _quoted(statement.table),
        f"set={_quoted(statement.set)}",
        f"where={_quoted(statement.where)}",
        f"batch_rows={statement.batch_rows}",
    ]
    line = f"{_BODY}self.backfill({', '.join(arguments)})\n"
    if len(line) <= _WIDTH + 1:
        return line
    inner = f"{_SQL}{', '.join(arguments)}\n"
    if len(inner) <= _WIDTH + 1:
        return f"{_BODY}self.backfill(\n{inner}{_BODY})\n"
    return f"{_BODY}self.backfill(\n" + "".join(f"{_SQL}{one},\n" for one in arguments) + f"{_BODY})\n"


def _laid_out(sql: str, indent: str, closing: str, free: bool) -> str:
    """The text between the quotes, and what stands before the closing ones. Only lines that are free are moved."""
    text = _escaped(sql, '"""')
    if not free:
        return text + "\n"
    lines = [indent + line if line.strip() else line for line in text.split("\n")]
    return "\n".join(lines) + "\n" + closing


def _quoted(text: str) -> str:
    """A string of one line, in the quotes that need fewer backslashes: formatters prefer double ones on a tie."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + _escaped(text, quote).replace("\n", "\\n").replace("\t", "\\t") + quote


def _escaped(text: str, quote: str) -> str:
    """What stands between those quotes for ``text``; a line break stays one."""
    found = text.replace("\\", "\\\\").replace(quote, "\\" + "\\".join(quote))
    return "".join(
        character if character in "\n\t" or character.isprintable() else _code(character) for character in found
    )


def _code(character: str) -> str:
    code = ord(character)
    if character == "\r":
        return "\\r"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
