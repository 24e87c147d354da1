"""A new column whose default differs from row to row, on a table in use.

ADD COLUMN with such a default writes the table anew under ACCESS EXCLUSIVE (manual, ALTER TABLE, notes). Added without
it, the column costs nothing; new rows have the default from the next statement on; those that are there are filled in
batches; only then it can be NOT NULL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture.sql.backfill import backfill_block
from confiture_catalog.differ.handler import sql
from confiture_catalog.differ.names import bare
from confiture_catalog.differ.world import World

__all__ = ["default_to_fill", "fill"]

#: Of this many rows a table is written anew in less than a second.
_FEW_ROWS = 50_000


def default_to_fill(new: SchemaObject, world: World, parts: Sequence[SchemaObject]) -> SchemaObject | None:
    """The default among ``parts`` that is worked out for each row, where the table is in use and not known as small."""
    table = world.new.get(new.parent)
    if not world.online or table is None or table.kind != "table" or table.properties.get("partition_key"):
        return None
    if (rows := world.rows(table.identity)) is not None and 0 <= rows < _FEW_ROWS:
        return None
    for part in parts:
        if part.kind == "default" and part.identity == new.identity and _is_volatile(part, world):
            return part
    return None


def fill(new: SchemaObject, default: SchemaObject, not_null: SchemaObject | None, world: World) -> Iterable[Statement]:
    """What follows the bare ADD COLUMN: the default, the rows that are there, and NOT NULL."""
    assert new.parent is not None
    table, name = new.parent.identity, bare(new)
    alter = f"ALTER TABLE {table} ALTER COLUMN {name}"
    yield sql(f"{alter} SET DEFAULT {default.properties['expression']}", undo=f"{alter} DROP DEFAULT")
    yield sql(backfill_block(table, f"{name} = DEFAULT", f"{name} IS NULL"), undo="", transactional=False)
    if not_null is not None:
        constraint = f"CONSTRAINT {not_null.identity[len(table) + 1 :]}"
        yield sql(
            f"ALTER TABLE {table} ADD {constraint} {not_null.properties['definition']} NOT VALID",
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
