"""Which rows were brought over last: what was compared before does not speak for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from confiture_schema_to_schema.following.touched import Texts, Work

__all__ = ["Recent"]

#: So many of a part, the last ones.
_MOST: Final = 5_000


class Recent:
    """Filled batch by batch. Parts that were copied whole are none of it."""

    def __init__(self) -> None:
        self._keys: dict[int, set[Texts]] = {}
        self._identities: dict[int, set[Texts]] = {}

    def add(self, works: Iterable[Work]) -> None:
        """What a batch has brought over."""
        for work in works:
            number = work.statements.followed.part.number
            keys, identities = self.of(number)
            if work.whole or max(len(work.keys), len(work.identities)) > _MOST - max(len(keys), len(identities)):
                self._keys.pop(number, None)
                self._identities.pop(number, None)
            if not work.whole and max(len(work.keys), len(work.identities)) <= _MOST:
                self._keys.setdefault(number, set()).update(work.keys)
                self._identities.setdefault(number, set()).update(work.identities)

    def of(self, number: int) -> tuple[AbstractSet[Texts], AbstractSet[Texts]]:
        """Of the part of that number: keys of its rows on the source, and what finds these on the target."""
        return self._keys.get(number, frozenset()), self._identities.get(number, frozenset())
