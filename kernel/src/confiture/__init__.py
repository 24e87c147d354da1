"""confiture: PostgreSQL migrations from DDL. The public names are imported when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from confiture.config import Environment, Project
    from confiture.errors import ConfitureError
    from confiture.facade import SchemaBuilder
    from confiture.kernel import Kernel
    from confiture.run import Run

__all__ = ["ConfitureError", "Environment", "Kernel", "Project", "Run", "SchemaBuilder"]

_HOMES = {
    "ConfitureError": "confiture.errors",
    "Environment": "confiture.config",
    "Kernel": "confiture.kernel",
    "Project": "confiture.config",
    "Run": "confiture.run",
    "SchemaBuilder": "confiture.facade",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
