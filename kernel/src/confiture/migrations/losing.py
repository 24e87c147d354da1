"""Whether a way back loses what its way there did not make, so that a migration must say so."""

from __future__ import annotations

from collections.abc import Sequence

from confiture.model import Statement

__all__ = ["down_loses"]


def down_loses(up: Sequence[Statement], down: Sequence[Statement] | None) -> bool:
    """Whether ``down`` loses data beyond that which ``up`` makes room for.

    What is known of a statement's effects already counts; of others the worst is taken to be so.
    """
    from confiture.sql.effects import Step, lost

    ((*found,),) = lost([Step(down or (), up)], None)
    known = [(down or ())[number].effects for number, _ in found]
    return any(effects is None or effects.loses_data for effects in known)
