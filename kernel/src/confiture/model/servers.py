"""Databases that can be connected to, and their servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

__all__ = ["ServerStatus", "Target"]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A database that can be connected to. ``params`` are libpq's keywords; they may hold a password.

    ``label`` is how messages name it (the environment's name), ``managed`` True where the server belongs to
    confiture, so that roles may be created on it, ``protected`` where nothing may be destroyed.
    """

    label: str
    params: Mapping[str, str]
    managed: bool = False
    protected: bool = False

    @property
    def database(self) -> str:
        """The database's name, as libpq resolves it: ``dbname``, else the user's name."""
        return self.params.get("dbname") or self.params.get("user") or "postgres"

    def with_database(self, name: str) -> Target:
        """The same server and role, another database."""
        return msgspec.structs.replace(self, params={**self.params, "dbname": name})

    def __repr__(self) -> str:
        return f"Target(label={self.label!r}, database={self.database!r})"


class ServerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a server. ``state`` is ``running``, ``stopped`` or ``unreachable``.

    ``since`` is an ISO 8601 time, ``size_bytes`` what its data takes on disk, ``detail`` why it is unreachable.
    """

    state: Literal["running", "stopped", "unreachable"]
    address: str
    version: str | None = None
    data: str | None = None
    pid: int | None = None
    since: str | None = None
    size_bytes: int | None = None
    idle_minutes: float | None = None
    detail: str | None = None
