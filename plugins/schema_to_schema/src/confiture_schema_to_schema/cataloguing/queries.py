"""What the catalogs are asked: each query is for all tables at once, since there may be thousands."""

from __future__ import annotations

from typing import Final

__all__ = ["CHECKS", "COLUMNS", "DOMAIN_CHECKS", "FOREIGN_KEYS", "INDEXES", "PARTITIONS", "TABLES", "type_sql"]


def type_sql(type_: str, schema: str, element: str, element_schema: str) -> str:
    """SQL for a type's name without modifier: good on any search path. Arguments are aliases of pg_type and so on.

    Of a built-in one it is as people write it. With a modifier of -1 format_type says "bpchar" and quotes "bit",
    whereas character and bit have a length of 1 in SQL.
    """
    return f"""CASE WHEN {schema}.nspname = 'pg_catalog' THEN pg_catalog.format_type({type_}.oid, -1)
                     WHEN {element}.oid IS NOT NULL
                     THEN pg_catalog.format('%I.%I[]', {element_schema}.nspname, {element}.typname)
                     ELSE pg_catalog.format('%I.%I', {schema}.nspname, {type_}.typname) END"""


# Partitions are read through their root. What an extension owns comes with the extension, save for tables that it
# says are the user's data (extconfig). Rows are as the planner estimates them: the last density times today's pages;
# of a table that nobody has looked at some sixty a page.
TABLES: Final = """
WITH RECURSIVE tree AS (
    SELECT c.oid AS root, c.oid, c.relkind FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
       AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
       AND NOT (n.nspname = $1 AND pg_catalog.starts_with(c.relname::text, 'confiture_'))
       AND NOT pg_catalog.starts_with(n.nspname::text, 'confiture_capture')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
                        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
                          AND d.refclassid = 'pg_catalog.pg_extension'::regclass
                          AND NOT c.oid = ANY (coalesce(e.extconfig, '{}')))
    UNION ALL
    SELECT tree.root, i.inhrelid, c.relkind FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE tree.relkind = 'p'
)
SELECT r.oid, n.nspname::text AS schema, r.relname::text AS name, r.relkind = 'p' AS partitioned,
       r.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = r.oid) AS only,
       sums.rows, sums.bytes, sums.toast, sums.index_bytes
  FROM (SELECT tree.root,
               coalesce(sum(CASE WHEN c.reltuples >= 0 AND c.relpages > 0
                                 THEN c.reltuples / c.relpages * (size.bytes / size.page)
                                 ELSE size.bytes / size.page * 60 END), 0)::bigint AS rows,
               coalesce(sum(size.bytes), 0)::bigint AS bytes,
               coalesce(sum(CASE WHEN c.reltoastrelid <> 0
                                 THEN pg_catalog.pg_relation_size(c.reltoastrelid) END), 0)::bigint AS toast,
               coalesce(sum(pg_catalog.pg_indexes_size(c.oid)), 0)::bigint AS index_bytes
          FROM tree LEFT JOIN pg_catalog.pg_class c ON c.oid = tree.oid AND c.relkind = 'r'
          LEFT JOIN LATERAL (SELECT pg_catalog.pg_relation_size(c.oid) AS bytes,
                                    pg_catalog.current_setting('block_size')::bigint AS page) AS size ON true
         GROUP BY tree.root) AS sums
  JOIN pg_catalog.pg_class r ON r.oid = sums.root JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
 ORDER BY 2, 3
"""
# A user's type says its modifier after its name (geometry(Point,4326)); format_type names it by the search path.
COLUMNS: Final = f"""
SELECT a.attrelid AS relation, a.attnum AS number, a.attname::text AS name, t.oid, t.typtype::text AS kind,
       t.typcategory::text AS category, names.base,
       CASE WHEN n.nspname = 'pg_catalog' OR e.oid IS NOT NULL THEN
                 CASE WHEN a.atttypmod < 0 THEN names.base ELSE pg_catalog.format_type(t.oid, a.atttypmod) END
            ELSE names.base || pg_catalog.substr(pg_catalog.format_type(t.oid, a.atttypmod),
                                                 pg_catalog.length(pg_catalog.format_type(t.oid, -1)) + 1)
        END AS type,
       a.attnotnull OR t.typnotnull AS not_null, a.attgenerated::text AS generated, a.attidentity::text AS identity,
       CASE WHEN a.attgenerated = ''
            THEN coalesce(pg_catalog.pg_get_expr(f.adbin, f.adrelid), t.typdefault) END AS default,
       CASE WHEN a.attcollation <> t.typcollation
            THEN pg_catalog.format('%I.%I', cn.nspname, co.collname) END AS collation,
       ARRAY(SELECT l.enumlabel::text FROM pg_catalog.pg_enum l
              WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) AS labels,
       CASE WHEN t.typname IN ('varchar', 'bpchar') AND n.nspname = 'pg_catalog' AND a.atttypmod >= 0
            THEN a.atttypmod - 4
            WHEN b.typname IN ('varchar', 'bpchar') AND bn.nspname = 'pg_catalog' AND t.typtypmod >= 0
            THEN t.typtypmod - 4 END AS max_length
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A' AND t.typlen = -1
  LEFT JOIN pg_catalog.pg_namespace en ON en.oid = e.typnamespace
  LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
  LEFT JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace
  LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
  LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
  LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
 CROSS JOIN LATERAL (SELECT {type_sql("t", "n", "e", "en")} AS base) AS names
 WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
"""
# Only the key columns count (indnkeyatts): those of INCLUDE are not unique. An index that is being built, or whose
# constraint is deferrable, may hold a row twice: it is no key, though new rows will have to be unique.
INDEXES: Final = """
SELECT i.indrelid AS relation, c.relname::text AS name, i.indisprimary AS primary,
       i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
       AND NOT EXISTS (SELECT FROM pg_catalog.unnest(k.numbers) AS u(number)
                         JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.number
                        WHERE NOT a.attnotnull) AS is_key,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.numbers) WITH ORDINALITY AS u(number, place)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.number
              ORDER BY u.place) AS columns,
       ARRAY(SELECT pg_catalog.pg_get_indexdef(i.indexrelid, u.n, false)
               FROM pg_catalog.generate_series(1, i.indnkeyatts::integer) AS u(n) ORDER BY u.n) AS expressions,
       pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate,
       NOT coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_distinct
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
 CROSS JOIN LATERAL (SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] AS numbers) AS k
 WHERE i.indrelid = ANY($1::oid[]) AND i.indisunique AND i.indislive ORDER BY i.indisprimary DESC, c.relname
"""
CHECKS: Final = """
SELECT k.conrelid AS relation, k.conname::text AS name, pg_catalog.pg_get_expr(k.conbin, k.conrelid) AS expression
  FROM pg_catalog.pg_constraint k
 WHERE k.contype = 'c' AND k.conrelid = ANY($1::oid[])
   AND coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::boolean, true) ORDER BY k.conname
"""
# A domain over a domain has the constraints of both.
DOMAIN_CHECKS: Final = """
WITH RECURSIVE chain AS (
    SELECT t.oid AS domain, t.oid FROM pg_catalog.pg_type t WHERE t.oid = ANY($1::oid[])
    UNION ALL
    SELECT chain.domain, t.typbasetype FROM chain
      JOIN pg_catalog.pg_type t ON t.oid = chain.oid AND t.typtype = 'd'
)
SELECT chain.domain, k.conname::text AS name, pg_catalog.pg_get_expr(k.conbin, 0) AS expression
  FROM chain JOIN pg_catalog.pg_constraint k ON k.contypid = chain.oid AND k.contype = 'c' ORDER BY k.conname
"""
# conparentid: the foreign keys that partitions have from their root, and those to each partition of a parent.
FOREIGN_KEYS: Final = """
SELECT k.conrelid AS relation, k.conname::text AS name, k.confmatchtype = 'f' AS full,
       fn.nspname || '.' || fc.relname AS parent,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u(n, o)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.o) AS columns,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u(n, o)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.o) AS others
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class fc ON fc.oid = coalesce(pg_catalog.pg_partition_root(k.confrelid)::oid, k.confrelid)
  JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY($1::oid[]) ORDER BY k.conname, k.oid
"""
PARTITIONS: Final = """
WITH RECURSIVE tree AS (
    SELECT c.oid AS root, c.oid FROM pg_catalog.pg_class c WHERE c.oid = ANY($1::oid[]) AND c.relkind = 'p'
    UNION ALL
    SELECT tree.root, i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
)
SELECT tree.root AS relation, n.nspname::text AS schema, c.relname::text AS name,
       coalesce(pg_catalog.pg_get_expr(c.relpartbound, c.oid), pg_catalog.pg_get_partkeydef(c.oid)) AS bound
  FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 ORDER BY 1, 2, 3
"""
