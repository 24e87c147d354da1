"""What the commands' options have in common, and those that belong to another medium."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypedDict

from cyclopts import Group, Parameter

from confiture.cli.command import environments
from confiture.cli.words import names
from confiture.errors import UsageError

__all__ = [
    "Databases",
    "DatabasesParam",
    "Elsewhere",
    "ElsewhereParam",
    "Engine",
    "Jobs",
    "MaxRate",
    "Preflight",
    "Sides",
    "Tables",
    "at_least",
    "refuse_elsewhere",
    "sides",
    "table_names",
]

_DATABASES = Group("Databases", sort_key=6)
_ROWS = Group("Rows", sort_key=7)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """Which databases, and the map between them: each phase takes them."""

    from_: Annotated[
        str | None, Parameter(name="--from", metavar="ENV|DSN", group=_DATABASES, completer=environments)
    ] = None
    """The old database. Others on this machine can see a connection string: no password here. [default: production]"""

    to: Annotated[str | None, Parameter(name="--to", metavar="ENV|DSN", group=_DATABASES, completer=environments)] = (
        None
    )
    """The new database. [default: production_new]"""

    mapping: Annotated[Path | None, Parameter(name="--mapping", metavar="FILE", group=_DATABASES)] = None
    """The migration map. [default: db/migration_map.yaml, where it is there]"""


#: The parameter that takes them: ``databases: DatabasesParam = None``.
DatabasesParam: TypeAlias = Databases | None


class Sides(TypedDict):
    """The fields that every request has."""

    source: str | None
    target: str | None
    mapping: str | None


def sides(databases: Databases | None) -> Sides:
    """The fields of a request. Raises ``UsageError`` for an empty file name."""
    given = databases or Databases()
    if given.mapping is not None and str(given.mapping) in ("", "."):  # "." is what an empty path is
        raise UsageError("--mapping has an empty value", hint="give it one, or leave the option out")
    mapping = None if given.mapping is None else str(given.mapping)
    return {"source": given.from_, "target": given.to, "mapping": mapping}


def _engines(context: Any) -> list[str]:
    """What TAB offers after ``--strategy``: engines of every plugin that is installed."""
    from confiture.hooks import TRANSFER
    from confiture.registry import Registry

    return list(Registry().names(TRANSFER))


#: How rows are moved.
Engine: TypeAlias = Annotated[str | None, Parameter(metavar="NAME", group=_ROWS, completer=_engines)]
#: Which ones.
Tables: TypeAlias = Annotated[tuple[str, ...], Parameter(negative="", metavar="NAMES", group=_ROWS)]
#: How fast.
Jobs: TypeAlias = Annotated[int | None, Parameter(metavar="N", group=_ROWS)]
MaxRate: TypeAlias = Annotated[float | None, Parameter(metavar="MB/S", group=_ROWS)]
#: Whether rows are looked at first.
Preflight: TypeAlias = Annotated[bool, Parameter(negative="--no-preflight", group=_ROWS)]


def table_names(written: tuple[str, ...]) -> tuple[str, ...]:
    """``--tables a,b``. Raises ``UsageError`` for an empty name."""
    return names(written, "--tables")


def at_least(value: float | None, least: float, option: str) -> None:
    """Raise ``UsageError`` for a number that means nothing; ``least`` 0 is one that it must be above."""
    if value is None or (value > 0 if not least else value >= least):
        return
    hint = f"{least:g} or more" if least else "more than 0"
    raise UsageError(f"{option} is {value:g}", hint=f"give {hint}, or leave it out")


def _change() -> Any:
    return Parameter(negative="", show=False, consume_multiple=True)


@Parameter(name="*", show=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Options that people try for a change of one column: taken, so that the error can say where that is done."""

    add_column: Annotated[tuple[str, ...] | None, _change()] = None
    drop_column: Annotated[tuple[str, ...] | None, _change()] = None
    rename_column: Annotated[tuple[str, ...] | None, _change()] = None
    alter_column: Annotated[tuple[str, ...] | None, _change()] = None
    add_index: Annotated[tuple[str, ...] | None, _change()] = None
    drop_index: Annotated[tuple[str, ...] | None, _change()] = None
    add_constraint: Annotated[tuple[str, ...] | None, _change()] = None
    drop_constraint: Annotated[tuple[str, ...] | None, _change()] = None
    add_table: Annotated[tuple[str, ...] | None, _change()] = None
    drop_table: Annotated[tuple[str, ...] | None, _change()] = None
    rename_table: Annotated[tuple[str, ...] | None, _change()] = None


#: The parameter that takes them: ``elsewhere: ElsewhereParam = None``.
ElsewhereParam: TypeAlias = Elsewhere | None


def refuse_elsewhere(elsewhere: Elsewhere | None) -> None:
    """Raise ``UsageError`` that sends to migrations, where one of those was given."""
    for field in fields(Elsewhere):
        if elsewhere is not None and getattr(elsewhere, field.name) is not None:
            option = "--" + field.name.replace("_", "-")
            raise UsageError(
                f"{option} needs no second database: it is a migration of the one that is there",
                hint="change the files in db/schema/, then: "
                f"`confiture migrate diff --generate --name {field.name}`, and `confiture migrate up`",
            )
