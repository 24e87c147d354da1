"""Materialized views."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.objects.definitions import without_semicolon
from confiture_catalog.differ.objects.options import as_given, change_options, change_relation_options, storage_options
from confiture_catalog.differ.world import World

__all__ = ["MaterializedViewHandler", "column_settings"]


class MaterializedViewHandler(Handler):
    """CREATE, ALTER and DROP MATERIALIZED VIEW. Another query means another one: its rows are computed anew."""

    kinds = ("materialized view",)
    # Behind the functions that its query calls by way of others' bodies: it is filled at once.
    rank = 70

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE MATERIALIZED VIEW, with data unless neither side's has any."""
        yield sql(_create(new, world), undo=f"DROP MATERIALIZED VIEW {new.identity}")
        for column in parts:
            if column.kind == "column":
                yield from column_settings(None, column)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP MATERIALIZED VIEW."""
        return (sql(f"DROP MATERIALIZED VIEW {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """How it is stored."""
        was, becomes, view = old.properties, new.properties, f"ALTER MATERIALIZED VIEW {new.identity}"
        if was["definition"] != becomes["definition"]:
            return Way.REPLACE
        statements: list[Statement] = []
        if was.get("access_method") != becomes.get("access_method"):
            statements.append(sql(f"{view} SET ACCESS METHOD {becomes.get('access_method') or 'heap'}"))
        if was.get("tablespace") != becomes.get("tablespace"):
            statements.append(sql(f"{view} SET TABLESPACE {becomes.get('tablespace') or 'pg_default'}"))
        return [*statements, *change_relation_options(view, old, new)]


def column_settings(old: SchemaObject | None, new: SchemaObject) -> Iterable[Statement]:
    """How a column is stored and sampled. ``old`` is None for one that is new."""
    assert new.parent is not None
    was, becomes = old.properties if old is not None else {}, new.properties
    alter = f"ALTER MATERIALIZED VIEW {new.parent.identity} ALTER COLUMN"
    alter = f"{alter} {new.identity[len(new.parent.identity) + 1 :]}"
    undo = "" if old is None else None
    if was.get("storage") != becomes.get("storage"):
        yield sql(f"{alter} SET STORAGE {becomes.get('storage') or 'DEFAULT'}", undo=undo)
    if was.get("compression") != becomes.get("compression"):
        yield sql(f"{alter} SET COMPRESSION {becomes.get('compression') or 'default'}", undo=undo)
    if was.get("statistics") != becomes.get("statistics"):
        target = becomes.get("statistics")
        yield sql(f"{alter} SET STATISTICS {-1 if target is None else target}", undo=undo)
    yield from change_options(alter, was.get("options"), becomes.get("options"))


def _create(new: SchemaObject, world: World) -> str:
    values = new.properties
    head = f"CREATE MATERIALIZED VIEW {new.identity}"
    if values.get("access_method"):
        head += f" USING {values['access_method']}"
    if values.get("options"):
        head += f" WITH ({storage_options(as_given(new))})"
    if values.get("tablespace"):
        head += f" TABLESPACE {values['tablespace']}"
    # One that could be read before can be read after.
    there = [each for each in (new, world.old.get(new.key)) if each is not None]
    filled = any(each.state.get("populated") for each in there)
    return f"{head} AS\n{without_semicolon(values['definition'])}\nWITH{'' if filled else ' NO'} DATA"
