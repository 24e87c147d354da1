"""Schema files read as PostgreSQL and psql read them: statements, their order, what they need.

The names below load their modules on first use; importing this package loads nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from confiture.sql.dependencies.features import extensions_named, features_named
    from confiture.sql.dependencies.hints import made_before, missing_hint, nearest_name
    from confiture.sql.dependencies.levels import assign_levels
    from confiture.sql.dependencies.order import Because, Moved, Ordering, order_statements
    from confiture.sql.dependencies.roles import roles_named
    from confiture.sql.effects import HAZARDS, annotate, effects_of
    from confiture.sql.lexer import CopyBlock, Lexed, MetaCommand, lex
    from confiture.sql.script import read_file, read_script
    from confiture.sql.transactional import commits_before_use, why_not_transactional

__all__ = [
    "HAZARDS",
    "Because",
    "CopyBlock",
    "Lexed",
    "MetaCommand",
    "Moved",
    "Ordering",
    "annotate",
    "assign_levels",
    "commits_before_use",
    "effects_of",
    "extensions_named",
    "features_named",
    "lex",
    "made_before",
    "missing_hint",
    "nearest_name",
    "order_statements",
    "read_file",
    "read_script",
    "roles_named",
    "why_not_transactional",
]

_MODULES = {
    "HAZARDS": "effects",
    "Because": "dependencies.order",
    "CopyBlock": "lexer",
    "Lexed": "lexer",
    "MetaCommand": "lexer",
    "Moved": "dependencies.order",
    "Ordering": "dependencies.order",
    "annotate": "effects",
    "assign_levels": "dependencies.levels",
    "commits_before_use": "transactional",
    "effects_of": "effects",
    "extensions_named": "dependencies.features",
    "features_named": "dependencies.features",
    "lex": "lexer",
    "made_before": "dependencies.hints",
    "missing_hint": "dependencies.hints",
    "nearest_name": "dependencies.hints",
    "order_statements": "dependencies.order",
    "read_file": "script",
    "read_script": "script",
    "roles_named": "dependencies.roles",
    "why_not_transactional": "transactional",
}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
