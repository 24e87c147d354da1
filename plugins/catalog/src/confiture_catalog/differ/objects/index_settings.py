"""What of an index can be set and taken back in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from confiture.model import SchemaObject, Statement
from confiture.quoting import quote_literal
from confiture_catalog.differ.handler import sql
from confiture_catalog.differ.names import bare
from confiture_catalog.differ.objects.definitions import IndexText
from confiture_catalog.differ.world import Side, World

__all__ = ["change_settings", "give_name", "give_settings", "take_settings"]


#: How the names end that PostgreSQL itself gives, see ChooseIndexName in indexcmds.c.
_USUAL = ("_pkey", "_key", "_idx", "_excl")


def give_name(new: SchemaObject, world: World) -> tuple[Statement, ...]:
    """Of a partition's that was made with its parent's, under a name of PostgreSQL's choice: its own name."""
    table = world.new.get(new.parent)
    if table is None or (new.name.startswith(f"{table.name[:28]}") and new.name.endswith(_USUAL)):
        return ()
    of, parent = quote_literal(table.identity).strip(), quote_literal(str(new.properties["partition_of"])).strip()
    made = (
        "SELECT i.indexrelid::regclass FROM pg_catalog.pg_index i JOIN pg_catalog.pg_inherits p"
        f" ON p.inhrelid = i.indexrelid WHERE i.indrelid = {of}::regclass AND p.inhparent = {parent}::regclass"
    )
    rename = quote_literal(f"ALTER INDEX %s RENAME TO {bare(new)}").strip()
    return (
        sql(
            f"DO $confiture$\nBEGIN\n    EXECUTE pg_catalog.format({rename}, ({made}));\nEND\n$confiture$",
            undo="",
        ),
    )


def give_settings(
    new: SchemaObject, text: IndexText, *, options: bool = True, tablespace: bool = True
) -> tuple[Statement, ...]:
    """All that a new one has; ``options`` and ``tablespace`` unless its CREATE INDEX said them."""
    index, found = f"ALTER INDEX {new.identity}", []
    if options and text.options:
        found.append(sql(f"{index} SET ({', '.join(text.options)})", undo=""))
    if tablespace and new.properties.get("tablespace"):
        found.append(sql(f"{index} SET TABLESPACE {new.properties['tablespace']}", undo=""))
    for column, target in _targets(new).items():
        found.append(sql(f"{index} ALTER COLUMN {column} SET STATISTICS {target}", undo=""))
    if new.properties.get("clustered"):
        found.append(sql(_cluster(new), undo=""))
    if new.properties.get("replica_identity"):
        found.append(sql(_identify(new), undo=""))
    return tuple(found)


def take_settings(old: SchemaObject, world: World) -> tuple[Statement, ...]:
    """Before it is dropped: a table whose replica identity is gone has none at all, and cannot say that it should."""
    table, new = world.new.get(old.parent), world.new.get(old.key)
    if not old.properties.get("replica_identity") or table is None or table.properties.get("replica_identity"):
        return ()
    if (new is not None and new.properties.get("replica_identity")) or _another(old, world.new, "replica_identity"):
        return ()
    return (sql(f"ALTER TABLE {table.identity} REPLICA IDENTITY DEFAULT", undo=_identify(old)),)


def change_settings(
    old: SchemaObject, new: SchemaObject, was: Sequence[str], becomes: Sequence[str], world: World
) -> Iterable[Statement]:
    """From the one to the other; ``was`` and ``becomes`` are their storage options."""
    index = f"ALTER INDEX {new.identity}"
    if gone := [name for name in map(_name, was) if name not in set(map(_name, becomes))]:
        back = ", ".join(each for each in was if _name(each) in gone)
        yield sql(f"{index} RESET ({', '.join(gone)})", undo=f"{index} SET ({back})")
    if given := [each for each in becomes if each not in was]:
        yield sql(f"{index} SET ({', '.join(given)})", undo=_undo_set(index, given, was))
    if old.properties.get("tablespace") != new.properties.get("tablespace"):
        yield sql(f"{index} SET TABLESPACE {new.properties.get('tablespace') or 'pg_default'}")
    before, after = _targets(old), _targets(new)
    for column in sorted({*before, *after}, key=int):
        if before.get(column) != after.get(column):
            yield sql(f"{index} ALTER COLUMN {column} SET STATISTICS {after.get(column, '-1')}")
    if new.properties.get("clustered") and not old.properties.get("clustered"):
        yield sql(_cluster(new), undo=_uncluster(new))
    elif _loses(old, new, "clustered", world):
        yield sql(_uncluster(new), undo=_cluster(old))
    if new.properties.get("replica_identity") and not old.properties.get("replica_identity"):
        yield sql(_identify(new), undo=f"ALTER TABLE {new.properties['table']} REPLICA IDENTITY DEFAULT")
    elif _loses(old, new, "replica_identity", world):
        table = world.new.get(new.parent)
        if table is not None and not table.properties.get("replica_identity"):
            yield sql(f"ALTER TABLE {new.properties['table']} REPLICA IDENTITY DEFAULT", undo=_identify(old))


def _undo_set(index: str, given: Sequence[str], was: Sequence[str]) -> str:
    names = {_name(each) for each in given}
    kept = [each for each in was if _name(each) in names]
    fresh = [_name(each) for each in given if _name(each) not in set(map(_name, was))]
    undo = [f"{index} SET ({', '.join(kept)})"] if kept else []
    return ";\n".join(undo + ([f"{index} RESET ({', '.join(fresh)})"] if fresh else []))


def _name(option: str) -> str:
    return option.partition("=")[0]


def _targets(found: SchemaObject) -> Mapping[str, str]:
    """``1=500``: the number of a column of the index, and its statistics target."""
    values = found.properties.get("statistics") or ()
    assert isinstance(values, tuple)
    return {column: target for column, _, target in (str(each).partition("=") for each in values)}


def _cluster(found: SchemaObject) -> str:
    return f"ALTER TABLE {found.properties['table']} CLUSTER ON {bare(found)}"


def _uncluster(found: SchemaObject) -> str:
    return f"ALTER TABLE {found.properties['table']} SET WITHOUT CLUSTER"


def _identify(found: SchemaObject) -> str:
    return f"ALTER TABLE {found.properties['table']} REPLICA IDENTITY USING INDEX {bare(found)}"


def _loses(old: SchemaObject, new: SchemaObject, name: str, world: World) -> bool:
    """Whether it loses that mark, and no other index of the table gets it."""
    return bool(old.properties.get(name)) and not new.properties.get(name) and not _another(new, world.new, name)


def _another(found: SchemaObject, side: Side, name: str) -> bool:
    """Whether another index of the table has that mark."""
    if found.parent is None:
        return False
    return any(each.key != found.key and each.properties.get(name) for each in side.children(found.parent, "index"))
