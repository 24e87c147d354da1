"""Indexes. That of a constraint comes and goes with it, and has settings of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.errors import Refused
from confiture.model import ObjectKey, SchemaObject, Statement
from confiture.quoting import quote_literal
from confiture_catalog.differ.handler import Alteration, Handler, Op, Ref, Way, sql
from confiture_catalog.differ.names import beside
from confiture_catalog.differ.objects.definitions import IndexText, read_index
from confiture_catalog.differ.objects.index_settings import change_settings, give_name, give_settings, take_settings
from confiture_catalog.differ.objects.inheritance import joins
from confiture_catalog.differ.world import Side, World

__all__ = ["IndexHandler"]

#: Beside its definition, what an index must have in common with another to be the same one.
_SHAPE = ("constraint", "invalid", "not_ready", "partition_of")


class IndexHandler(Handler):
    """CREATE, ALTER and DROP INDEX."""

    kinds = ("index",)
    rank = 45

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE INDEX; a partition's own is attached to its parent's, which is made on the parent alone."""
        text = read_index(new)
        if new.properties.get("constraint"):
            if new.properties.get("partition_of") and not joins(new, world):
                return (*give_name(new, world), *give_settings(new, text, options=False, tablespace=False))
            built = _in_use(new, world) or _partitioned(new, world.new) is not None
            return give_settings(new, text, options=not built, tablespace=not built)
        if parent := new.properties.get("partition_of"):
            comes_along = not world.is_fresh(ObjectKey("index", str(parent))) and not joins(new, world)
            if world.is_fresh(new.parent) and comes_along:
                # CREATE TABLE ... PARTITION OF made it.
                return (*give_name(new, world), *give_settings(new, text, options=False, tablespace=False))
            made = _build(new, text, world)
            if not _joins_with_table(new, world):
                made += (sql(f"ALTER INDEX {parent} ATTACH PARTITION {new.identity}", undo=""),)
        else:
            made = _build(new, text, world)
        return (*made, *give_settings(new, text, options=False, tablespace=False))

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP INDEX; what belongs to a constraint or to a parent's index goes with that."""
        yield from take_settings(old, world)
        if old.properties.get("constraint") or _goes_with_parent(old, world):
            return
        plain = _partitioned(old, world.old) is None and not old.properties.get("partition_of")
        concurrently = plain and world.online and world.new.get(old.parent) is not None
        yield sql(f"DROP INDEX {'CONCURRENTLY ' if concurrently else ''}{old.identity}", transactional=not concurrently)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """Its settings; where more differs, a new one takes its place at once."""
        was, becomes = read_index(old), read_index(new)
        if was.shape == becomes.shape and all(old.properties.get(p) == new.properties.get(p) for p in _SHAPE):
            if was.options != becomes.options and _partitioned(new, world.new) is not None:
                return _replace_whole(new)
            return list(change_settings(old, new, was.options, becomes.options, world))
        if old.properties.get("constraint") and new.properties.get("constraint"):
            return ()  # as its constraint, which differs too
        if (joined := _attach(old, new, was, becomes, world)) is not None:
            return [*joined, *change_settings(old, new, was.options, becomes.options, world)]
        if _stands_alone(old, new, world):
            return _take_place(new, becomes)
        return Way.REPLACE

    def goes_with(self, old: SchemaObject, world: World) -> Iterable[ObjectKey]:
        """Its table, and the constraint or index that it is a part of."""
        found = list(super().goes_with(old, world))
        if old.parent is not None and old.properties.get("constraint"):
            found.insert(0, ObjectKey("constraint", f"{old.parent.identity}.{old.properties['constraint']}"))
        if old.properties.get("partition_of"):
            found.append(ObjectKey("index", str(old.properties["partition_of"])))
        return found

    def before(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """A table that becomes a partition brings its index along, so that it need not be built under a lock."""
        if op is Op.CREATE and _joins_with_table(subject, world) and not subject.properties.get("constraint"):
            assert subject.parent is not None
            yield Ref(Op.ALTER, subject.parent)
            yield Ref(Op.LATE, subject.parent)

    def after(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """A parent's is made when all partitions are there; one that takes over a name, when that is free."""
        if op is Op.DROP:
            if (
                subject.properties.get("partition_of")
                and subject.parent is not None
                and not _goes_with_parent(subject, world)
            ):
                yield Ref(Op.ALTER, subject.parent)  # until the table has left, it is needed by its parent's
            return
        if subject.properties.get("partition_of") and not _joins_with_table(subject, world) and subject.parent:
            yield Ref(Op.LATE, subject.parent)  # only a partition's can be attached
        old = world.old.get(subject.key)
        if old is not None and old.properties.get("partition_of") and not subject.properties.get("partition_of"):
            yield Ref(Op.DROP, ObjectKey("index", str(old.properties["partition_of"])))
        if subject.properties.get("replica_identity") and subject.parent is not None:
            for constraint in world.new.children(subject.parent, "constraint"):
                if constraint.properties["type"] == "not null":
                    yield Ref(Op.CREATE, constraint.key)
        if op is Op.CREATE and _partitioned(subject, world.new) is not None and subject.parent is not None:
            for table in _partitions(subject.parent, world.new):
                yield Ref(Op.CREATE, table)
                yield Ref(Op.ALTER, table)


def _replace_whole(new: SchemaObject) -> Way:
    """Options of a partitioned table's index cannot be altered, only its partitions' can."""
    if new.properties.get("constraint"):
        raise Refused(
            f"the storage options of the index {new.identity!r} cannot be changed: its table is partitioned",
            hint="leave them as they are, or drop the constraint and add it anew in a migration of your own",
        )
    return Way.REPLACE


def _joins_with_table(new: SchemaObject, world: World) -> bool:
    """Whether ATTACH PARTITION of its table will find it and attach it."""
    parent = ObjectKey("index", str(new.properties.get("partition_of")))
    return bool(new.properties.get("partition_of")) and joins(new, world) and not world.is_fresh(parent)


def _partitioned(found: SchemaObject, side: Side) -> SchemaObject | None:
    table = side.get(found.parent)
    return table if table is not None and table.properties.get("partition_key") else None


def _partitions(table: ObjectKey, side: Side) -> list[ObjectKey]:
    return [each.key for each in side.objects.values() if each.properties.get("partition_of") == table.identity]


def _in_use(new: SchemaObject, world: World) -> bool:
    return world.online and not world.is_fresh(new.parent)


def _goes_with_parent(old: SchemaObject, world: World) -> bool:
    """Whether it is a partition's, and still is, or the parent's is dropped first."""
    parent = old.properties.get("partition_of")
    if not parent:
        return False
    table = world.new.get(old.parent)
    return table is None or bool(table.properties.get("partition_of"))


def _build(new: SchemaObject, text: IndexText, world: World) -> tuple[Statement, ...]:
    whole = _partitioned(new, world.new) is not None
    concurrently = _in_use(new, world) and not whole
    space = new.properties.get("tablespace")
    build = text.statement(concurrently=concurrently, tablespace=str(space) if space else None, only=whole)
    undo = f"DROP INDEX {'CONCURRENTLY ' if concurrently and not new.properties.get('partition_of') else ''}"
    return (sql(build, undo=undo + new.identity, transactional=not concurrently),)


def _attach(
    old: SchemaObject, new: SchemaObject, was: IndexText, becomes: IndexText, world: World
) -> tuple[Statement, ...] | None:
    """Where it is the same index and becomes, or was, a part of a parent's: what makes it so."""
    if was.shape != becomes.shape or old.properties.get("invalid") != new.properties.get("invalid"):
        return None
    before, after = (each.properties.get("partition_of") for each in (old, new))
    table_before, table_after = (side.get(new.parent) for side in (world.old, world.new))
    moved = (
        table_before is not None
        and table_after is not None
        and table_before.properties.get("partition_of") != table_after.properties.get("partition_of")
    )
    if before == after or old.properties.get("constraint") != new.properties.get("constraint"):
        return None
    if moved:
        return ()
    if after and not before:
        return (sql(f"ALTER INDEX {after} ATTACH PARTITION {new.identity}", undo=""),)
    return None


def _stands_alone(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    """Whether a new one can be built beside it: nothing needs it, and its columns stay what they are."""
    if not _in_use(new, world) or _partitioned(new, world.new) is not None or world.old.dependents(old.key):
        return False
    if any(each.properties.get(name) for each in (old, new) for name in ("constraint", "partition_of")):
        return False
    if new.properties.get("invalid") or new.properties.get("depends_on_extensions"):
        return False
    for need in {*old.needs, *new.needs}:
        before, after = world.old.get(need), world.new.get(need)
        if need.kind == "column" and (before is None or after is None or before.properties != after.properties):
            return False
    return True


def _take_place(new: SchemaObject, text: IndexText) -> list[Statement]:
    """Queries have an index all the time."""
    name = _temporary(new)
    beside_it = beside(new, name)
    statements = [
        sql(
            text.statement(name=name, concurrently=True, tablespace=_space(new)),
            undo=f"DROP INDEX CONCURRENTLY {beside_it}",
            transactional=False,
        ),
        sql(f"DROP INDEX CONCURRENTLY {new.identity}", transactional=False),
        sql(
            f"ALTER INDEX {beside_it} RENAME TO {text.name}",
            undo=f"ALTER INDEX {new.identity} RENAME TO {name}",
        ),
    ]
    if new.comment is not None:
        statements.append(sql(f"COMMENT ON INDEX {new.identity} IS {quote_literal(new.comment).strip()}", undo=""))
    return [*statements, *give_settings(new, text, options=False, tablespace=False)]


def _space(new: SchemaObject) -> str | None:
    return str(new.properties["tablespace"]) if new.properties.get("tablespace") else None


def _temporary(new: SchemaObject) -> str:
    name = f"confiture_new_{new.name}".encode()[:63].decode(errors="ignore")
    return '"' + name.replace('"', '""') + '"'
