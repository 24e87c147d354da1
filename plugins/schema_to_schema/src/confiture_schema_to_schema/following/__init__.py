"""What changes on one side is brought to the other: snapshot-complete batches, acknowledged when they are applied."""

from __future__ import annotations

from confiture_schema_to_schema.following.applying import MARK
from confiture_schema_to_schema.following.batches import Batch, Follower, catch_up, take_epoch
from confiture_schema_to_schema.following.loosening import confirm, loosen, loosened_of, tighten
from confiture_schema_to_schema.following.opening import Reopened, reopened
from confiture_schema_to_schema.following.state import FollowRecord, FollowState, follow_state_of

__all__ = [
    "MARK",
    "Batch",
    "FollowRecord",
    "FollowState",
    "Follower",
    "Reopened",
    "catch_up",
    "confirm",
    "follow_state_of",
    "loosen",
    "loosened_of",
    "reopened",
    "take_epoch",
    "tighten",
]
