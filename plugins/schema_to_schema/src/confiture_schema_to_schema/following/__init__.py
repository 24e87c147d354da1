"""What changes on one side is brought to the other: snapshot-complete batches, acknowledged when they are applied."""

from __future__ import annotations

from confiture_schema_to_schema.following.applying import MARK
from confiture_schema_to_schema.following.batches import Batch, catch_up, take_epoch
from confiture_schema_to_schema.following.state import FollowRecord, FollowState, follow_state_of

__all__ = ["MARK", "Batch", "FollowRecord", "FollowState", "catch_up", "follow_state_of", "take_epoch"]
