"""Registers the medium ``init`` and its command."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Command, Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Medium

API_VERSION = 1


@hookimpl
def confiture_mediums() -> Iterable[Provider[Medium]]:
    """The beginning of every project."""
    yield Provider(
        name="init",
        target="confiture_init.medium:InitMedium",
        summary="a project's files, also from a database that is there",
    )


@hookimpl
def confiture_commands() -> Iterable[Command]:
    """``confiture init``."""
    yield Command(
        name="init",
        target="confiture_init.command:init",
        summary="Make a project that builds as it stands",
        group="Project",
    )
