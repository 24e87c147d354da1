"""Schema files read as PostgreSQL and psql read them: statements, their order, what they need.

The names below load their modules on first use; importing this package loads nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from confiture.sql.lexer import CopyBlock, Lexed, MetaCommand, lex
    from confiture.sql.script import read_file, read_script
    from confiture.sql.transactional import commits_before_use, why_not_transactional

__all__ = [
    "CopyBlock",
    "Lexed",
    "MetaCommand",
    "commits_before_use",
    "lex",
    "read_file",
    "read_script",
    "why_not_transactional",
]

_MODULES = {
    "CopyBlock": "lexer",
    "Lexed": "lexer",
    "MetaCommand": "lexer",
    "commits_before_use": "transactional",
    "lex": "lexer",
    "read_file": "script",
    "read_script": "script",
    "why_not_transactional": "transactional",
}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
