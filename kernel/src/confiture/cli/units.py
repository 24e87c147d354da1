"""Numbers as people read them."""

from __future__ import annotations

__all__ = ["many", "size", "span"]


def many(number: int, what: str) -> str:
    """``1,234 rows``, ``1 row``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def size(number: float) -> str:
    """``1.2 MB``: bytes, in powers of a thousand."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 999.5 or unit == "TB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "B" or number >= 99.5 else f"{number:.1f} {unit}"


def span(seconds: float) -> str:
    """``0.12 s``, ``12.3 s``, ``2 min 3 s``, ``1 h 2 min``."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
