"""The command of another phase for the same databases, as the user can paste it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Protocol

from confiture.redact import redact

if TYPE_CHECKING:
    from confiture.cli.command import ProjectOutput

__all__ = ["command"]


class _Named(Protocol):
    @property
    def source(self) -> str | None: ...
    @property
    def target(self) -> str | None: ...
    @property
    def mapping(self) -> str | None: ...


def command(phase: str, request: _Named, common: ProjectOutput | None) -> str:
    """``confiture migrate schema-to-schema validate --to ...``, with what was given and without a password."""
    options = [("--from", request.source), ("--to", request.target)]
    if phase != "resume":  # which remembers it
        options.append(("--mapping", request.mapping))
    if common is not None and common.project is not None:
        options.append(("--project", str(common.project)))
    # A password is taken out before the quotes are there: it would take one of them along.
    words = [word for name, value in options if value is not None for word in (name, redact(value))]
    return shlex.join(["confiture", "migrate", "schema-to-schema", phase, *words])
