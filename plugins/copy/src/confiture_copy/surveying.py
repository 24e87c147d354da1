"""What the engine says of tasks before it does them: whether the types fit, in which form, and what is locked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from confiture.errors import ConfitureError, ConnectionLost, Refused
from confiture.model import TransferSurvey, TransferTask
from confiture.sql.grammar import GrammarError, parse, walk
from confiture.transfer import Fit, fit, reading
from confiture_copy.failures import telling
from confiture_copy.masking import masked_query

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["refuse_freezing", "survey_tasks"]

_ENGINE = "copy"
_KIND = "SELECT relkind::text FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)"
_TABLE_KIND = "r"


async def refuse_freezing(target: Connection, task: TransferTask) -> None:
    """Raise ``Refused`` where ``task.freeze`` is asked for a table that PostgreSQL freezes no rows of."""
    if not task.freeze:
        return
    kind = await target.fetchval(_KIND, task.table)
    if kind not in (None, _TABLE_KIND):  # one that is not there is told of by who asks for its columns
        raise Refused(
            f"the rows of {task.table!r} cannot be frozen: it is partitioned, or no table of this database",
            hint="do it without freeze, or name a partition",
        )


async def survey_tasks(ctx: Context, tasks: Sequence[TransferTask]) -> tuple[TransferSurvey, ...]:
    """One answer to each task. Queries are described, none is run.

    Raises ``ConnectionLost`` and what ``Context.connect`` raises: that is no answer.
    """
    found: list[TransferSurvey] = []
    for (source, target), some in groupby(tasks, key=lambda task: (task.source, task.target)):
        async with reading(ctx, source) as one, ctx.connect(target) as other:
            found += [await _survey(ctx, one, other, task) for task in some]
    return tuple(found)


async def _survey(ctx: Context, source: Connection, target: Connection, task: TransferTask) -> TransferSurvey:
    doing = f"reading from {task.source.label!r} for {task.table!r}"
    try:
        async with (
            telling(doing),
            ctx.transaction(source),  # a part of its own: an error must not end those that follow
        ):
            fitted = await fit(source, masked_query(task, ()), target, task.table, task.columns, binary=task.binary)
            await refuse_freezing(target, task)
    except ConnectionLost:
        raise
    except ConfitureError as error:
        return TransferSurvey(engine=_ENGINE, obstacle=error.message, hint=error.hint)
    return TransferSurvey(engine=_ENGINE, because=_form(task, fitted), locks=_locks(task))


def _form(task: TransferTask, fitted: Fit) -> str:
    if fitted.binary:
        return "COPY in binary, through this machine"
    if not task.binary:
        return "COPY as text, through this machine: types differ, so that values are read anew"
    return f"COPY as text, through this machine: {', '.join(map(repr, fitted.obstacles))} cannot travel in binary"


def _locks(task: TransferTask) -> tuple[str, ...]:
    return (
        f"source: ACCESS SHARE on {_relations(task.query)} while rows are read: reads and writes go on; "
        "DROP, TRUNCATE and most of ALTER TABLE wait",
        f"target: ROW EXCLUSIVE on {task.table} until the rows are committed: reads and writes go on",
    )


def _relations(query: str) -> str:
    """The relations that a query names, as it names them."""
    try:
        nodes = [(node.DESCRIPTOR.name, node) for node in walk(parse(query))]
    except GrammarError:  # the server has described it all the same: a later one than the grammar's
        return "what it reads"
    own = {node.ctename for kind, node in nodes if kind == "CommonTableExpr"}
    named = dict.fromkeys(
        ".".join(filter(None, (node.schemaname, node.relname)))
        for kind, node in nodes
        if kind == "RangeVar" and (node.schemaname or node.relname not in own)
    )
    return ", ".join(named) or "no table"
