"""The values that plugins exchange. Frozen msgspec structs; no I/O here.

Sizes are bytes, durations seconds, lines and columns count from 1, columns and offsets count characters.
"""

from __future__ import annotations

from confiture.model.captures import Backlog, CapturedTable, CaptureFinding, Changes
from confiture.model.events import Event, Logged, Note, Progress, StepFinished, StepStarted, WarningRaised
from confiture.model.plans import (
    Effects,
    Execution,
    ExecutionReport,
    Hazard,
    Measurement,
    Origin,
    Plan,
    SourceFile,
    Statement,
)
from confiture.model.schemas import (
    Decisions,
    DiffOptions,
    Grant,
    Matching,
    ObjectKey,
    Question,
    Rename,
    Schema,
    SchemaObject,
    Value,
)
from confiture.model.servers import ServerStatus, Target
from confiture.model.transfers import Mask, TransferReport, TransferSurvey, TransferTask

__all__ = [
    "Backlog",
    "CaptureFinding",
    "CapturedTable",
    "Changes",
    "Decisions",
    "DiffOptions",
    "Effects",
    "Event",
    "Execution",
    "ExecutionReport",
    "Grant",
    "Hazard",
    "Logged",
    "Mask",
    "Matching",
    "Measurement",
    "Note",
    "ObjectKey",
    "Origin",
    "Plan",
    "Progress",
    "Question",
    "Rename",
    "Schema",
    "SchemaObject",
    "ServerStatus",
    "SourceFile",
    "Statement",
    "StepFinished",
    "StepStarted",
    "Target",
    "TransferReport",
    "TransferSurvey",
    "TransferTask",
    "Value",
    "WarningRaised",
]
