"""The source ``empty``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import SourceUnreadable
from confiture.model import SourceFile

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["EmptySource"]


class EmptySource:
    """Has no file: the schema that every database begins with."""

    async def load(self, ctx: Context, what: str = "", *, order: str = "alphabetical") -> Sequence[SourceFile]:
        """``()``. Raises ``SourceUnreadable`` for an address: there is nothing to name."""
        if what not in ("", "seeds"):
            raise SourceUnreadable(
                f"the source 'empty' has no {what!r}", hint="write `empty:` alone, or the path by itself"
            )
        return ()
