"""Tables, partitioned tables and their partitions, and foreign tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Op, Ref, Way, refuse_data_loss, sql
from confiture_catalog.differ.objects.column_basics import name_of
from confiture_catalog.differ.objects.column_changes import refuse_declaring
from confiture_catalog.differ.objects.column_text import define, is_not_null_of, said_later
from confiture_catalog.differ.objects.composite import order_is_reachable
from confiture_catalog.differ.objects.inheritance import stands_alone
from confiture_catalog.differ.objects.options import (
    as_given,
    change_relation_options,
    foreign_options,
    storage_options,
)
from confiture_catalog.differ.world import World

__all__ = ["TableHandler"]


class TableHandler(Handler):
    """CREATE, ALTER and DROP TABLE."""

    kinds = ("table", "foreign table")
    rank = 30

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE TABLE with its columns and all constraints that are parts of it; what no clause says follows."""
        yield sql(_create(new, world, parts))
        table = f"ALTER TABLE {new.identity}"
        for column in (each for each in parts if each.kind == "column"):
            alter = f"{table} ALTER COLUMN {column.identity[len(new.identity) + 1 :]}"
            yield from said_later(column, world)
            if (target := column.properties.get("statistics")) is not None:
                yield sql(f"{alter} SET STATISTICS {target}", undo="")
            if column.properties.get("options"):
                yield sql(f"{alter} SET ({storage_options(column.properties['options'])})", undo="")
        if identity := new.properties.get("replica_identity"):
            yield sql(f"{table} REPLICA IDENTITY {str(identity).upper()}", undo="")
        if new.properties.get("row_security"):
            yield sql(f"{table} ENABLE ROW LEVEL SECURITY", undo="")
        if new.properties.get("force_row_security"):
            yield sql(f"{table} FORCE ROW LEVEL SECURITY", undo="")

    def late(self, new: SchemaObject, world: World) -> Iterable[Statement]:
        """ATTACH PARTITION of what cannot be made as a partition."""
        if stands_alone(new, world.new):
            yield _attach(new)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP TABLE."""
        return (sql(f"DROP {'FOREIGN ' if old.kind == 'foreign table' else ''}TABLE {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ALTER TABLE; nothing makes a plain table a partitioned one, or moves one to another foreign server."""
        if any(old.properties.get(name) != new.properties.get(name) for name in ("partition_key", "server")):
            return Way.REPLACE
        return [
            *_change_storage(old, new),
            *_change_family(old, new, world),
            *_change_security(old, new),
            *_change_replica_identity(old, new, world),
            *_change_foreign_options(old, new),
        ]

    def on_swap(self, old: SchemaObject, swapped: SchemaObject, world: World) -> Way | None:
        """A table OF the type takes the new one, unless its columns would have to stand in another order."""
        in_order = swapped.kind == "composite type" and order_is_reachable(swapped.key, world)
        return None if in_order and old.properties.get("of_type") == swapped.identity else Way.REPLACE

    def check_replace(self, old: SchemaObject, new: SchemaObject, reason: str, world: World) -> None:
        """Its rows would be gone. A foreign table has none here, a partition's go with its parent's."""
        if old.kind == "table":
            refuse_data_loss(old, reason, world)

    def after(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """A child comes when its parents' columns, defaults, keys and checks are as they will be."""
        if op is Op.DROP:
            return ()
        found = _persistence_first(subject, world) if op is Op.ALTER else []
        if subject.properties.get("partition_bound") == "DEFAULT":
            # Its rows are read for those of each partition that is attached beside it.
            for sibling in world.new.dependents(ObjectKey("table", str(subject.properties["partition_of"]))):
                if sibling.kind == "table" and sibling.key != subject.key:
                    found += [Ref(each, sibling.key) for each in (Op.CREATE, Op.ALTER, Op.LATE)]
        for parent in (*_names(subject.properties.get("inherits")), subject.properties.get("partition_of")):
            key = ObjectKey("table", str(parent))
            found += [Ref(Op.DROP, part.key) for part in world.old.children(key, "column", "constraint")]
            for part in world.new.children(key):
                if part.kind in ("column", "default", "constraint") and part.properties.get("type") != "foreign key":
                    found += [Ref(Op.CREATE, part.key), Ref(Op.ALTER, part.key)]
        return found


def _persistence_first(new: SchemaObject, world: World) -> list[Ref]:
    """Tables that change before it: what is logged may not refer to what is not."""
    old = world.old.objects[new.key]
    if old.properties.get("unlogged") == new.properties.get("unlogged"):
        return []
    if not new.properties.get("unlogged"):
        keys = (str(each.properties.get("references")) for each in world.new.children(new.key, "constraint"))
        return [Ref(Op.ALTER, ObjectKey("table", key)) for key in keys if key != new.identity]
    return [
        Ref(Op.ALTER, each.parent)
        for each in world.new.objects.values()
        if each.kind == "constraint" and each.properties.get("references") == new.identity and each.parent
    ]


def _create(new: SchemaObject, world: World, parts: Sequence[SchemaObject]) -> str:
    values = new.properties
    persistence = "UNLOGGED " if values.get("unlogged") else ""
    foreign = "FOREIGN " if new.kind == "foreign table" else ""
    head = f"CREATE {persistence}{foreign}TABLE {new.identity}"
    bound = ""
    if values.get("partition_of") and not stands_alone(new, world.new):
        head += f" PARTITION OF {values['partition_of']}"
        bound = f" {values['partition_bound']}"
    elif values.get("of_type"):
        head += f" OF {values['of_type']}"
    elements = _elements(new, world, parts)
    if elements or not (bound or values.get("of_type")):
        head += " (" + ("\n    " + ",\n    ".join(elements) + "\n" if elements else "") + ")"
    return head + bound + _tail(new)


def _elements(new: SchemaObject, world: World, parts: Sequence[SchemaObject]) -> list[str]:
    """Columns and constraints. Those that come from a parent or from the type are not said again."""
    alone = stands_alone(new, world.new)
    from_elsewhere = bool(new.properties.get("of_type") or (new.properties.get("partition_of") and not alone))
    columns = [
        each
        for each in parts
        if each.kind == "column"
        and not from_elsewhere
        and (alone or not (each.properties.get("inherited") and not each.properties.get("local")))
    ]
    said = [define(each, world, parts) for each in columns]
    if from_elsewhere and not world.named_not_null:
        said += [f"{name_of(each)} NOT NULL" for each in parts if _adds_not_null(each, new, world)]
    for part in parts:
        if part.kind != "constraint" or any(is_not_null_of(part, column) for column in columns):
            continue
        if part.properties.get("inherited") and not part.properties.get("local") and not alone:
            continue
        said.append(f"CONSTRAINT {part.identity[len(new.identity) + 1 :]} {part.properties['definition']}")
    return said


def _adds_not_null(column: SchemaObject, table: SchemaObject, world: World) -> bool:
    """Whether the column is NOT NULL in this table beyond what its type or the table that it is a part of says."""
    if column.kind != "column" or not column.properties.get("not_null"):
        return False
    parent = f"{table.properties.get('partition_of')}.{name_of(column)}"
    whole = world.new.get(ObjectKey("column", parent))
    return whole is None or not whole.properties.get("not_null")


def _tail(new: SchemaObject) -> str:
    values = new.properties
    tail = ""
    if isinstance(inherits := values.get("inherits"), tuple):
        tail += f" INHERITS ({', '.join(str(each) for each in inherits)})"
    if values.get("partition_key"):
        tail += f" PARTITION BY {values['partition_key']}"
    if values.get("server"):
        tail += f" SERVER {values['server']}"
        if values.get("foreign_options"):
            tail += f" OPTIONS ({foreign_options(values['foreign_options'])})"
    if values.get("access_method"):
        tail += f" USING {values['access_method']}"
    if values.get("options"):
        tail += f" WITH ({storage_options(as_given(new))})"
    if values.get("tablespace"):
        tail += f" TABLESPACE {values['tablespace']}"
    return tail


def _change_storage(old: SchemaObject, new: SchemaObject) -> Iterable[Statement]:
    table, was, becomes = f"ALTER TABLE {new.identity}", old.properties, new.properties
    if was.get("unlogged") != becomes.get("unlogged"):
        yield sql(f"{table} SET {'UNLOGGED' if becomes.get('unlogged') else 'LOGGED'}")
    if was.get("access_method") != becomes.get("access_method"):
        yield sql(f"{table} SET ACCESS METHOD {becomes.get('access_method') or 'heap'}")
    if was.get("tablespace") != becomes.get("tablespace"):
        yield sql(f"{table} SET TABLESPACE {becomes.get('tablespace') or 'pg_default'}")
    yield from change_relation_options(table, old, new)


def _change_family(old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
    """Partitions and parents. What leaves the one goes before what joins the other."""
    table, was, becomes = f"ALTER TABLE {new.identity}", old.properties, new.properties
    partition = [(each.get("partition_of"), each.get("partition_bound")) for each in (was, becomes)]
    if partition[0] != partition[1] and was.get("partition_of"):
        yield sql(
            f"ALTER TABLE {was['partition_of']} DETACH PARTITION {old.identity}",
            undo=f"ALTER TABLE {was['partition_of']} ATTACH PARTITION {old.identity} {was['partition_bound']}",
        )
    before, after = [_names(each.get("inherits")) for each in (was, becomes)]
    for column in world.new.children(new.key, "column") if before != after else ():
        if (there := world.old.get(column.key)) is not None:
            refuse_declaring(there, column, world)
    # The order of parents is the order of columns and of what is found first: only from the first difference on.
    kept = next(
        (n for n, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]),
        min(len(before), len(after)),
    )
    for parent in before[kept:]:
        yield sql(f"{table} NO INHERIT {parent}", undo=f"{table} INHERIT {parent}")
    if was.get("of_type") != becomes.get("of_type") and was.get("of_type"):
        yield sql(f"{table} NOT OF", undo=f"{table} OF {was['of_type']}")
    for parent in after[kept:]:
        yield sql(f"{table} INHERIT {parent}", undo=f"{table} NO INHERIT {parent}")
    if was.get("of_type") != becomes.get("of_type") and becomes.get("of_type"):
        yield sql(f"{table} OF {becomes['of_type']}", undo=f"{table} NOT OF")
    if partition[0] != partition[1] and becomes.get("partition_of"):
        yield from _attach_checked(new, world)


def _attach_checked(new: SchemaObject, world: World) -> Iterable[Statement]:
    """ATTACH PARTITION reads the whole table while it is locked, unless a valid check says what it looks for.

    That of a hash partition names its parent by OID, and cannot be written beforehand.
    """
    condition = new.state.get("partition_constraint")
    parent = world.new.find("table", new.properties["partition_of"])
    by_hash = parent is None or str(parent.properties.get("partition_key")).startswith("HASH")
    if not world.online or not condition or by_hash or new.kind != "table":
        yield _attach(new)
        return
    table, check = f"ALTER TABLE {new.identity}", "CONSTRAINT confiture_attach"
    yield sql(f"{table} ADD {check} CHECK ({condition}) NOT VALID", undo=f"{table} DROP {check}")
    yield sql(f"{table} VALIDATE {check}", undo="")
    yield _attach(new)
    yield sql(f"{table} DROP {check}", undo="")


def _attach(new: SchemaObject) -> Statement:
    parent, bound = new.properties["partition_of"], new.properties["partition_bound"]
    return sql(
        f"ALTER TABLE {parent} ATTACH PARTITION {new.identity} {bound}",
        undo=f"ALTER TABLE {parent} DETACH PARTITION {new.identity}",
    )


def _names(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, tuple) else []


def _change_security(old: SchemaObject, new: SchemaObject) -> Iterable[Statement]:
    table = f"ALTER TABLE {new.identity}"
    if old.properties.get("row_security") != new.properties.get("row_security"):
        yield sql(f"{table} {'ENABLE' if new.properties.get('row_security') else 'DISABLE'} ROW LEVEL SECURITY")
    if old.properties.get("force_row_security") != new.properties.get("force_row_security"):
        yield sql(f"{table} {'FORCE' if new.properties.get('force_row_security') else 'NO FORCE'} ROW LEVEL SECURITY")


def _change_replica_identity(old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
    """FULL, NOTHING or the default; that it is an index is the index's to say."""
    if old.properties.get("replica_identity") == new.properties.get("replica_identity"):
        return
    by_index = any(each.properties.get("replica_identity") for each in world.new.children(new.key, "index"))
    if not by_index:
        form = str(new.properties.get("replica_identity") or "default").upper()
        yield sql(f"ALTER TABLE {new.identity} REPLICA IDENTITY {form}")


def _change_foreign_options(old: SchemaObject, new: SchemaObject) -> Iterable[Statement]:
    was, becomes = old.properties.get("foreign_options"), new.properties.get("foreign_options")
    if was != becomes:
        yield sql(f"ALTER FOREIGN TABLE {new.identity} OPTIONS ({foreign_options(becomes, was)})")
