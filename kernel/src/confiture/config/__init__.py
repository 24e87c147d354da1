"""Configuration: the project, its environments, and how a database is addressed.

The names are imported when they are first used: the command line takes ``confiture.config.light`` from here, which
must not bring msgspec along.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from confiture.config.environment import Environment, choose_environment
    from confiture.config.project import Project

__all__ = ["Environment", "Project", "choose_environment"]

_HOMES = {"Environment": "environment", "Project": "project", "choose_environment": "environment"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
