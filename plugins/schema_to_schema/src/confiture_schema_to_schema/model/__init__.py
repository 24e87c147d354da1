"""What the mediums are asked for, and what they say that they did."""

from __future__ import annotations

from confiture_schema_to_schema.model.copying import (
    PauseReport,
    PauseRequest,
    SchemaToSchemaReport,
    SchemaToSchemaRequest,
    TableReport,
)
from confiture_schema_to_schema.model.crossing import CutoverReport, CutoverRequest, RollbackRequest, SettleRequest
from confiture_schema_to_schema.model.ending import CleanupReport, CleanupRequest, HistoryReport, HistoryRequest
from confiture_schema_to_schema.model.following import FollowReport, FollowRequest
from confiture_schema_to_schema.model.mapping import MapReport, MapRequest
from confiture_schema_to_schema.model.planning import Finding, PlannedTable, PlanReport, PlanRequest
from confiture_schema_to_schema.model.status import (
    CrossingStatus,
    FollowStatus,
    LostTable,
    Phase,
    StatusReport,
    StatusRequest,
    StepTime,
    TableStatus,
)
from confiture_schema_to_schema.model.validating import Mismatch, ValidatedTable, ValidateReport, ValidateRequest

__all__ = [
    "CleanupReport",
    "CleanupRequest",
    "CrossingStatus",
    "CutoverReport",
    "CutoverRequest",
    "Finding",
    "FollowReport",
    "FollowRequest",
    "FollowStatus",
    "HistoryReport",
    "HistoryRequest",
    "LostTable",
    "MapReport",
    "MapRequest",
    "Mismatch",
    "PauseReport",
    "PauseRequest",
    "Phase",
    "PlanReport",
    "PlanRequest",
    "PlannedTable",
    "RollbackRequest",
    "SchemaToSchemaReport",
    "SchemaToSchemaRequest",
    "SettleRequest",
    "StatusReport",
    "StatusRequest",
    "StepTime",
    "TableReport",
    "TableStatus",
    "ValidateReport",
    "ValidateRequest",
    "ValidatedTable",
]
