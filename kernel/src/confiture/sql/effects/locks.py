"""Which lock a statement takes: one table of facts, each with its place in PostgreSQL's manual.

The modes and what they conflict with: manual 13.3.1 (explicit-locking). Where the manual is silent, the source of
truth is ``AlterTableGetLockLevel`` and its like in PostgreSQL's ``tablecmds.c``; the tests see the locks of a server.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["ALTER_TABLE", "MODES", "LockFact", "blocks_reads", "blocks_writes", "option_lock", "stronger"]

ACCESS_SHARE: Final = "ACCESS SHARE"
ROW_SHARE: Final = "ROW SHARE"
ROW_EXCLUSIVE: Final = "ROW EXCLUSIVE"
SHARE_UPDATE: Final = "SHARE UPDATE EXCLUSIVE"
SHARE: Final = "SHARE"
SHARE_ROW: Final = "SHARE ROW EXCLUSIVE"
EXCLUSIVE: Final = "EXCLUSIVE"
ACCESS_EXCLUSIVE: Final = "ACCESS EXCLUSIVE"

#: From the weakest to the strongest, numbered as PostgreSQL does (LOCK TABLE's node has the number). "" is none.
MODES: Final = ("", ACCESS_SHARE, ROW_SHARE, ROW_EXCLUSIVE, SHARE_UPDATE, SHARE, SHARE_ROW, EXCLUSIVE, ACCESS_EXCLUSIVE)
_RANK = {mode: rank for rank, mode in enumerate(MODES)}


class LockFact(NamedTuple):
    """The mode, whether the same is done to partitions and children, and where that is written."""

    mode: str
    recurses: bool
    source: str


_COLUMN = "sql-altertable: ACCESS EXCLUSIVE unless explicitly noted"
_SETTINGS = "sql-altertable: SET STATISTICS, SET (attribute_option), CLUSTER ON acquire SHARE UPDATE EXCLUSIVE"
_TRIGGERS = "sql-altertable: DISABLE/ENABLE TRIGGER acquires SHARE ROW EXCLUSIVE"
_NAMED_ONLY = "sql-altertable: ACCESS EXCLUSIVE unless explicitly noted; never recurses to descendants"

#: By the grammar's name of the subcommand. What depends on more than that is decided where it is read.
ALTER_TABLE: Final = {
    "AT_AddColumn": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_ColumnDefault": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_DropNotNull": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_SetNotNull": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_SetExpression": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_DropExpression": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_SetStatistics": LockFact(SHARE_UPDATE, True, _SETTINGS),
    "AT_SetOptions": LockFact(SHARE_UPDATE, False, _SETTINGS),
    "AT_ResetOptions": LockFact(SHARE_UPDATE, False, _SETTINGS),
    "AT_SetStorage": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_SetCompression": LockFact(ACCESS_EXCLUSIVE, False, _COLUMN),
    "AT_DropColumn": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_AddConstraint": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_AlterConstraint": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_ValidateConstraint": LockFact(
        SHARE_UPDATE, True, "sql-altertable: VALIDATE CONSTRAINT acquires SHARE UPDATE EXCLUSIVE"
    ),
    "AT_DropConstraint": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_AlterColumnType": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_AlterColumnGenericOptions": LockFact(ACCESS_EXCLUSIVE, False, _COLUMN),
    "AT_ChangeOwner": LockFact(ACCESS_EXCLUSIVE, False, _NAMED_ONLY),
    "AT_ClusterOn": LockFact(SHARE_UPDATE, False, _SETTINGS),
    "AT_DropCluster": LockFact(SHARE_UPDATE, False, _SETTINGS),
    "AT_SetLogged": LockFact(ACCESS_EXCLUSIVE, False, _NAMED_ONLY),
    "AT_SetUnLogged": LockFact(ACCESS_EXCLUSIVE, False, _NAMED_ONLY),
    "AT_SetAccessMethod": LockFact(ACCESS_EXCLUSIVE, False, _NAMED_ONLY),
    "AT_SetTableSpace": LockFact(ACCESS_EXCLUSIVE, False, _NAMED_ONLY),
    "AT_EnableTrig": LockFact(SHARE_ROW, True, _TRIGGERS),
    "AT_EnableAlwaysTrig": LockFact(SHARE_ROW, True, _TRIGGERS),
    "AT_EnableReplicaTrig": LockFact(SHARE_ROW, True, _TRIGGERS),
    "AT_DisableTrig": LockFact(SHARE_ROW, True, _TRIGGERS),
    "AT_EnableTrigAll": LockFact(SHARE_ROW, True, _TRIGGERS),
    "AT_DisableTrigAll": LockFact(SHARE_ROW, True, _TRIGGERS),
    "AT_EnableTrigUser": LockFact(SHARE_ROW, True, _TRIGGERS),
    "AT_DisableTrigUser": LockFact(SHARE_ROW, True, _TRIGGERS),
    "AT_AddInherit": LockFact(ACCESS_EXCLUSIVE, False, _COLUMN),
    "AT_DropInherit": LockFact(ACCESS_EXCLUSIVE, False, _COLUMN),
    "AT_AttachPartition": LockFact(
        SHARE_UPDATE, False, "sql-altertable: ATTACH PARTITION: SHARE UPDATE EXCLUSIVE on the parent"
    ),
    "AT_DetachPartition": LockFact(ACCESS_EXCLUSIVE, False, "sql-altertable: DETACH PARTITION"),
    "AT_DetachPartitionFinalize": LockFact(SHARE_UPDATE, False, "tablecmds.c: AT_DetachPartitionFinalize"),
    "AT_AddIdentity": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_SetIdentity": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
    "AT_DropIdentity": LockFact(ACCESS_EXCLUSIVE, True, _COLUMN),
}

#: sql-createtable, "storage parameters": changing them takes SHARE UPDATE EXCLUSIVE. Others take ACCESS EXCLUSIVE.
_LIGHT_OPTIONS = frozenset(
    {"fillfactor", "toast_tuple_target", "parallel_workers", "vacuum_index_cleanup", "vacuum_truncate",
     "vacuum_max_eager_freeze_failure_rate", "log_autovacuum_min_duration", "deduplicate_items",
     "autovacuum_enabled", "n_distinct", "n_distinct_inherited"}
)  # fmt: skip


def option_lock(names: list[str]) -> str:
    """The mode for SET or RESET of these storage parameters."""
    light = all(name in _LIGHT_OPTIONS or name.startswith("autovacuum_") for name in names)
    return SHARE_UPDATE if light else ACCESS_EXCLUSIVE


def stronger(one: str, other: str) -> str:
    """The stronger of two modes."""
    return one if _RANK[one] >= _RANK[other] else other


def blocks_writes(mode: str) -> bool:
    """Whether INSERT, UPDATE and DELETE wait for it (they take ROW EXCLUSIVE)."""
    return _RANK[mode] >= _RANK[SHARE]


def blocks_reads(mode: str) -> bool:
    """Whether even SELECT waits for it (it takes ACCESS SHARE)."""
    return mode == ACCESS_EXCLUSIVE
