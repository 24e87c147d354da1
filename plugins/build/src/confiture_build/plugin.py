"""Registers the medium ``build`` and its command."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Command, Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Medium

API_VERSION = 1


@hookimpl
def confiture_mediums() -> Iterable[Provider[Medium]]:
    """Medium 1."""
    yield Provider(
        name="build", target="confiture_build.medium:BuildMedium", summary="a fresh database from the DDL files"
    )


@hookimpl
def confiture_commands() -> Iterable[Command]:
    """``confiture build``."""
    yield Command(
        name="build",
        target="confiture_build.command:build",
        summary="Build a fresh database from the DDL files",
        group="Mediums",
    )
