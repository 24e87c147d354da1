"""An UPDATE in batches, as one statement that commits between them."""

from __future__ import annotations

from typing import Any

from confiture.errors import SourceError, SyntaxInvalid
from confiture.model import Statement
from confiture.quoting import quote_ident, quote_literal
from confiture.sql.grammar import GrammarError, parse, unwrap

__all__ = ["BATCH_ROWS", "Backfill", "backfill_statement"]

#: Rows a transaction where nobody says: row locks last a second at most, and the commits cost little.
BATCH_ROWS = 10_000


class Backfill(Statement, frozen=True, kw_only=True):
    """A statement that fills ``table`` in batches; ``sql`` is a DO block, for psql and everybody else.

    ``at_once`` is one UPDATE of the same effect, for a database that nobody uses.
    """

    table: str
    set: str
    where: str
    batch_rows: int
    at_once: str


def backfill_statement(table: str, set_: str, where: str, batch_rows: int) -> Backfill:
    """The statement of ``self.backfill``. Raises ``SyntaxInvalid``, and ``SourceError`` for what cannot be batched."""
    if not isinstance(batch_rows, int) or batch_rows < 1:
        raise SourceError(f"batch_rows must be a positive number, not {batch_rows!r}", hint="batch_rows=10_000")
    target = _update(f"UPDATE {table}\nSET x = 1", f"the table {table!r}").relation
    assignments = _update(f"UPDATE t\nSET {set_}", f"set={set_!r}")
    if assignments.HasField("where_clause") or assignments.from_clause or assignments.returning_clause.ByteSize():
        raise SourceError(f"set={set_!r} holds more than assignments", hint="the condition goes into where=")
    # A line break behind each part: it may end in a comment.
    at_once = f"UPDATE {table}\nSET {set_}\nWHERE ({where}\n)"
    _update(at_once, f"where={where!r}")
    name = ".".join(quote_ident(part) for part in (target.schemaname, target.relname) if part)
    alias = quote_ident(target.alias.aliasname or target.relname)
    return Backfill(
        sql=_block(name, alias, set_, where, batch_rows),
        kind="DoStmt",
        transactional=False,
        table=table,
        set=set_,
        where=where,
        batch_rows=batch_rows,
        at_once=at_once,
    )


def _update(sql: str, what: str) -> Any:
    """The one UPDATE that ``sql`` is."""
    hint = 'as in self.backfill("users", set="bio = \'\'", where="bio IS NULL")'
    try:
        statements = parse(sql).stmts
    except GrammarError as error:
        raise SyntaxInvalid(f"{what}: {error.message}", hint=hint) from None
    node = unwrap(statements[0].stmt) if len(statements) == 1 else None
    if type(node).__name__ != "UpdateStmt":
        raise SourceError(f"{what} is more than a part of one UPDATE", hint=hint)
    return node


def _block(name: str, alias: str, set_: str, where: str, batch_rows: int) -> str:
    """The DO block. ``name`` and ``alias`` are quoted.

    It goes through the pages of the table, so that each is read once, however few rows match, and again until no row
    matches: a row that somebody changes meanwhile may move to a page that has been passed. Partitions and
    children are tables of their own. The condition is checked by the UPDATE itself, on the row as it is then.
    """
    alias, set_, where = (text.replace("%", "%%") for text in (alias, set_, where))  # format() takes "%" for its own
    update = (
        f"UPDATE ONLY %s AS {alias}\nSET {set_}\nWHERE ({where}\n)"
        f" AND {alias}.ctid >= %L::tid AND {alias}.ctid < %L::tid"
    )
    body = f"""
DECLARE
    part record;
    page bigint;
    changed bigint;
    total bigint;
    passes integer := 0;
BEGIN
    LOOP
        total := 0;
        FOR part IN
            WITH RECURSIVE parts AS (
                SELECT {quote_literal(name)}::regclass::oid AS id
                UNION
                SELECT inhrelid FROM pg_catalog.pg_inherits JOIN parts ON inhparent = id
            )
            SELECT id::regclass AS name,
                pg_relation_size(id) / current_setting('block_size')::bigint AS pages,
                greatest(1, CASE WHEN reltuples > 0 THEN {batch_rows}::float8 * relpages / reltuples
                    ELSE {batch_rows} / 100.0 END)::bigint AS step
            FROM parts JOIN pg_catalog.pg_class ON oid = id
            WHERE relkind = 'r'
            ORDER BY id
        LOOP
            page := 0;
            WHILE page < part.pages LOOP
                EXECUTE format({quote_literal(update).lstrip()},
                    part.name, format('(%s,0)', page), format('(%s,0)', page + part.step));
                GET DIAGNOSTICS changed = ROW_COUNT;
                total := total + changed;
                COMMIT;
                page := page + part.step;
            END LOOP;
        END LOOP;
        EXIT WHEN total = 0;
        passes := passes + 1;
        IF passes = 20 THEN
            RAISE EXCEPTION 'rows still match after % passes', passes
                USING HINT = 'the condition must no longer hold for a row that is done';
        END IF;
    END LOOP;
END
"""
    tag = "backfill"
    while f"${tag}$" in body:
        tag += "_"
    return f"DO ${tag}${body}${tag}$"
