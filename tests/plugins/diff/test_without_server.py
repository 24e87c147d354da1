"""What needs no server: equal texts, and schemas that are remembered."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from confiture.errors import ConfitureError
from confiture.hooks import API_VERSION, Provider, hookimpl
from confiture.model import Schema, SchemaObject, SourceFile
from confiture.registry import Registry
from confiture_catalog.inspector import CatalogInspector
from confiture_diff.shortcut import equal_texts
from confiture_diff.snapshots import Snapshots, snapshot_key

pytestmark = pytest.mark.anyio

A, B = "CREATE TABLE a (id int);", "CREATE TABLE b (id int);"


def equal(old: str, new: str) -> bool:
    return equal_texts([SourceFile("old.sql", old)], [SourceFile("new.sql", new)])


def test_blanks_comments_and_the_order_of_tables_are_nothing():
    """Moving a table to another file is no change."""
    assert equal(A + B, f"-- a comment\n{A}\n\n{B}")
    assert equal(f"{A} {B}", f"{B} {A}")
    assert equal_texts([SourceFile("x", A), SourceFile("y", B)], [SourceFile("z", f"{A}\n{B}")])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (A, B),
        (A, A + B),
        (f"{A} ALTER TABLE a ALTER id SET DEFAULT 1; ALTER TABLE a ALTER id SET DEFAULT 2;",
         f"{A} ALTER TABLE a ALTER id SET DEFAULT 2; ALTER TABLE a ALTER id SET DEFAULT 1;"),
        ("CREATE OR REPLACE VIEW v AS SELECT 1 x; CREATE OR REPLACE VIEW v AS SELECT 2 x;",
         "CREATE OR REPLACE VIEW v AS SELECT 2 x; CREATE OR REPLACE VIEW v AS SELECT 1 x;"),
        ("CREATE TABLE IF NOT EXISTS a (x int); CREATE TABLE IF NOT EXISTS a (y int);",
         "CREATE TABLE IF NOT EXISTS a (y int); CREATE TABLE IF NOT EXISTS a (x int);"),
        (f"SET search_path = x; {A} SET search_path = y; {B}", f"SET search_path = y; {A} SET search_path = x; {B}"),
    ],
)  # fmt: skip
def test_where_order_or_text_may_matter_it_says_nothing(old: str, new: str):
    """A difference that is passed over is the worst that a differ can do."""
    assert not equal(old, new)


async def test_equal_texts_need_no_server(compare, scratch_project):
    """In CI nearly every run is one of these."""
    scratch_project.config("[scratch]\nurl = 'postgresql://nobody@127.0.0.1:1/none'\n")
    assert not (await compare(A, f"{A} -- the same\n")).changed
    with pytest.raises(ConfitureError):
        await compare(A, B)


async def test_a_side_that_was_read_is_remembered(compare, monkeypatch):
    """The old side is nearly always yesterday's new one."""
    await compare(A, A + B, prove=False)

    async def refuse(self):
        raise AssertionError("a scratch database was made")

    monkeypatch.setattr("confiture_diff.elaborate.Elaboration.copy", refuse)
    assert (await compare(A, A + B, prove=False)).changed
    with pytest.raises(AssertionError):
        await compare(A, A + B, prove=False, cache=False)
    with pytest.raises(AssertionError):
        await compare(A, B, prove=False)


READ: list[str] = []
VERSION: list[str] = []


class ChangingInspector(CatalogInspector):
    """The catalog's, in a version that the test chooses."""

    def code_version(self, ctx):
        return VERSION[0]

    async def inspect(self, ctx, target):
        READ.append(target.database)
        return await super().inspect(ctx, target)


class _Plugin:
    API_VERSION = API_VERSION

    @hookimpl
    def confiture_inspectors(self) -> Iterable[Provider]:
        return [Provider(name="changing", target=f"{__name__}:ChangingInspector", summary="the test's")]


async def test_what_another_inspector_read_is_read_anew(compare, scratch_project):
    """A new release that sees more must not be answered with what the last one saw."""
    registry = Registry()
    registry.register(_Plugin(), "changing")
    config = scratch_project.root / "confiture.toml"
    config.write_text(config.read_text() + '\n[diff]\ninspector = "changing"\n')
    seen = []
    for version in ("1", "1", "2", "2"):
        VERSION[:], READ[:] = [version], []
        await compare(A, A + B, registry=registry, prove=False)
        seen.append(len(READ))
    assert seen == [2, 0, 2, 0]


def test_what_cannot_be_read_is_not_there(tmp_path):
    """A cache is never a reason to fail, whatever befell its files."""
    schema = Schema.of([SchemaObject(kind="table", identity="t", properties={"columns": ("a", None), "x": True})])
    snapshots = Snapshots(tmp_path / "s", keep=2)
    assert snapshots.find("one") is None
    snapshots.keep("one", schema)
    assert snapshots.find("one") == schema
    (tmp_path / "s" / "one.schema").write_bytes(b"\x00rubbish")
    assert snapshots.find("one") is None
    for name in ("a", "b", "c"):
        snapshots.keep(name, schema)
    assert len(list((tmp_path / "s").iterdir())) == 2
    Snapshots(tmp_path / "file" / "x", keep=2).keep("a", schema)
    (tmp_path / "taken").write_text("")
    Snapshots(tmp_path / "taken", keep=2).keep("a", schema)


def test_a_key_is_of_the_texts_in_order_not_of_their_names():
    """A renamed file is the same schema; another server reads another one."""
    one, two = SourceFile("1.sql", A), SourceFile("2.sql", B)
    key = snapshot_key([one, two], "18")
    assert key == snapshot_key([SourceFile("x.sql", A), SourceFile("y.sql", B)], "18")
    assert len({key, snapshot_key([two, one], "18"), snapshot_key([one, two], "17"), snapshot_key([one], "18")}) == 4
