"""``[build] order`` in ``confiture.toml``: read, and written where it is not there."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from confiture.config import Project
from confiture.config.project import CONFIG_FILE
from confiture.errors import Refused

__all__ = ["chosen_order", "with_order"]


def chosen_order(project: Project) -> str | None:
    """What the project says already; None where it says nothing."""
    table = project.document.get("build", {})
    order = table.get("order") if hasattr(table, "get") else None
    return order if isinstance(order, str) else None


def with_order(text: str, order: str, path: Path) -> str:
    """The text of ``confiture.toml`` with ``[build] order``; all that is there stays.

    Raises ``Refused`` where the line has no place.
    """
    line = f'order = "{order}"'
    before = tomllib.loads(text)
    if "build" in before:
        lines = text.splitlines(keepends=True)
        place = next((number for number, each in enumerate(lines) if each.split("#")[0].strip() == "[build]"), None)
        new = None if place is None else "".join([*lines[: place + 1], f"{line}\n", *lines[place + 1 :]])
    else:
        gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
        new = f"{text}{gap}[build]\n# Statements run in the order of their needs, wherever they stand.\n{line}\n"
    wanted = {**before, "build": {**before.get("build", {}), "order": order}}
    if new is None or _read(new) != wanted:
        raise Refused(
            f"{path.name} needs {line} under [build], and has no place for it",
            hint=f"write it there by hand, then run again; the file is {CONFIG_FILE}",
        )
    return new


def _read(text: str) -> Mapping[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # the key is there already
        return None
