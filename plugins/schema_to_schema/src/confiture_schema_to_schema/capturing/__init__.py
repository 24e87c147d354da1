"""What has to be captured on the source, so that each part can be brought up to date, and by which provider."""

from __future__ import annotations

from confiture_schema_to_schema.capturing.changing import changed_tables
from confiture_schema_to_schema.capturing.explaining import explained
from confiture_schema_to_schema.capturing.installing import LOCK, check_way_back, install, preflight, verify
from confiture_schema_to_schema.capturing.nothing import capture_of
from confiture_schema_to_schema.capturing.planning import capture_name, plan_watch
from confiture_schema_to_schema.capturing.values import Followed, Touch, Watch

__all__ = [
    "LOCK",
    "Followed",
    "Touch",
    "Watch",
    "capture_name",
    "capture_of",
    "changed_tables",
    "check_way_back",
    "explained",
    "install",
    "plan_watch",
    "preflight",
    "verify",
]
