"""Takes secrets out of text that people and logs will see."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["redact"]

# The password of a URI, and of a keyword string: what a driver's message could repeat.
_URI = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s@]*@", re.IGNORECASE)
_KEYWORD = re.compile(r"(\bpassword\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)
_HIDDEN = "****"


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without the passwords of connection strings and without any of ``secrets``."""
    for secret in sorted((s for s in secrets if s), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return _KEYWORD.sub(rf"\1{_HIDDEN}", _URI.sub(rf"\1:{_HIDDEN}@", text))
