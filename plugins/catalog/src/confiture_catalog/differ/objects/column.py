"""Columns of tables and foreign tables. Those of views come and go with the view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Op, Ref, Way, refuse_data_loss, sql
from confiture_catalog.differ.objects.column_fill import default_to_fill, fill
from confiture_catalog.differ.objects.column_rebuild import fill_other, may_rebuild, swap_in
from confiture_catalog.differ.objects.column_type import conversion, rewrites, same_family
from confiture_catalog.differ.objects.inheritance import goes_with_parent, joins, leaving
from confiture_catalog.differ.objects.materialized_view import column_settings
from confiture_catalog.differ.objects.moving import conversion_by_function, moves_with_extension, survives_swap
from confiture_catalog.differ.objects.not_null_names import around_type_change, is_in_the_way
from confiture_catalog.differ.objects.options import change_options, foreign_options
from confiture_catalog.differ.objects.partition_key import key_columns
from confiture_catalog.differ.objects.sequence import continue_after, sequence_options
from confiture_catalog.differ.world import Side, World

__all__ = ["ColumnHandler", "define"]

_TABLES = ("table", "foreign table")
#: What PostgreSQL refuses to have on a column whose type changes (tablecmds.c, RememberAllDependentForRebuilding).
_REFUSE_TYPE_CHANGE = frozenset(
    {"view", "materialized view", "rule", "policy", "trigger", "function", "procedure", "publication"}
)


class ColumnHandler(Handler):
    """ADD, ALTER and DROP COLUMN."""

    kinds = ("column",)
    rank = 35

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """ADD COLUMN, with its default and NOT NULL where they are parts of it."""
        if not (_own(new) or joins(new, world)) or _follows_type(new, world):
            return ()
        if (default := default_to_fill(new, world, parts)) is not None:
            not_null = next((each for each in parts if is_not_null_of(each, new)), None)
            back = f"{_alter_table(new)} DROP COLUMN {_name(new)}"
            bare_one = define(new, world, (), nullable=True)
            return (
                sql(f"{_alter_table(new)} ADD COLUMN {bare_one}", undo=back),
                *fill(new, default, not_null, world),
            )
        return (sql(f"{_alter_table(new)} ADD COLUMN {define(new, world, parts)}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP COLUMN."""
        if not _of_table(old) or goes_with_parent(old, world) or _follows_type(old, world):
            return ()
        return (sql(f"{_alter_table(old)} DROP COLUMN {_name(old)}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ALTER COLUMN; dropped and added where it becomes generated, or where its expression cannot be changed."""
        if new.parent is not None and new.parent.kind == "materialized view":
            return tuple(column_settings(old, new))
        if not _of_table(new):
            return ()
        if _must_be_replaced(old, new, world):
            return Way.REPLACE
        return [
            *_change_type(old, new, world),
            *_change_expression(old, new),
            *_change_identity(old, new, world),
            *_change_not_null(old, new, world),
            *_change_settings(old, new),
        ]

    def prepare(self, old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
        """The column that takes this one's place, filled."""
        if _of_table(new) and _type_changes(old, new, world) and _by_rebuild(old, new, world):
            yield from fill_other(new, _using(old, new, world), world)

    def blocks(self, old: SchemaObject, new: SchemaObject, dependent: SchemaObject, world: World) -> bool:
        """What PostgreSQL does not allow on a column whose type changes, and what would not fit the new one."""
        if not _of_table(new) or not _type_changes(old, new, world):
            return False
        if _by_rebuild(old, new, world):
            return dependent.kind != "sequence"  # the swap takes it over
        if dependent.kind in _REFUSE_TYPE_CHANGE or (
            dependent.kind == "column" and dependent.properties.get("generated")
        ):
            return True
        if is_in_the_way(dependent, old, world):
            return True
        if same_family(str(old.properties["type"]), str(new.properties["type"])) and not _swapped(old, world):
            return False
        if old.properties["type"] == new.properties["type"] and survives_swap(dependent):
            return False
        # Rebuilt as they are printed: with constants and operators of the old type.
        return dependent.kind in ("default", "constraint", "statistics") or (
            dependent.kind == "index" and not dependent.properties.get("constraint")
        )

    def on_swap(self, old: SchemaObject, swapped: SchemaObject, world: World) -> Way | None:
        """Its values move over, save for a generated one's, which are computed anew."""
        return None if _of_table(old) and not old.properties.get("generated") else Way.REPLACE

    def parent_way(self, old: SchemaObject | None, new: SchemaObject | None, world: World, *, anew: bool) -> Way | None:
        """A new table where the type of a column changes that the table is partitioned by."""
        table = world.old.get(old.parent) if old is not None else None
        if old is None or new is None or table is None or not table.properties.get("partition_key"):
            return None
        by_it = old.name in key_columns(str(table.properties["partition_key"]))
        return Way.REPLACE if by_it and (anew or _type_changes(old, new, world)) else None

    def check_replace(self, old: SchemaObject, new: SchemaObject, reason: str, world: World) -> None:
        """A column with values of its own is not given up for anything."""
        parent_goes = old.parent is not None and (world.is_fresh(old.parent) or old.parent not in world.new.objects)
        if _of_table(old) and not old.properties.get("generated") and not parent_goes:
            refuse_data_loss(old, reason, world)

    def folds_into(self, new: SchemaObject, world: World) -> ObjectKey | None:
        """Its table or view."""
        return new.parent

    def after(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """The parents' column; and of an identity that is new, the end of the sequence whose name it takes."""
        found: list[Ref] = []
        if op in (Op.CREATE, Op.DROP):
            found += [Ref(Op.ALTER, table) for table in leaving(subject, world)]
        if op is Op.DROP:
            stays = world.new.get(subject.parent) is not None and subject.properties.get("inherited")
            if stays and not goes_with_parent(subject, world) and subject.parent is not None:
                found.append(Ref(Op.ALTER, subject.parent))  # until the table has left, it is its parent's
            return found
        for key in _parents(subject, world.new):
            found += [Ref(Op.CREATE, key), Ref(Op.ALTER, key)]
        if (sequence := _identity_sequence(subject, world.new)) is not None:
            found.append(Ref(Op.DROP, sequence.key))
        return found

    def before(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """A table that joins a parent must have all of its columns."""
        inherited = subject.properties.get("inherited")
        if op is Op.CREATE and subject.parent is not None and inherited and joins(subject, world):
            yield Ref(Op.ALTER, subject.parent)


def define(new: SchemaObject, world: World, parts: Sequence[SchemaObject], *, nullable: bool = False) -> str:
    """A column as CREATE TABLE and ADD COLUMN want it. ``parts`` may hold its default and NOT NULL, among others."""
    values = new.properties
    words = [_name(new), str(values["type"])]
    if values.get("foreign_options"):
        words.append(f"OPTIONS ({foreign_options(values['foreign_options'])})")
    if values.get("storage"):
        words.append(f"STORAGE {values['storage']}")
    if values.get("compression"):
        words.append(f"COMPRESSION {values['compression']}")
    if values.get("collation"):
        words.append(f"COLLATE {values['collation']}")
    if values.get("generated"):
        words.append(f"GENERATED ALWAYS AS ({values['generation']}) {str(values['generated']).upper()}")
    if values.get("identity"):
        words.append(_identity(new, world.new))
    for part in parts:
        if part.kind == "default" and part.identity == new.identity:
            words.append(f"DEFAULT {part.properties['expression']}")
        elif is_not_null_of(part, new):
            words.append(_not_null(part, new, world.new))
    if values.get("not_null") and not world.named_not_null and not nullable:
        words.append("NOT NULL")
    return " ".join(words)


def is_not_null_of(part: SchemaObject, column: SchemaObject) -> bool:
    """Whether it is the named NOT NULL of that column, of a form that can stand beside it."""
    return (
        part.kind == "constraint"
        and part.properties["type"] == "not null"
        and part.parent == column.parent
        and part.properties.get("columns") == (_name(column),)
    )


def _not_null(constraint: SchemaObject, column: SchemaObject, side: Side) -> str:
    table = side.get(column.parent)
    usual = f"{table.name if table else ''}_{column.name}_not_null"
    definition = str(constraint.properties["definition"])
    rest = definition.removeprefix(f"NOT NULL {_name(column)}")
    named = "" if constraint.name == usual else f"CONSTRAINT {_name(constraint)} "
    return f"{named}NOT NULL{rest}"


def _identity(new: SchemaObject, side: Side) -> str:
    sequence = _identity_sequence(new, side)
    options = []
    if sequence is not None:
        table = side.get(new.parent)
        if sequence.name != f"{table.name if table else ''}_{new.name}_seq":
            options.append(f"SEQUENCE NAME {sequence.identity}")
        if said := sequence_options(sequence):
            options.append(said)
    told = f" ({' '.join(options)})" if options else ""
    return f"GENERATED {str(new.properties['identity']).upper()} AS IDENTITY{told}"


def _identity_sequence(column: SchemaObject, side: Side) -> SchemaObject | None:
    if not column.properties.get("identity"):
        return None
    for each in side.dependents(column.key):
        if each.kind == "sequence" and each.properties.get("identity"):
            return each
    return None


def _of_table(column: SchemaObject) -> bool:
    return column.parent is not None and column.parent.kind in _TABLES


def _own(column: SchemaObject) -> bool:
    """Whether it is added and dropped by itself, and not by a parent's statement."""
    return _of_table(column) and not (column.properties.get("inherited") and not column.properties.get("local"))


def _follows_type(column: SchemaObject, world: World) -> bool:
    """Whether its table is one OF a type, which passes changes of its attributes on (CASCADE)."""
    tables = world.old.get(column.parent), world.new.get(column.parent)
    types = {table.properties.get("of_type") if table is not None else None for table in tables}
    of_type = types.pop()
    return bool(of_type) and not types and ObjectKey("composite type", str(of_type)) not in world.swapped


def _name(part: SchemaObject) -> str:
    assert part.parent is not None
    return part.identity[len(part.parent.identity) + 1 :]


def _alter_table(column: SchemaObject) -> str:
    assert column.parent is not None
    return f"ALTER {'FOREIGN ' if column.parent.kind == 'foreign table' else ''}TABLE {column.parent.identity}"


def _alter_column(column: SchemaObject) -> str:
    return f"{_alter_table(column)} ALTER COLUMN {_name(column)}"


def _parents(column: SchemaObject, side: Side) -> list[ObjectKey]:
    table = side.get(column.parent)
    if table is None:
        return []
    inherits = table.properties.get("inherits") or ()
    names = [*(inherits if isinstance(inherits, tuple) else ()), table.properties.get("partition_of")]
    return [ObjectKey("column", f"{name}.{_name(column)}") for name in names if name]


def _swapped(column: SchemaObject, world: World, *, but: str = "") -> bool:
    return any(need in world.swapped and need.kind != but for need in column.needs)


def _type_changes(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    changed = any(old.properties.get(name) != new.properties.get(name) for name in ("type", "collation"))
    return (changed and not moves_with_extension(old, new, world)) or _swapped(old, world)


def _must_be_replaced(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    was, becomes = old.properties.get("generated"), new.properties.get("generated")
    if was == becomes == "virtual" or (was == becomes == "stored"):
        changes = old.properties.get("generation") != new.properties.get("generation")
        # SET EXPRESSION came with PostgreSQL 17.
        return _type_changes(old, new, world) or (changes and world.options.target_version < 17)
    # A stored one can become a plain one, keeping its values (DROP EXPRESSION).
    return was != becomes and not (was == "stored" and not becomes)


def _change_type(old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
    inherited = new.properties.get("inherited")
    if inherited or not _type_changes(old, new, world) or _follows_type(new, world):
        return
    if _by_rebuild(old, new, world):
        yield from swap_in(old, new, world)
        return
    collation = f" COLLATE {new.properties['collation']}" if new.properties.get("collation") else ""
    using = _using(old, new, world)
    becomes = new.properties["type"]
    before, after = around_type_change(old, world)
    yield from before
    yield sql(f"{_alter_column(new)} TYPE {becomes}{collation}{f' USING {using}' if using else ''}")
    yield from after


def _using(old: SchemaObject, new: SchemaObject, world: World) -> str:
    """The expression of USING; "" where none is needed. A foreign table's rows are not here."""
    was, becomes = str(old.properties["type"]), str(new.properties["type"])
    if (was == becomes and not _swapped(old, world, but="collation")) or (
        new.parent is not None and new.parent.kind == "foreign table"
    ):
        return ""
    if (moved := conversion_by_function(_name(new), old, new, world)) is not None:
        return moved
    builtin = not any(need.kind.endswith((" type", "enum", "domain")) for need in (*old.needs, *new.needs))
    return conversion(_name(new), was, becomes, builtin=builtin and not _swapped(old, world))


def _by_rebuild(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    """Whether another column, filled in batches, takes its place: the table is big, and would be rewritten."""
    if not may_rebuild(old, new, world):
        return False
    return _swapped(old, world) or rewrites(str(old.properties["type"]), str(new.properties["type"]))


def _change_expression(old: SchemaObject, new: SchemaObject) -> Iterable[Statement]:
    if new.properties.get("inherited"):
        return
    if old.properties.get("generated") and not new.properties.get("generated"):
        yield sql(f"{_alter_column(new)} DROP EXPRESSION")
    elif old.properties.get("generation") != new.properties.get("generation"):
        yield sql(f"{_alter_column(new)} SET EXPRESSION AS ({new.properties['generation']})")


def _change_identity(old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
    was, becomes = old.properties.get("identity"), new.properties.get("identity")
    table = world.new.get(new.parent)
    if was == becomes or (table is not None and table.properties.get("partition_of")):
        return
    if not becomes:
        yield sql(f"{_alter_column(new)} DROP IDENTITY")
    elif was:
        yield sql(f"{_alter_column(new)} SET GENERATED {str(becomes).upper()}")
    else:
        yield sql(f"{_alter_column(new)} ADD {_identity(new, world.new)}")
        if (sequence := _identity_sequence(new, world.new)) is not None:
            yield continue_after(sequence, new)


def _change_not_null(old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
    was, becomes = old.properties.get("not_null"), new.properties.get("not_null")
    if world.named_not_null or was == becomes:
        return
    if not becomes:
        yield sql(f"{_alter_column(new)} DROP NOT NULL")
        return
    if world.online and new.parent is not None and not world.is_fresh(new.parent):
        # A valid check is taken as the proof, so that the table is not read under ACCESS EXCLUSIVE (since 12).
        table, name = _alter_table(new), '"confiture_not_null"'
        yield sql(f"{table} ADD CONSTRAINT {name} CHECK ({_name(new)} IS NOT NULL) NOT VALID", undo="")
        yield sql(f"{table} VALIDATE CONSTRAINT {name}", undo="")
        yield sql(f"{_alter_column(new)} SET NOT NULL", undo=f"{_alter_column(new)} DROP NOT NULL")
        yield sql(f"{table} DROP CONSTRAINT {name}", undo="")
    else:
        yield sql(f"{_alter_column(new)} SET NOT NULL")


def _change_settings(old: SchemaObject, new: SchemaObject) -> Iterable[Statement]:
    was, becomes = old.properties, new.properties
    if was.get("storage") != becomes.get("storage"):
        yield sql(f"{_alter_column(new)} SET STORAGE {becomes.get('storage') or 'DEFAULT'}")
    if was.get("compression") != becomes.get("compression"):
        yield sql(f"{_alter_column(new)} SET COMPRESSION {becomes.get('compression') or 'default'}")
    if was.get("statistics") != becomes.get("statistics"):
        target = becomes.get("statistics")
        yield sql(f"{_alter_column(new)} SET STATISTICS {-1 if target is None else target}")
    yield from change_options(_alter_column(new), was.get("options"), becomes.get("options"))
    if was.get("foreign_options") != becomes.get("foreign_options"):
        change = foreign_options(becomes.get("foreign_options"), was.get("foreign_options"))
        yield sql(f"{_alter_column(new)} OPTIONS ({change})")
