"""The entry module: registers the source ``migrations``, the mediums of running migrations, and their commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Command, Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Medium, SchemaSource

API_VERSION = 1


@hookimpl
def confiture_sources() -> Iterable[Provider[SchemaSource]]:
    """The schema that the migrations give."""
    yield Provider(
        name="migrations",
        target="confiture_incremental.source:MigrationsSource",
        summary="the migrations, replayed: all, or up to a version",
    )


#: Mediums by name: the object, and what it does.
_MEDIUMS = {
    "up": ("mediums:UpMedium", "applies pending migrations"),
    "down": ("mediums:DownMedium", "takes migrations back"),
    "status": ("mediums:StatusMedium", "how each migration stands"),
    "history": ("mediums:HistoryMedium", "what happened to a database"),
    "generate": ("generating:GenerateMedium", "writes an empty migration"),
    "baseline": ("baseline:BaselineMedium", "begins the history of a database that is there"),
    "squash": ("squashing:SquashMedium", "makes one migration of the first ones"),
    "repair": ("repairing:RepairMedium", "says in the history how a migration stands"),
    "verify": ("verify.medium:VerifyMedium", "proves migrations on scratch databases"),
    "preflight": ("preflight.medium:PreflightMedium", "tries pending migrations, and leaves nothing"),
    "drift": ("drift.medium:DriftMedium", "compares a live database with what the project says of it"),
}
#: Commands by name: the function, and its summary.
_COMMANDS = {
    "migrate up": ("commands.up:up", "Apply pending migrations"),
    "migrate down": ("commands.down:down", "Take migrations back"),
    "migrate status": ("commands.status:status", "Show how each migration stands"),
    "migrate history": ("commands.history:history", "Show what happened to a database"),
    "migrate generate": ("commands.generate:generate", "Write an empty migration"),
    "migrate baseline": ("commands.baseline:baseline", "Begin the history of a database that is there already"),
    "migrate squash": ("commands.squash:squash", "Make one migration of the first ones"),
    "migrate repair": ("commands.repair:repair", "Say how a migration stands where the history cannot know"),
    "migrate verify": ("commands.verify:verify", "Prove that the migrations give db/schema/, and lead back"),
    "migrate preflight": ("commands.preflight:preflight", "Try pending migrations on a copy of a database's schema"),
    "drift": ("commands.drift:drift", "Compare a live database with what the project says of it"),
}


@hookimpl
def confiture_mediums() -> Iterable[Provider[Medium]]:
    """Medium 2, its second half."""
    for name, (target, summary) in _MEDIUMS.items():
        yield Provider(name=name, target=f"confiture_incremental.{target}", summary=summary)


@hookimpl
def confiture_commands() -> Iterable[Command]:
    """``confiture migrate`` and its kin."""
    for name, (target, summary) in _COMMANDS.items():
        yield Command(name=name, target=f"confiture_incremental.{target}", summary=summary, group="Mediums")
