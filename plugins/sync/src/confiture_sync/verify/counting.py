"""Rows, foreign keys, unique keys and sequences of the target, by plain SQL over its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.quoting import quote_ident
from confiture.sql.grammar import parse, walk
from confiture.transfer import set_local
from confiture_sync.model import Check
from confiture_sync.values import Catalog, ForeignKey, TablePlan

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = [
    "check_foreign_key",
    "check_rows",
    "check_sequences",
    "check_unique",
    "set_selection",
    "target_rows",
]

#: Beyond so many rows a unique index is believed: the sort of a hundred million keys takes longer than their copy.
_MOST_ROWS = 5_000_000
_UNIQUE = """
SELECT c.relname::text AS name, i.indisvalid AND i.indisready AS valid, i.indnullsnotdistinct AS nulls_alike,
       pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate,
       ARRAY(SELECT pg_catalog.pg_get_indexdef(i.indexrelid, n, false)
               FROM pg_catalog.generate_series(1, i.indnkeyatts) AS n) AS keys
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
 WHERE i.indrelid = pg_catalog.to_regclass($1) AND i.indisunique ORDER BY c.relname
"""
_NULLS_ALIKE_SINCE = 15
_SEQUENCES = """
SELECT d.objid::pg_catalog.regclass::text AS name, a.attname::text AS column, s.seqincrement AS increment
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid
  JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')
   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = pg_catalog.to_regclass($1)
 ORDER BY a.attnum
"""


def source_rows(plan: TablePlan) -> str:
    """FROM and WHERE of the rows that are copied, raw, on the source."""
    mask, selection = plan.table.mask, plan.selection
    only = "ONLY " if mask.only else ""
    condition = "true" if selection is None else selection.condition
    return f"{only}{mask.sql} AS {quote_ident(mask.name)}\nWHERE ({condition}\n)"


def target_rows(plan: TablePlan) -> str:
    """FROM of the target's rows."""
    return f"{'ONLY ' if plan.target.only else ''}{plan.target.sql} AS {quote_ident(plan.target.name)}"


async def set_selection(source: Connection, plan: TablePlan) -> None:
    """The lists of keys that the selection's condition reads, for the transaction."""
    await set_local(source, {} if plan.selection is None else plan.selection.settings)


async def check_rows(source: Connection, target: Connection, plan: TablePlan, *, upsert: bool) -> list[Check]:
    """As many rows as the source has in the snapshot; with upsert at least as many."""
    await set_selection(source, plan)
    wanted = await source.fetchval(f"SELECT count(*) FROM {source_rows(plan)}")
    found = await target.fetchval(f"SELECT count(*) FROM {target_rows(plan)}")
    ok = found >= wanted if upsert else found == wanted
    detail = f"{found} rows" if found == wanted else f"{found} rows, and {wanted} on the source"
    return [Check(name="rows", what=plan.label, ok=ok, detail=detail)]


async def check_foreign_key(
    source: Connection, target: Connection, plan: TablePlan, key: ForeignKey, catalog: Catalog
) -> list[Check]:
    """No row's parent is missing, save as many as on the source, where nothing may enforce the key."""
    if key.virtual and (masked := _masked_columns(plan, key)):
        detail = f"not looked at: its condition reads {', '.join(masked)}, which is masked"
        return [Check(name="foreign-key", what=key.label, ok=True, detail=detail)]
    parent = catalog.tables[key.parent]
    if await target.fetchval("SELECT pg_catalog.to_regclass($1)", parent.sql) is None:
        return []
    condition = _orphans(plan, key, f"{'ONLY ' if parent.mask.only else ''}{parent.sql}")
    found = await target.fetchval(f"SELECT count(*) FROM {target_rows(plan)} WHERE {condition}")
    borne = 0
    if found:
        await set_selection(source, plan)
        borne = await source.fetchval(f"SELECT count(*) FROM {source_rows(plan)} AND {condition}")
    detail = "every row has its parent"
    if found:
        detail = f"{found} rows have no parent in {key.parent}" + (f"; on the source {borne}" if borne else "")
    return [Check(name="foreign-key", what=key.label, ok=found <= borne, detail=detail)]


def _orphans(plan: TablePlan, key: ForeignKey, parent: str) -> str:
    table = quote_ident(plan.table.mask.name)
    own = [f"{table}.{quote_ident(name)}" for name in key.columns]
    others = [f"confiture_parent.{quote_ident(name)}" for name in key.parent_columns]
    joined = " AND ".join(f"{one} = {other}" for one, other in zip(own, others, strict=True))
    whole = " AND ".join(f"{one} IS NOT NULL" for one in own)
    sql = f"({whole} AND NOT EXISTS (SELECT FROM {parent} AS confiture_parent WHERE {joined}))"
    if key.full and len(own) > 1:
        sql = f"({sql} OR num_nulls({', '.join(own)}) BETWEEN 1 AND {len(own) - 1})"
    return sql if key.when is None else f"({key.when}\n) AND {sql}"


def _masked_columns(plan: TablePlan, key: ForeignKey) -> list[str]:
    if key.when is None:
        return []
    nodes = walk(parse(f"SELECT ({key.when}\n)").stmts[0].stmt)
    read = {node.fields[-1].string.sval for node in nodes if type(node).__name__ == "ColumnRef"}
    return sorted(name for name in read if name in plan.rules and plan.rules[name].kind != "keep")


async def check_unique(target: Connection, plan: TablePlan, rows: int) -> list[Check]:
    """Unique indexes are valid, and no key is there twice."""
    sql = _UNIQUE
    if target.get_server_version()[0] < _NULLS_ALIKE_SINCE:
        sql = sql.replace("i.indnullsnotdistinct AS", "false AS")
    found = []
    for index in await target.fetch(sql, plan.target.sql):
        twice = 0
        if rows <= _MOST_ROWS:
            keys = [f"({key}\n)" for key in index["keys"]]
            conditions = [] if index["nulls_alike"] else [f"{key} IS NOT NULL" for key in keys]
            if index["predicate"]:
                conditions.append(f"({index['predicate']}\n)")
            where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
            # The rows are asked, not the index.
            await target.execute("SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_indexscan = off")
            twice = await target.fetchval(
                f"SELECT count(*) FROM (SELECT FROM {target_rows(plan)}{where} "
                f"GROUP BY {', '.join(keys)} HAVING count(*) > 1) AS twice"
            )
            await target.execute("SET LOCAL enable_indexonlyscan TO DEFAULT; SET LOCAL enable_indexscan TO DEFAULT")
        problems = ([] if index["valid"] else ["the index is not valid"]) + (
            [f"{twice} keys are there more than once"] if twice else []
        )
        detail = "; ".join(problems) or ("no key is there twice" if rows <= _MOST_ROWS else "the index is valid")
        found.append(Check(name="unique", what=f"{plan.label}: {index['name']}", ok=not problems, detail=detail))
    return found


async def check_sequences(target: Connection, plan: TablePlan) -> list[Check]:
    """The next number of each column's sequence is behind those that its rows have."""
    found = []
    for row in await target.fetch(_SEQUENCES, plan.target.sql):
        up = row["increment"] > 0
        column = quote_ident(row["column"])
        edge, compared = ("max", ">") if up else ("min", "<")
        ok = await target.fetchval(
            f"SELECT (SELECT coalesce(CASE WHEN s.is_called THEN s.last_value::numeric + $1::bigint ELSE s.last_value "
            f"END {compared} (SELECT {edge}({column}) FROM {target_rows(plan)}), true) FROM {row['name']} AS s)",
            row["increment"],
        )
        detail = "" if ok else f"its next number is not behind those in {row['column']!r}"
        found.append(Check(name="sequence", what=row["name"], ok=ok, detail=detail))
    return found
