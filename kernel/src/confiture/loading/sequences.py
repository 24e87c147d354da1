"""Sequences go on where the rows end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from confiture.quoting import quote_ident, quote_literal

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["set_sequences"]

# A sequence that a column owns (serial, identity), or that the column's default uses without owning it; that one may
# have other users, whose columns count too. Only columns of numbers say where a sequence is.
_SEQUENCES = """
WITH used AS (
    SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS number, true AS owned
      FROM pg_catalog.pg_depend d
     WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    UNION
    SELECT d.refobjid, f.adrelid, f.adnum, false FROM pg_catalog.pg_depend d
      JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid
     WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND d.deptype = 'n'
)
SELECT s.seqrelid AS oid, sn.nspname::text AS sequence_schema, sc.relname::text AS sequence,
       s.seqstart AS start, s.seqincrement AS step, s.seqmin AS least, s.seqmax AS most,
       used.owned,
       n.nspname::text AS schema, c.relname::text AS table, a.attname::text AS column,
       c.relkind = 'p' AS partitioned
  FROM used JOIN pg_catalog.pg_sequence s ON s.seqrelid = used.sequence
  JOIN pg_catalog.pg_class sc ON sc.oid = s.seqrelid JOIN pg_catalog.pg_namespace sn ON sn.oid = sc.relnamespace
  JOIN pg_catalog.pg_class c ON c.oid = used.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = used.relation AND a.attnum = used.number
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 WHERE t.typcategory = 'N' AND t.typname <> 'oid' AND NOT pg_catalog.starts_with(t.typname::text, 'reg')
   AND NOT c.relispartition AND c.relkind IN ('r', 'p')
   AND pg_catalog.has_sequence_privilege(s.seqrelid, 'UPDATE')
   AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
 ORDER BY 2, 3, s.seqrelid, n.nspname, c.relname
"""


async def set_sequences(connection: Connection, columns: Collection[tuple[str, str, str]]) -> None:
    """Set those of ``columns`` (schema, table, column) to the column's largest value (smallest, when counting down).

    A sequence stays on the values that it would give by itself: one that counts in tens goes to the next ten. Where
    there is no row it is at its start. One that none of ``columns`` owns is only ever set forward.
    """
    copied = frozenset(columns)
    users: dict[int, list[Any]] = {}
    for row in await connection.fetch(_SEQUENCES):
        users.setdefault(row["oid"], []).append(row)
    for rows in users.values():
        mine = [row for row in rows if (row["schema"], row["table"], row["column"]) in copied]
        if mine:
            await connection.execute(_set(rows, owned=any(row["owned"] for row in mine)))


def _set(rows: Sequence[Any], *, owned: bool) -> str:
    first = rows[0]
    name = f"{quote_ident(first['sequence_schema'])}.{quote_ident(first['sequence'])}"
    up = first["step"] > 0
    step, start, least, most = (f"({first[key]}::numeric)" for key in ("step", "start", "least", "most"))
    furthest, nearest = ("max", "greatest") if up else ("min", "least")
    columns = {(row["schema"], row["table"], row["column"]): row for row in rows}.values()
    values = [
        f"(SELECT {furthest}({quote_ident(row['column'])})::numeric FROM {'' if row['partitioned'] else 'ONLY '}"
        f"{quote_ident(row['schema'])}.{quote_ident(row['table'])})"
        for row in columns
    ]
    if not owned:
        values.append(f"(SELECT CASE WHEN is_called THEN last_value::numeric END FROM {name})")
    # ceil of a quotient with the step's sign goes in the sequence's direction, whichever that is.
    before, beyond = (f"m.place < {least}", f"m.place > {most}") if up else (f"m.place > {most}", f"m.place < {least}")
    return (
        f"SELECT pg_catalog.setval({quote_literal(name)}::pg_catalog.regclass, (CASE WHEN m.place IS NULL OR {before} "
        f"THEN {start} WHEN {beyond} THEN {most if up else least} ELSE m.place END)::bigint, "
        f"coalesce(NOT ({before}), false)) FROM (SELECT {start} + ceil((v.value - {start}) / {step}) * {step} AS place "
        f"FROM (SELECT {nearest}({', '.join(values)}) AS value) AS v) AS m"
    )
