"""An UPDATE of a whole table in batches that commit: plain SQL, for psql as for the executor."""

from __future__ import annotations

__all__ = ["BATCH_PAGES", "backfill_block"]

#: Pages of 8 kB a transaction: some 10,000 to 100,000 rows, so that row locks last a second at most.
BATCH_PAGES = 1000


def backfill_block(table: str, assignments: str, where: str, *, pages: int = BATCH_PAGES) -> str:
    """A DO block that runs ``UPDATE table SET assignments WHERE where``, some pages at a time, each in a transaction.

    All arguments are SQL. Ranges of ctid are read as such since PostgreSQL 14 (TID range scan), so no key is needed
    and every page is read once. ``where`` must leave out what is done already: rows that an UPDATE moved to the
    table's end are then not met twice, and the block can be run again after a failure. Rows that are added meanwhile
    are not its business: a default or a trigger must see to them. It cannot run inside of a transaction.
    """
    return f"""DO $confiture$
DECLARE
    page bigint := 0;
    last bigint := pg_catalog.pg_relation_size({_literal(table)}) / pg_catalog.current_setting('block_size')::bigint;
BEGIN
    WHILE page <= last LOOP
        UPDATE {table} SET {assignments}
         WHERE ({where})
           AND ctid >= pg_catalog.format('(%s,0)', page)::tid
           AND ctid < pg_catalog.format('(%s,0)', page + {pages})::tid;
        COMMIT;
        page := page + {pages};
    END LOOP;
END
$confiture$"""


def _literal(text: str) -> str:
    from confiture.quoting import quote_literal

    return quote_literal(text).strip()
