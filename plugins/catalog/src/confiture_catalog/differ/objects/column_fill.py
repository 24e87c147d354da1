"""A new column that the rows of a table in use must get values for: of its own default, or as somebody said.

ADD COLUMN with a default that differs from row to row writes the table anew under ACCESS EXCLUSIVE (manual, ALTER
TABLE, notes). Added without it, the column costs nothing; new rows have the default from the next statement on; those
that are there are filled in batches; only then it can be NOT NULL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from confiture.errors import Refused
from confiture.migrations.backfill import BATCH_ROWS, backfill_statement
from confiture.model import Effects, SchemaObject, Statement
from confiture_catalog.differ.handler import sql
from confiture_catalog.differ.names import bare
from confiture_catalog.differ.objects.column_text import is_not_null_of
from confiture_catalog.differ.world import World

__all__ = ["Filling", "fill", "filling_of"]

#: Of this many rows a table is written anew in less than a second.
_FEW_ROWS = 50_000


class Filling(NamedTuple):
    """How the rows that are there get their values.

    ``value`` is an expression over the row, ``parts`` what ADD COLUMN says at once; ``default`` and ``not_null`` come
    after it.
    """

    value: str
    parts: tuple[SchemaObject, ...] = ()
    default: SchemaObject | None = None
    not_null: SchemaObject | None = None


def filling_of(new: SchemaObject, world: World, parts: Sequence[SchemaObject]) -> Filling | None:
    """How a new column is filled; None where ADD COLUMN does that, or where there is nothing to fill.

    Raises ``Refused`` for a NOT NULL column without a value for the rows that are known to be there.
    """
    table = world.new.get(new.parent)
    if table is None or table.kind != "table" or table.properties.get("partition_key"):
        return None
    default = next((each for each in parts if each.kind == "default" and each.identity == new.identity), None)
    not_null = next((each for each in parts if is_not_null_of(each, new)), None)
    if value := world.backfill(new.identity):
        return Filling(value, () if default is None else (default,), None, not_null)
    rows = world.rows(table.identity)
    if default is None:
        filled = new.properties.get("generated") or new.properties.get("identity") or _of_domain(new)
        if rows and rows > 0 and new.properties.get("not_null") and not filled:
            raise Refused(
                f"the new column {new.identity!r} is NOT NULL without a default, and its table has rows",
                hint=f"say what they get: --backfill '{new.identity}=EXPRESSION'; or give the column a default",
            )
        return None
    few = rows is not None and 0 <= rows < _FEW_ROWS
    if not world.online or few or not _is_volatile(default, world):
        return None
    return Filling("DEFAULT", (), default, not_null)


def _of_domain(new: SchemaObject) -> bool:
    return any(need.kind == "domain" for need in new.needs)


def fill(new: SchemaObject, filling: Filling, world: World) -> Iterable[Statement]:
    """What follows the bare ADD COLUMN: the default, the rows that are there, and NOT NULL."""
    assert new.parent is not None
    table, name = new.parent.identity, bare(new)
    alter = f"ALTER TABLE {table} ALTER COLUMN {name}"
    if filling.default is not None:
        yield sql(f"{alter} SET DEFAULT {filling.default.properties['expression']}", undo=f"{alter} DROP DEFAULT")
    block = backfill_statement(table, f"{name} = {filling.value}", f"{name} IS NULL", BATCH_ROWS)
    yield msgspec.structs.replace(block, undo="", effects=Effects(lock="ROW EXCLUSIVE", tables=(table,), scans=True))
    if filling.not_null is not None:
        constraint = f"CONSTRAINT {filling.not_null.identity[len(table) + 1 :]}"
        yield sql(
            f"ALTER TABLE {table} ADD {constraint} {filling.not_null.properties['definition']} NOT VALID",
            undo=f"ALTER TABLE {table} DROP {constraint}",
        )
        yield sql(f"ALTER TABLE {table} VALIDATE {constraint}", undo="")
    elif new.properties.get("not_null") and not world.named_not_null:
        yield sql(f"{alter} SET NOT NULL", undo=f"{alter} DROP NOT NULL")


def _is_volatile(default: SchemaObject, world: World) -> bool:
    from confiture.sql.effects.expressions import is_volatile
    from confiture.sql.effects.known import Known
    from confiture.sql.grammar import parse

    functions = [found for key in default.needs if (found := world.new.get(key)) is not None and key.kind == "function"]
    if any(key.kind == "sequence" for key in default.needs):
        return True
    if any(not each.properties.get("volatility") for each in functions):
        return True
    tree = parse(f"SELECT {default.properties['expression']}")
    known = Known()
    known.volatile.update({each.name: str(each.properties["volatility"]) for each in functions})
    return is_volatile(tree.stmts[0].stmt.select_stmt.target_list[0].res_target.val, known)
