"""What the command line needs of the configuration before anything heavy is imported: stdlib only, never raises.

A file that cannot be read is reported by the command itself, which reads it again, typed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["PluginSettings", "disabled_by_variable", "plugin_settings"]


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """``[plugins]`` and ``[prefer]`` of the project that the working folder is in, as far as they make sense.

    ``disable`` also has what the variable ``CONFITURE_DISABLED_PLUGINS`` names.
    """

    disable: tuple[str, ...] = ()
    prefer: dict[str, dict[str, str]] = field(default_factory=dict)
    strict: bool = False


def disabled_by_variable() -> tuple[str, ...]:
    """The names in ``CONFITURE_DISABLED_PLUGINS``, separated by commas; ``*`` stands for all plugins."""
    names = os.environ.get("CONFITURE_DISABLED_PLUGINS", "").split(",")
    return tuple(name.strip() for name in names if name.strip())


def plugin_settings(start: Path | None = None) -> PluginSettings:
    """Read them; defaults where there is no project or no readable file."""
    strict = os.environ.get("CONFITURE_STRICT_PLUGINS") == "1"
    document: dict[str, Any] = {}
    folder = start or Path.cwd()
    for candidate in (folder, *folder.parents):
        path = candidate / "confiture.toml"
        if path.is_file():
            import tomllib

            try:
                document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
            except (OSError, ValueError):
                document = {}
            break
    plugins, prefer = document.get("plugins"), document.get("prefer")
    disable = plugins.get("disable") if isinstance(plugins, dict) else None
    return PluginSettings(
        disable=(
            *(name for name in (disable if isinstance(disable, list) else ()) if isinstance(name, str)),
            *disabled_by_variable(),
        ),
        prefer={
            kind: {k: v for k, v in names.items() if isinstance(v, str)}
            for kind, names in (prefer if isinstance(prefer, dict) else {}).items()
            if isinstance(names, dict)
        },
        strict=strict,
    )
