"""Registers the medium ``diff`` and its command."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Command, Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Medium

API_VERSION = 1


@hookimpl
def confiture_mediums() -> Iterable[Provider[Medium]]:
    """Medium 2, its first half."""
    yield Provider(
        name="diff", target="confiture_diff.medium:DiffMedium", summary="the difference of two schemas as a proven plan"
    )


@hookimpl
def confiture_commands() -> Iterable[Command]:
    """``confiture migrate diff``."""
    yield Command(
        name="migrate diff",
        target="confiture_diff.command:diff",
        summary="Show, prove and write what takes one schema to another",
        group="Mediums",
    )
