"""Which parts a table is copied in, and the transfer of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from confiture.masking import Rule
from confiture.model import TransferTask
from confiture.quoting import quote_ident
from confiture.sql.grammar import parse, walk
from confiture.transfer import Chunk, split_by_place
from confiture_sync.copying.state import ChunkRecord

if TYPE_CHECKING:
    from confiture.model import Statement
    from confiture.protocols import Connection
    from confiture_sync.values import Job, TablePlan

__all__ = ["digest_of", "is_alone", "plan_digest", "query_of", "rules_digest", "split", "task_of"]

#: Places of ``Rule`` that say nothing about the values that it gives.
_NOT_THE_RULE = ("file", "line", "path", "reason", "unique")


async def split(
    connection: Connection, plans: Iterable[TablePlan], chunk_bytes: Callable[[int], int]
) -> dict[str, tuple[ChunkRecord, ...]]:
    """The chunks of each table, by label, as ``connection`` (of the snapshot) sees it. Numbers begin at 0.

    ``chunk_bytes`` gives the size of the parts of a table of so many bytes.
    """
    return {plan.label: await _split(connection, plan, chunk_bytes(plan.table.bytes)) for plan in plans}


async def _split(connection: Connection, plan: TablePlan, chunk_bytes: int) -> tuple[ChunkRecord, ...]:
    digest = plan_digest(plan)
    alias = quote_ident(plan.table.mask.name)
    parts: Sequence[Chunk] = await split_by_place(connection, plan.table.sql, chunk_bytes=chunk_bytes, alias=alias)
    if plan.masked.whole:
        # A mask that looks at all rows would do so for each part. A table of one file still has places to compare by.
        alone = {part.relation for part in parts}
        rows = sum(part.estimated_rows for part in parts)
        files = {part.filenode for part in parts}
        parts = [Chunk(relation=alone.pop(), estimated_rows=rows, filenode=files.pop())] if len(alone) == 1 else []
    if not parts:
        return (
            ChunkRecord(
                table=plan.label,
                number=0,
                relation=None,
                condition="true",
                filenode=None,
                digest=digest,
                estimated_rows=plan.table.rows,
            ),
        )
    return tuple(
        ChunkRecord(
            table=plan.label,
            number=number,
            relation=part.relation,
            condition=part.condition,
            filenode=part.filenode,
            digest=digest,
            estimated_rows=part.estimated_rows,
        )
        for number, part in enumerate(parts)
    )


def query_of(plan: TablePlan, chunk: ChunkRecord) -> str:
    """The masked rows of a chunk."""
    selection = [] if plan.selection is None else [plan.selection.condition]
    if chunk.relation is None:
        return plan.masked.where(" AND ".join(f"({each}\n)" for each in selection)) if selection else plan.masked.query
    return plan.masked.of(chunk.relation, chunk.condition, *selection)


def task_of(
    job: Job,
    plan: TablePlan,
    chunk: ChunkRecord,
    *,
    table: str,
    before: Sequence[Statement],
    after: Sequence[Statement],
    step: str,
) -> TransferTask:
    """What the engine is given."""
    return TransferTask(
        source=job.source,
        target=job.target,
        table=table,
        columns=plan.masked.columns,
        query=query_of(plan, chunk),
        estimated_rows=chunk.estimated_rows,
        snapshot=job.snapshot.id,
        settings={**job.key.settings, **({} if plan.selection is None else plan.selection.settings)},
        before=tuple(before),
        after=tuple(after),
        step=step,
    )


def plan_digest(plan: TablePlan) -> str:
    """What a table's masked rows depend on, beside its raw rows and the key."""
    selection = plan.selection
    of_selection = None if selection is None else [selection.digest, selection.condition, sorted(selection.nulled)]
    lists = None if selection is None or selection.digest else dict(selection.settings)
    return digest_of(
        [plan.masked.query, plan.masked.columns, plan.target.sql, rules_digest(plan.rules), of_selection, lists]
    )


def rules_digest(rules: Mapping[str, Rule]) -> str:
    """Equal for rules that give equal values, wherever they were written."""
    shown = {
        column: {name: getattr(rule, name) for name in rule.__struct_fields__ if name not in _NOT_THE_RULE}
        for column, rule in rules.items()
    }
    return digest_of(shown)


def digest_of(value: object) -> str:
    """32 hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def is_alone(plan: TablePlan) -> bool:
    """Whether a masked row depends on nothing but its raw row: no rule looks at other rows or tables."""
    texts = [rule.when for rule in plan.rules.values() if rule.when is not None]
    for rule in plan.rules.values():
        if rule.kind == "sql":
            texts += [value for value in rule.options.values() if isinstance(value, str)]
    return not plan.masked.whole and not any(_looks_elsewhere(text) for text in texts)


def _looks_elsewhere(expression: str) -> bool:
    tree = parse(f"SELECT (\n{expression}\n)").stmts[0].stmt
    return any(type(node).__name__ == "SubLink" for node in walk(tree))
