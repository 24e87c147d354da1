"""What masks ask for: SQL that goes into the query, and functions that the client calls for a column."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from confiture.errors import ConfigError, ConfitureError, ExecutionError, Refused
from confiture.model import Mask, TransferTask
from confiture.quoting import quote_ident

__all__ = ["Function", "functions_of", "mask_failure", "masked_query"]

Function: TypeAlias = Callable[[bytes | None], bytes | None]


def masked_query(task: TransferTask, masks: Sequence[Mask]) -> str:
    """The query with the masks' expressions in it. Raises ``Refused`` for a mask that would mask nothing."""
    seen: set[str] = set()
    for mask in masks:
        if mask.column not in task.columns:
            raise Refused(
                f"a mask is for {mask.column!r}, which is none of the columns of {task.table!r} that are copied",
                hint=f"they are: {', '.join(task.columns)}",
            )
        if mask.column in seen:
            raise Refused(f"column {mask.column!r} of {task.table!r} has two masks", hint="put them into one")
        if not mask.expression and mask.function is None:
            raise Refused(f"the mask of {mask.column!r} of {task.table!r} has neither an expression nor a function")
        seen.add(mask.column)
    # Whoever writes a query ends it as in psql. A semicolon that stands in a comment is no loss.
    query = task.query.rstrip().rstrip(";")
    expressions = {mask.column: mask.expression for mask in masks if mask.expression}
    # A query may end in a comment, and so may an expression: nothing may stand behind them on the line.
    if not expressions:
        return f"{query}\n"
    names = ", ".join(map(quote_ident, task.columns))
    outputs = ", ".join(
        f"({expressions[column]}\n) AS {quote_ident(column)}" if column in expressions else quote_ident(column)
        for column in task.columns
    )
    return f"SELECT {outputs} FROM (\n{query}\n) AS confiture_rows ({names})\n"


def functions_of(task: TransferTask, masks: Sequence[Mask]) -> Mapping[int, Function]:
    """The functions that the client calls, by the number of the column. Raises ``ConfigError``."""
    return {
        task.columns.index(mask.column): _function(task, mask) for mask in masks if mask.function is not None
    }  # fmt: skip


def _function(task: TransferTask, mask: Mask) -> Function:
    if not isinstance(mask.function, str):
        assert mask.function is not None
        return mask.function
    module, _, attribute = mask.function.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # a stranger's import can raise anything
        raise ConfigError(
            f"the mask of {mask.column!r} of {task.table!r} cannot be imported from {mask.function!r}: "
            f"{type(error).__name__}: {error}",
            hint="write it as module:function, and see that the module can be imported from here",
        ) from error
    if not callable(found):
        raise ConfigError(f"the mask of {mask.column!r} of {task.table!r}, {mask.function!r}, is not a function")
    function: Function = found
    return function


def mask_failure(table: str, column: str, error: BaseException | None, value: object = None) -> ConfitureError:
    """What a mask's function did wrong, without the value: neither the error's text nor its traceback is told."""
    if error is None:
        what = f"returned a {type(value).__name__}, and not bytes or None"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        where = f" in {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        what = f"raised {type(error).__name__}{where}"
    return ExecutionError(
        f"the mask of {column!r} of {table!r} {what}",
        hint="what it was given is not shown, since it may be personal: try the function by itself",
    )
