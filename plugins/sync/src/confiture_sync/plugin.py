"""Registers the mediums ``sync``, ``sync-init`` and ``sync-abandon``, and their commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Command, Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Medium

API_VERSION = 1


@hookimpl
def confiture_mediums() -> Iterable[Provider[Medium]]:
    """Medium 3."""
    yield Provider(
        name="sync",
        target="confiture_sync.medium:SyncMedium",
        summary="rows of one database in another, masked on the way",
    )
    yield Provider(
        name="sync-init",
        target="confiture_sync.initialising:SyncInitMedium",
        summary="the first rules of a sync, from what looks personal",
    )
    yield Provider(
        name="sync-abandon",
        target="confiture_sync.abandoning:SyncAbandonMedium",
        summary="what a sync that was cut has left undone is put right",
    )


@hookimpl
def confiture_commands() -> Iterable[Command]:
    """``confiture sync``."""
    yield Command(
        name="sync",
        target="confiture_sync.commands.sync:sync",
        summary="Copy tables from one database into another, personal data masked",
        group="Mediums",
    )
    yield Command(
        name="sync init",
        target="confiture_sync.commands.init:init",
        summary="Write the first rules of a sync, from what looks personal",
        group="Mediums",
    )
    yield Command(
        name="sync abandon",
        target="confiture_sync.commands.abandon:abandon",
        summary="Give up a sync that was cut, and put its target right",
        group="Mediums",
    )
