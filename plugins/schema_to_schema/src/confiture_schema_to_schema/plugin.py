"""Registers the mediums of ``confiture migrate schema-to-schema``, and their commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Command, Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Medium

API_VERSION = 1

_PACKAGE = "confiture_schema_to_schema"
_COMMAND = "migrate schema-to-schema"


@hookimpl
def confiture_mediums() -> Iterable[Provider[Medium]]:
    """Medium 4."""
    for name, target, summary in (
        ("", "medium:SchemaToSchemaMedium", "rows of one database in another of a new schema, through a map"),
        (
            "-plan",
            "planning.medium:PlanMedium",
            "what a migration into a new database would do, and what is in its way",
        ),
        ("-status", "status.medium:StatusMedium", "how far a migration into a new database is"),
        ("-pause", "status.pausing:PauseMedium", "a migration into a new database waits, or goes on"),
        (
            "-validate",
            "validating.medium:ValidateMedium",
            "whether a new database is what the map gives of the old one",
        ),
        ("-report", "history.medium:HistoryMedium", "a migration into a new database as one HTML file"),
        ("-settle", "crossing.resuming:SettleMedium", "a cutover that was cut is ended, forward or back"),
        ("-map", "generating.medium:MapMedium", "a first migration map, from what differs"),
        ("-follow", "following.medium:FollowMedium", "what changes meanwhile is brought to a new database"),
        (
            "-cutover",
            "crossing.medium:CutoverMedium",
            "a new database becomes the live one, in a pause of about a second",
        ),
        ("-rollback", "crossing.medium:RollbackMedium", "the old database becomes the live one again"),
        ("-cleanup", "cleaning.medium:CleanupMedium", "what a migration made in both databases is removed"),
    ):
        yield Provider(name=f"schema-to-schema{name}", target=f"{_PACKAGE}.{target}", summary=summary)


@hookimpl
def confiture_commands() -> Iterable[Command]:
    """``confiture migrate schema-to-schema`` and its phases."""
    for name, module, summary in (
        ("", "whole", "Move into a new database with a new schema, while the old one goes on serving"),
        (" plan", "plan", "Show what a migration into a new database would do, and change nothing"),
        (" start", "start", "Begin a migration into a new database"),
        (" status", "status", "Show how far a migration into a new database is"),
        (" pause", "pause", "Have a migration wait"),
        (" resume", "resume", "Go on with a migration that was paused or cut"),
        (" validate", "validate", "Compare the new database with what the map gives of the old one"),
        (" follow", "follow", "Bring what changes in the live database to the other one"),
        (" cutover", "cutover", "Make the new database the live one"),
        (" rollback", "rollback", "Make the old database the live one again, with what the new one has taken"),
        (" cleanup", "cleanup", "Remove what a migration made in both databases"),
        (" report", "report", "Write the whole migration as one HTML file"),
        (" map", "map", "Write a first migration map, from what differs"),
    ):
        function = {"": "schema_to_schema", " map": "write_map"}.get(name, module)
        yield Command(
            name=_COMMAND + name, target=f"{_PACKAGE}.commands.{module}:{function}", summary=summary, group="Mediums"
        )
