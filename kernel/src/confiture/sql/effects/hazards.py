"""The kinds of hazard: a fixed vocabulary that people allow or forbid by name."""

from __future__ import annotations

from typing import Final

__all__ = [
    "ACCESS_EXCLUSIVE_LOCK",
    "BLOCKS_WRITES",
    "BREAKS_CLIENTS",
    "CHANGES_ACCESS",
    "DELETES_DATA",
    "FAILS_ON_DATA",
    "HAZARDS",
    "INDEX_DROPPED",
    "NOT_TRANSACTIONAL",
    "TABLE_REWRITE",
    "TABLE_SCAN",
    "UNKNOWN_EFFECTS",
]

DELETES_DATA: Final = "deletes-data"
TABLE_REWRITE: Final = "table-rewrite"
TABLE_SCAN: Final = "table-scan"
ACCESS_EXCLUSIVE_LOCK: Final = "access-exclusive-lock"
BLOCKS_WRITES: Final = "blocks-writes"
FAILS_ON_DATA: Final = "fails-on-data"
NOT_TRANSACTIONAL: Final = "not-transactional"
BREAKS_CLIENTS: Final = "breaks-clients"
INDEX_DROPPED: Final = "index-dropped"
CHANGES_ACCESS: Final = "changes-access"
UNKNOWN_EFFECTS: Final = "unknown-effects"

#: Every kind and what it means, the worst first.
HAZARDS: Final = {
    DELETES_DATA: "data is gone afterwards, and no statement brings it back",
    BREAKS_CLIENTS: "what applications call by its name is gone or has another name",
    FAILS_ON_DATA: "rows that are there may make the statement fail",
    TABLE_REWRITE: "the whole table is written anew while nobody can use it",
    TABLE_SCAN: "the whole table is read while nobody can write to it",
    ACCESS_EXCLUSIVE_LOCK: "nobody can read or write the table until the transaction ends",
    BLOCKS_WRITES: "nobody can write to the table until the transaction ends",
    INDEX_DROPPED: "queries that used the index become slow, and uniqueness is no longer checked",
    CHANGES_ACCESS: "who may see or change what is different afterwards",
    NOT_TRANSACTIONAL: "the statement runs outside of a transaction: what it did before an error stays",
    UNKNOWN_EFFECTS: "what the statement does cannot be known from its text",
}
