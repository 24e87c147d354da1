"""Extensions that the wheel's PostgreSQL was built without, as far as PostgreSQL itself can stand in for them.

Only on the scratch server: what is built there is looked at and dropped. ``extension_control_path`` (PostgreSQL 18)
leads to them; an extension that is really installed comes first.
"""

from __future__ import annotations

from pathlib import Path

from confiture_embedded.account import write_private
from confiture_embedded.layout import Home, make_private

__all__ = ["SINCE", "available", "control_path", "write_standins"]

#: The first major version that has ``extension_control_path``.
SINCE = 18
_FILES = Path(__file__).parent / "extensions"


def _folder(home: Home) -> Path:
    return home.path / "standins"


def control_path(home: Home) -> str | None:
    """The setting's value for a server in ``home``; None where its path cannot be written in one."""
    return None if ":" in str(home.path) else f"$system:{_folder(home)}"


def write_standins(home: Home) -> None:
    """Copy them to where the server's user can read them: the package may be in somebody's private folder."""
    for folder in (_folder(home), _folder(home) / "extension"):
        make_private(folder, home.account)
    for file in _FILES.iterdir():
        if file.suffix in (".sql", ".control"):
            write_private(_folder(home) / "extension" / file.name, file.read_text(encoding="utf-8"), home.account)


def available(home: Home | None) -> frozenset[str]:
    """The extensions that the server in ``home`` was started with stand-ins for."""
    if home is None:
        return frozenset()
    try:
        return frozenset(file.stem for file in (_folder(home) / "extension").glob("*.control"))
    except OSError:
        return frozenset()
