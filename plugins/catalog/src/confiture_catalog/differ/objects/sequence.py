"""Sequences: free ones, those that a column owns (serial), and what an identity column has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture.quoting import quote_literal
from confiture_catalog.differ.handler import Alteration, Handler, Op, Ref, Way, sql
from confiture_catalog.differ.names import bare
from confiture_catalog.differ.world import World

__all__ = ["SequenceHandler", "continue_after", "sequence_options"]

#: The largest value of each type that a sequence may have (manual, CREATE SEQUENCE).
_LARGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}
_NUMBERS = (
    ("increment", "INCREMENT BY"),
    ("min", "MINVALUE"),
    ("max", "MAXVALUE"),
    ("start", "START WITH"),
    ("cache", "CACHE"),
)


class SequenceHandler(Handler):
    """CREATE, ALTER and DROP SEQUENCE. An identity column's is made and dropped by its column."""

    kinds = ("sequence",)
    rank = 20

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE SEQUENCE; who owns it comes later."""
        if new.properties.get("identity"):
            return _renamed_identity(new, world)
        unlogged = "UNLOGGED " if new.properties.get("unlogged") else ""
        type_ = str(new.properties["type"])
        as_type = "" if type_ == "bigint" else f" AS {type_}"
        options = sequence_options(new)
        return (sql(f"CREATE {unlogged}SEQUENCE {new.identity}{as_type}{' ' if options else ''}{options}"),)

    def late(self, new: SchemaObject, world: World) -> Iterable[Statement]:
        """OWNED BY, when the column is there; and where the column has rows already, on from the largest value."""
        owner = new.properties.get("owned_by")
        if not owner or new.properties.get("identity"):
            return ()
        statements = [
            sql(f"ALTER SEQUENCE {new.identity} OWNED BY {owner}", undo=f"ALTER SEQUENCE {new.identity} OWNED BY NONE")
        ]
        column = world.new.find("column", owner)
        if column is not None and _has_values(column, world):
            statements.append(continue_after(new, column))
        return statements

    def late_needs(self, new: SchemaObject) -> Iterable[ObjectKey]:
        """The column, and all that comes with it."""
        return new.needs if new.properties.get("owned_by") else ()

    def after(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """The end of the identity whose name it takes."""
        old = world.old.get(subject.key)
        column = None if old is None else world.old.find("column", old.properties.get("owned_by"))
        if op is Op.CREATE and old is not None and column is not None and old.properties.get("identity"):
            return (Ref(Op.ALTER, column.key),)
        return ()

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP SEQUENCE."""
        return () if old.properties.get("identity") else (sql(f"DROP SEQUENCE {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ALTER SEQUENCE, all options in one statement: a new minimum may be beyond the old maximum."""
        if bool(old.properties.get("identity")) != bool(new.properties.get("identity")):
            return Way.REPLACE
        statements = []
        if options := changed_options(old, new):
            statements += _move_within(old, new)
            statements.append(sql(f"ALTER SEQUENCE {new.identity} {options}{_restart(old, new)}"))
        if old.properties.get("unlogged") != new.properties.get("unlogged") and not new.properties.get("identity"):
            logged = "UNLOGGED" if new.properties.get("unlogged") else "LOGGED"
            statements.append(sql(f"ALTER SEQUENCE {new.identity} SET {logged}"))
        if old.properties.get("owned_by") != new.properties.get("owned_by") and not new.properties.get("identity"):
            statements.append(sql(f"ALTER SEQUENCE {new.identity} OWNED BY {new.properties.get('owned_by') or 'NONE'}"))
        return statements

    def on_replace(self, old: SchemaObject, replaced: SchemaObject, world: World) -> Way | None:
        """It goes with its column; anything else (an extension's type) cannot be."""
        return Way.REPLACE

    def goes_with(self, old: SchemaObject, world: World) -> Iterable[ObjectKey]:
        """The column that owns it, and that one's table."""
        column = world.old.find("column", old.properties.get("owned_by"))
        return () if column is None or column.parent is None else (column.key, column.parent)


def _bounds(sequence: SchemaObject) -> tuple[int, int]:
    return int(str(sequence.properties["min"])), int(str(sequence.properties["max"]))


def _restart(old: SchemaObject, new: SchemaObject) -> str:
    """Where no number of the old range is one of the new range, it cannot go on from where it is."""
    (low, high), (new_low, new_high) = _bounds(old), _bounds(new)
    return " RESTART" if new_low > high or new_high < low else ""


def _move_within(old: SchemaObject, new: SchemaObject) -> list[Statement]:
    """Where the range becomes narrower: the position goes to its end if it would be outside, and stays if not."""
    (low, high), (new_low, new_high) = _bounds(old), _bounds(new)
    if _restart(old, new) or (new_low <= low and new_high >= high):
        return []
    place = f"least(greatest(last_value, {max(low, new_low)}), {min(high, new_high)})"
    return [
        sql(
            f"SELECT pg_catalog.setval({quote_literal(new.identity).strip()}, {place},"
            f" is_called AND last_value BETWEEN {new_low} AND {new_high}) FROM {new.identity}",
            undo="",
        )
    ]


def _renamed_identity(new: SchemaObject, world: World) -> Sequence[Statement]:
    """An identity column that stays one keeps its sequence, under another name, whatever was decided of names."""
    column = world.new.find("column", new.properties.get("owned_by"))
    if column is None or world.is_fresh(column.key):
        return ()
    for old in world.old.dependents(column.key):
        if old.kind == "sequence" and old.properties.get("identity") and old.key not in world.new.objects:
            options = changed_options(old, new)
            return [
                sql(f"ALTER SEQUENCE {old.identity} RENAME TO {bare(new)}"),
                *([sql(f"ALTER SEQUENCE {new.identity} {options}")] if options else []),
            ]
    return ()


def _has_values(column: SchemaObject, world: World) -> bool:
    """Whether the column was there before, and takes its values from the sequence now."""
    there = world.old.find("column", column.identity) is not None and not world.is_fresh(column.key)
    return there and world.new.find("default", column.identity) is not None


def changed_options(old: SchemaObject, new: SchemaObject) -> str:
    """What ALTER SEQUENCE says of the difference; "" for none. ``START`` only moves where it restarts from."""
    said = []
    if old.properties.get("type") != new.properties.get("type"):
        said.append(f"AS {new.properties['type']}")
    said += [
        f"{word} {new.properties[name]}"
        for name, word in _NUMBERS
        if old.properties.get(name) != new.properties.get(name)
    ]
    if bool(old.properties.get("cycle")) != bool(new.properties.get("cycle")):
        said.append("CYCLE" if new.properties.get("cycle") else "NO CYCLE")
    return " ".join(said)


def sequence_options(new: SchemaObject) -> str:
    """The options that are not the default of its type and direction, as CREATE SEQUENCE wants them."""
    values: Mapping[str, object] = new.properties
    largest = _LARGEST[str(values["type"])]
    falling = int(str(values["increment"])) < 0
    low, high = (-largest - 1, -1) if falling else (1, largest)
    usual = {"increment": 1, "min": low, "max": high, "cache": 1}
    usual["start"] = int(str(values["max"] if falling else values["min"]))
    said = [f"{word} {values[name]}" for name, word in _NUMBERS if int(str(values[name])) != usual[name]]
    return " ".join([*said, *(["CYCLE"] if values.get("cycle") else [])])


def continue_after(sequence: SchemaObject, column: SchemaObject) -> Statement:
    """A sequence that is new to a column with rows goes on behind the largest value, so that no number comes twice."""
    assert column.parent is not None
    name = column.identity[len(column.parent.identity) + 1 :]
    end, sign, start = (
        ("min", "-", "least") if int(str(sequence.properties["increment"])) < 0 else ("max", "+", "greatest")
    )
    return sql(
        f"SELECT pg_catalog.setval({quote_literal(sequence.identity)}, {start}({sequence.properties['start']},"
        f" pg_catalog.{end}({name}) {sign} 1), false) FROM {column.parent.identity}",
        undo="",
    )
