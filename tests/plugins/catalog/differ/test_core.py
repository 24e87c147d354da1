"""The differ's core on schemas made by hand, with handlers that do as the objects say; and every kind at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catalogs import EVERY_KIND
from confiture.errors import Refused
from confiture.hooks import INSPECTOR
from confiture.model import DiffOptions, ObjectKey, Schema, SchemaObject
from confiture_catalog.differ.changes import Change, find_changes
from confiture_catalog.differ.graph import Graph, order
from confiture_catalog.differ.handler import Handler, Op, Ref, Way, refuse_data_loss, sql
from confiture_catalog.differ.kinds import Handlers
from confiture_catalog.differ.planning import make_plan
from confiture_catalog.differ.world import World

REFERENCE = Path(__file__).parents[4] / "docs" / "reference" / "inspector-catalog.md"


class Thing(Handler):
    """``way``: what alters it; ``with``: what replaces, or swaps, what it needs does to it."""

    kinds = ("thing", "part", "vault")

    def create(self, new, world, parts=()):
        return [sql(f"create {new.identity}" + "".join(f" with {each.identity}" for each in parts))]

    def drop(self, old, world):
        return [sql(f"drop {old.identity}")]

    def alter(self, old, new, world):
        way = new.properties.get("way")
        return Way(way) if way else [sql(f"alter {new.identity}")]

    def blocks(self, old, new, dependent, world):
        return bool(dependent.properties.get("in the way"))

    def on_replace(self, old, replaced, world):
        return None if old.properties.get("moves") else Way.REPLACE

    on_swap = on_replace

    def check_replace(self, old, new, reason, world):
        if old.kind == "vault":
            refuse_data_loss(old, reason, world)

    def folds_into(self, new, world):
        return new.parent

    def parent_way(self, old, new, world, *, anew):
        return Way.REPLACE if anew and (old or new).properties.get("whole") else None


def thing(identity: str, *needs: str, kind: str = "thing", of: str = "", **properties: object) -> SchemaObject:
    """An object that needs others: ``name``, or ``kind:name``."""
    keys = tuple(ObjectKey(*each.split(":")) if ":" in each else ObjectKey("thing", each) for each in needs)
    parent = ObjectKey("thing", of) if of else None
    said = {name.replace("_", " "): value for name, value in properties.items()}
    return SchemaObject(kind=kind, identity=identity, name=identity, needs=keys, parent=parent, properties=said)


def changes(old: list[SchemaObject], new: list[SchemaObject], **options: object) -> tuple[dict[str, Change], World]:
    world = World(Schema.of(old), Schema.of(new), DiffOptions(**options))
    return {key.identity: change for key, change in find_changes(world, Handlers((Thing,))).items()}, world


def plan(old: list[SchemaObject], new: list[SchemaObject], **options: object) -> list[str]:
    made = make_plan(Schema.of(old), Schema.of(new), DiffOptions(**options), Handlers((Thing,)))
    return [each.sql for each in made.statements]


# -- what becomes of objects ---------------------------------------------------------------------------------------


def test_what_differs_is_changed_and_nothing_else():
    """The four simple cases."""
    old = [thing("stays"), thing("goes"), thing("differs", size=1)]
    found, world = changes(old, [thing("stays"), thing("comes"), thing("differs", size=2)])
    assert found == {"goes": Change.DROP, "comes": Change.CREATE, "differs": Change.ALTER}
    assert {key.identity for key in world.fresh} == {"comes"}


def test_what_is_replaced_takes_along_all_that_needs_it():
    """A view on a view on a thing; what only it needs stays."""
    rest = [thing("below"), thing("view", "base"), thing("above", "view"), thing("beside", "below")]
    found, world = changes([thing("base", "below"), *rest], [thing("base", "below", way="replace"), *rest])
    assert found == dict.fromkeys(("base", "view", "above"), Change.REPLACE)
    assert {key.identity for key in world.fresh} == {"base", "view", "above"}


def test_what_can_be_moved_over_is_altered():
    """And what needs that is left alone."""
    rest = [thing("column", "type", moves=True), thing("view", "column")]
    found, _ = changes([thing("type"), *rest], [thing("type", way="replace"), *rest])
    assert found == {"type": Change.REPLACE, "column": Change.ALTER}


def test_what_is_swapped_moves_what_needs_it_and_renews_its_parts():
    """The old one is there meanwhile: only what cannot move over is made anew."""
    rest = [thing("column", "type", moves=True), thing("function", "type"), thing("label", kind="part", of="type")]
    found, world = changes([thing("type"), *rest], [thing("type", way="swap"), *rest])
    assert found == {
        "type": Change.SWAP,
        "column": Change.ALTER,
        "function": Change.REPLACE,
        "label": Change.REPLACE,
    }
    assert {key.identity for key in world.swapped} == {"type"}


def test_what_is_in_the_way_of_an_alter_is_taken_down():
    """Only that, of all that needs what is altered."""
    rest = [thing("view", "base", in_the_way=True), thing("function", "base")]
    found, _ = changes([thing("base", size=1), *rest], [thing("base", size=2), *rest])
    assert found == {"base": Change.ALTER, "view": Change.REPLACE}


def test_what_stays_as_it_is_while_its_need_goes_is_made_anew():
    """Its text does not say what it needs: a view that groups by a key which is another one now."""
    found, _ = changes([thing("key"), thing("view", "key")], [thing("view")])
    assert found == {"key": Change.DROP, "view": Change.REPLACE}


def test_what_becomes_a_part_of_something_else_is_made_anew():
    """No ALTER moves a part."""
    wholes = [thing("a"), thing("b")]
    found, _ = changes([*wholes, thing("p", kind="part", of="a")], [*wholes, thing("p", kind="part", of="b")])
    assert found == {"p": Change.REPLACE}


def test_a_part_that_cannot_change_alone_takes_its_whole_along():
    """And that all that needs it."""
    rest = [thing("base"), thing("view", "base")]
    old = [*rest, thing("p", kind="part", of="base", whole=True, size=1)]
    found, _ = changes(old, [*rest, thing("p", kind="part", of="base", whole=True, way="replace")])
    assert found == dict.fromkeys(("base", "view", "p"), Change.REPLACE)


def test_data_is_not_dropped_on_the_way():
    """The refusal names what would be lost, why, and how to allow it."""
    rest = [thing("safe", "base", kind="vault")]
    old, new = [thing("base"), *rest], [thing("base", way="replace"), *rest]
    with pytest.raises(Refused, match=r"the vault 'safe' .* it needs the thing 'base', which is made anew") as caught:
        changes(old, new)
    assert "--drop 'safe'" in str(caught.value.hint)
    assert changes(old, new, drops=("sa*",))[0] == dict.fromkeys(("base", "safe"), Change.REPLACE)


@pytest.mark.parametrize("kind", ["subscription", "unsupported:subscription"])
def test_a_kind_that_nobody_handles_is_refused_by_name(kind):
    """Never passed over."""
    with pytest.raises(Refused, match=r"^no statement is known for a difference of a subscription: far$"):
        changes([], [thing("far", kind=kind)])
    assert changes([thing("far", kind=kind)], [thing("far", kind=kind)])[0] == {}


# -- the order -----------------------------------------------------------------------------------------------------


def refs(graph: Graph, *names: str) -> list[Ref]:
    """Nodes of those names; their priorities are that order."""
    found = [Ref(Op.CREATE, ObjectKey("thing", name)) for name in names]
    graph.nodes.update((ref, (place,)) for place, ref in enumerate(found))
    return found


def test_edges_win_over_priorities_which_settle_the_rest():
    """The same order each time."""
    graph = Graph()
    a, b, c, d = refs(graph, "a", "b", "c", "d")
    graph.add_edge(d, a)
    graph.add_edge(d, Ref(Op.DROP, a.key))  # no node: nothing to wait for
    assert order(graph) == [b, c, d, a]


def test_what_a_folded_node_waits_for_its_whole_waits_for():
    """The whole's statement does it; the folded one has none."""
    graph = Graph()
    table, column, type_ = refs(graph, "table", "column", "type")
    graph.folds[column] = table
    graph.add_edge(type_, column)
    graph.add_edge(table, column)
    assert order(graph) == [type_, table]
    assert graph.folds == {column: table}


def test_a_circle_of_wholes_is_unfolded():
    """Two tables whose keys refer to each other: the keys come when both are there."""
    graph = Graph()
    one, two, key_one, key_two, other = refs(graph, "one", "two", "key one", "key two", "other")
    graph.folds = {key_one: one, key_two: two, other: one}
    graph.unfoldable = {key_one, key_two, other}
    for first, then in ((one, key_one), (two, key_one), (two, key_two), (one, key_two), (one, other)):
        graph.add_edge(first, then)
    found = order(graph)
    assert other not in found
    assert found.index(two) < found.index(key_one)
    assert found.index(one) < found.index(two)


def test_a_weak_edge_holds_where_it_can_and_gives_way_in_a_circle():
    """Only those of the circle."""
    graph = Graph()
    a, b, c = refs(graph, "a", "b", "c")
    graph.add_edge(c, a, weak=True)
    assert order(graph) == [b, c, a]
    graph.add_edge(a, b)
    graph.add_edge(b, a, weak=True)
    assert order(graph) == [c, a, b]


def test_a_circle_that_nothing_opens_is_refused_by_name():
    """Each is named once, what is beside the circle is not."""
    graph = Graph()
    a, b, c = refs(graph, "a", "b", "c")
    for first, then in ((a, b), (b, a), (b, c)):
        graph.add_edge(first, then)
    with pytest.raises(Refused) as caught:
        order(graph)
    message = caught.value.message
    assert "in a circle" in message
    assert sorted(re.findall("create thing (.)", message)) == ["a", "b"]


def test_a_plan_drops_from_above_and_creates_from_below():
    """What is made anew is gone before what it needs, and back after it."""
    rest = [thing("a view", "base"), thing("b above", "a view")]
    assert plan([thing("base"), *rest], [thing("base", way="replace"), *rest]) == [
        "drop b above",
        "drop a view",
        "drop base",
        "create base",
        "create a view",
        "create b above",
    ]


def test_parts_are_made_by_their_whole_in_order_of_position():
    """And by themselves, where it is there already."""
    parts = [thing("p1", kind="part", of="base"), thing("p2", kind="part", of="base")]
    assert plan([], [thing("base"), *parts]) == ["create base with p1 with p2"]
    assert plan([thing("base"), parts[0]], [thing("base"), *parts]) == ["create p2"]
    assert plan([thing("base"), *parts], []) == ["drop base"]


# -- every kind ----------------------------------------------------------------------------------------------------


def documented_kinds() -> set[str]:
    """The first column of the table of kinds."""
    rows = REFERENCE.read_text(encoding="utf-8").partition("## Kinds")[2].splitlines()
    cells = [row.split("|")[1] for row in rows if row.startswith("| `")]
    names = [name for cell in cells for name in re.findall("`([^`]+)`", cell)]
    return {name.replace("...", "text search") for name in names}


def test_every_kind_that_is_documented_has_a_handler():
    """And each that has one is documented."""
    assert documented_kinds() == set(Handlers().kinds)


@pytest.mark.anyio
async def test_every_kind_that_is_read_has_a_handler(database, psql, kernel_run):
    """The sample has one of every kind, so that what concerns all of them can be tried at once."""
    psql(database, EVERY_KIND)
    async with kernel_run(database=database) as run:
        schema = await run.get(INSPECTOR, "catalog").inspect(run, database)
    assert {each.kind for each in schema.objects} ^ set(Handlers().kinds) == set()


#: What the differ cannot know, since only the owner may read it, and what PostgreSQL keeps in the order of writing.
_PLAIN = {
    "OPTIONS (user 'me', password 'secret')": "OPTIONS (user '', password '')",
    "('DROP TABLE', 'CREATE TABLE')": "('CREATE TABLE', 'DROP TABLE')",
}


@pytest.mark.anyio
@pytest.mark.parametrize("online", [True, False])
async def test_every_kind_is_made_from_nothing_and_gone_again(migrates, online):
    """pg_dump sees no difference, and nothing at all in the end."""
    everything = EVERY_KIND
    for written, plain in _PLAIN.items():
        assert written in everything
        everything = everything.replace(written, plain)
    assert await migrates("", everything, online=online, drops=("*",))
