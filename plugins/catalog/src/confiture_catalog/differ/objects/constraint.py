"""Constraints of tables: keys, checks, exclusions, foreign keys, and the named NOT NULL of PostgreSQL 18."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Op, Ref, Way, sql
from confiture_catalog.differ.names import bare
from confiture_catalog.differ.objects import inheritance, not_null
from confiture_catalog.differ.objects.definitions import cut_end, read_index
from confiture_catalog.differ.objects.not_null import NOT_NULL, columns_of, not_nulls
from confiture_catalog.differ.world import World

__all__ = ["ConstraintHandler"]

_FOREIGN = "foreign key"
_KEYS = ("primary key", "unique")
#: How PostgreSQL ends a definition, in that order.
_ENDS = (" NO INHERIT", " DEFERRABLE", " INITIALLY DEFERRED", " NOT ENFORCED", " NOT VALID")
#: What may differ between two constraints that are the same but for what ALTER and VALIDATE change.
_MARKS = ("definition", "not_valid", "not_enforced", "deferrable", "deferred", "no_inherit")


class ConstraintHandler(Handler):
    """ADD, ALTER, VALIDATE and DROP CONSTRAINT."""

    kinds = ("constraint",)
    rank = 40

    def order(self, subject: SchemaObject, world: World) -> int:
        """Foreign keys last: they need keys and indexes of other tables."""
        return 55 if subject.properties["type"] == _FOREIGN else self.rank

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """ADD CONSTRAINT; for a table in use, in the form that does not keep it locked while its rows are read."""
        if inheritance.made_by_parent(new, world) or not_null.merges(new, world.old, world):
            return ()
        if (there := not_null.renamed_from(new, world)) is not None:
            return not_null.rename(there, new)
        if inheritance.in_use(new, world):
            if new.properties["type"] in _KEYS and (made := _key_by_index(new, world)):
                return made
            if _can_wait(new, world):
                return _validated_later(new)
        return (sql(_add(new, f"{_core(new)}{_index_settings(new, world)}{_ends(new)}")),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP CONSTRAINT."""
        if inheritance.goes_with_parent(old, world) or not_null.merges(old, world.new, world):
            return ()
        if not_null.renamed_to(old, world) is not None:
            return ()
        return (sql(f"{_table(old)} DROP CONSTRAINT {bare(old)}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """VALIDATE, deferrability, enforcement, inheritance; all else is dropped and added."""
        if inheritance.follows_parent(old, new, world):
            return ()
        if inheritance.changes_hands(old, new, world):
            return Way.REPLACE
        if inheritance.only_inherited(old) and new.properties.get("local"):
            return [sql(_add(new), undo="")]  # merged with what is there
        if _same(old, new, "definition"):
            return ()
        if not _same(old, new, *_MARKS, but=True) or _core(old) != _core(new):
            return Way.REPLACE  # a child's as well, which follows its parent's, but has a comment of its own
        return [] if inheritance.only_inherited(new) else _changed_marks(old, new, world)

    def folds_into(self, new: SchemaObject, world: World) -> ObjectKey | None:
        """Its table; a NOT NULL its column. Neither CREATE TABLE nor ADD COLUMN can say NOT VALID."""
        waits = new.properties.get("not_valid") and not new.properties.get("not_enforced")
        if new.properties["type"] == _FOREIGN or waits or new.parent is None or _index_settings(new, world):
            return None
        if new.properties["type"] == NOT_NULL:
            (column,) = columns_of(new)
            return column
        return new.parent

    def goes_with(self, old: SchemaObject, world: World) -> Iterable[ObjectKey]:
        """Its table; and what a constraint of columns loses with any of them."""
        if old.properties["type"] == NOT_NULL:
            return (*columns_of(old), *super().goes_with(old, world))
        return super().goes_with(old, world)

    def after(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """A parent's own first. Keys, identities and replica identities stand on NOT NULL."""
        kind, found = subject.properties["type"], list(inheritance.after(op, subject, world))
        if op in (Op.CREATE, Op.DROP):
            found += [Ref(Op.ALTER, table) for table in inheritance.leaving(subject, world)]
        if kind == "primary key" and op is Op.CREATE:
            found += [Ref(op, each.key) for each in not_nulls(subject, world.new.children(_parent(subject)))]
        if kind == NOT_NULL:
            found += not_null.after(op, subject, world)
        return found

    def before(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """A column must be NOT NULL before it becomes an identity, a table have what its new parent asks for."""
        found = list(inheritance.before(op, subject, world))
        if subject.properties["type"] == NOT_NULL:
            found += not_null.before(op, subject, world)
        return found


def _parent(found: SchemaObject) -> ObjectKey:
    assert found.parent is not None
    return found.parent


def _table(found: SchemaObject) -> str:
    return f"ALTER TABLE {_parent(found).identity}"


def _add(new: SchemaObject, definition: str | None = None) -> str:
    return f"{_table(new)} ADD CONSTRAINT {bare(new)} {definition or new.properties['definition']}"


def _can_wait(new: SchemaObject, world: World) -> bool:
    """Whether NOT VALID can be said and makes a difference."""
    values = new.properties
    if values.get("not_valid") or values["type"] not in (_FOREIGN, NOT_NULL, "check"):
        return False
    table = world.new.get(new.parent)
    if table is not None and table.kind == "foreign table":
        return False
    # For keys of partitioned tables since 18.
    partitioned = table is not None and bool(table.properties.get("partition_key"))
    return not (values["type"] == _FOREIGN and partitioned and world.options.target_version < 18)


def _validated_later(new: SchemaObject) -> Iterable[Statement]:
    name, table = bare(new), _table(new)
    yield sql(_add(new, f"{new.properties['definition']} NOT VALID"), undo=f"{table} DROP CONSTRAINT {name}")
    yield sql(f"{table} VALIDATE CONSTRAINT {name}", undo="")


def _key_by_index(new: SchemaObject, world: World) -> tuple[Statement, ...]:
    """Through an index that is built while the table is in use; none where PostgreSQL takes none."""
    index, table = world.new.find("index", new.properties.get("index")), world.new.get(new.parent)
    if index is None or new.properties.get("period") or table is None or table.properties.get("partition_key"):
        return ()
    kind = "PRIMARY KEY" if new.properties["type"] == "primary key" else "UNIQUE"
    name = bare(new)
    add = sql(
        f"{_table(new)} ADD CONSTRAINT {name} {kind} USING INDEX {name}{_ends(new)}",
        undo=f"{_table(new)} DROP CONSTRAINT {name}",
    )
    build = sql(
        read_index(index).statement(concurrently=True),
        undo=f"DROP INDEX CONCURRENTLY {index.identity}",
        transactional=False,
    )
    return (build, add)


def _index_settings(new: SchemaObject, world: World) -> str:
    """Of a key of a partitioned table, whose index cannot be altered: what its partitions' indexes take over."""
    index, table = world.new.find("index", new.properties.get("index")), world.new.get(new.parent)
    if index is None or table is None or not table.properties.get("partition_key"):
        return ""
    if new.properties["type"] not in _KEYS or inheritance.only_inherited(new):
        return ""
    options, space = read_index(index).options, index.properties.get("tablespace")
    told = f" WITH ({', '.join(options)})" if options else ""
    return told + (f" USING INDEX TABLESPACE {space}" if space else "")


def _same(old: SchemaObject, new: SchemaObject, *names: str, but: bool = False) -> bool:
    """Whether these properties are equal; with ``but``, all others. Where it comes from is not among them."""
    ignored = {"inherited", "local"}
    looked_at = set(names) if not but else {*old.properties, *new.properties} - set(names) - ignored
    return all(old.properties.get(name) == new.properties.get(name) for name in looked_at)


def _core(found: SchemaObject) -> str:
    """The definition without what can be altered: as ruleutils.c puts it at the end."""
    return cut_end(str(found.properties["definition"]), *reversed(_ENDS))


def _ends(found: SchemaObject) -> str:
    """What :func:`_core` leaves out."""
    return str(found.properties["definition"])[len(_core(found)) :]


def _changed_marks(old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
    kind, name = new.properties["type"], bare(new)
    changed = {mark for mark in _MARKS[1:] if old.properties.get(mark) != new.properties.get(mark)}
    alter = f"{_table(new)} ALTER CONSTRAINT {name}"
    statements: list[Statement] = []
    # Before 18 only foreign keys' deferrability can be altered.
    modern = world.options.target_version >= 18
    if changed & {"deferrable", "deferred"}:
        if kind != _FOREIGN:
            return Way.REPLACE
        word = "DEFERRABLE" if new.properties.get("deferrable") else "NOT DEFERRABLE"
        statements.append(sql(f"{alter} {word}{' INITIALLY DEFERRED' if new.properties.get('deferred') else ''}"))
    if "no_inherit" in changed:
        if kind != NOT_NULL or not modern:
            return Way.REPLACE
        statements.append(sql(f"{alter} {'NO INHERIT' if new.properties.get('no_inherit') else 'INHERIT'}"))
    if "not_enforced" in changed:
        if kind != _FOREIGN or (not new.properties.get("not_enforced") and new.properties.get("not_valid")):
            return Way.REPLACE
        statements.append(sql(f"{alter} {'NOT ENFORCED' if new.properties.get('not_enforced') else 'ENFORCED'}"))
    elif "not_valid" in changed:
        if new.properties.get("not_valid"):
            return Way.REPLACE
        statements.append(sql(f"{_table(new)} VALIDATE CONSTRAINT {name}", undo=""))
    return statements
