"""The source ``files`` with an address: any file or folder, in the project or elsewhere."""

from __future__ import annotations

import pytest

from confiture.errors import SourceUnreadable
from confiture.hooks import SOURCE
from confiture.kernel import Kernel
from confiture.model import SourceFile

pytestmark = pytest.mark.anyio


@pytest.fixture
def elsewhere(tmp_path):
    """A folder outside of the project."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


async def test_a_file_anywhere(load, elsewhere):
    """`migrate diff old.sql new.sql` names files that no project holds; the ending is the user's affair."""
    (elsewhere / "dump.txt").write_text("SELECT 1;")
    path = str(elsewhere / "dump.txt")
    assert await load(path) == [SourceFile(path, "SELECT 1;")]


async def test_a_folder_anywhere(load, elsewhere):
    """With the same rules as the schema's own folders."""
    for name in ("2.sql", "10.sql", ".hidden.sql", "notes.md"):
        (elsewhere / name).write_text("SELECT 1;")
    assert [file.path for file in await load(str(elsewhere))] == [f"{elsewhere}/10.sql", f"{elsewhere}/2.sql"]


async def test_a_relative_path_is_the_projects(load, project, elsewhere, monkeypatch):
    """The same call gives the same files wherever the program runs; also one that leads out of the project."""
    project.write("old.sql", "SELECT 1;")
    (elsewhere / "old.sql").write_text("SELECT 2;")
    monkeypatch.chdir(elsewhere)
    assert await load("old.sql") == [SourceFile("old.sql", "SELECT 1;")]
    assert await load("../elsewhere/old.sql") == [SourceFile("../elsewhere/old.sql", "SELECT 2;")]


async def test_no_project_is_needed(elsewhere, monkeypatch):
    """A folder without anything of confiture's is root enough."""
    (elsewhere / "old.sql").write_text("SELECT 1;")
    monkeypatch.chdir(elsewhere)
    async with Kernel(elsewhere).run() as run:
        assert await run.get(SOURCE, "files").load(run, "old.sql") == [SourceFile("old.sql", "SELECT 1;")]


async def test_a_missing_path_is_named(load):
    """Its hint speaks of paths, not of the configuration, which nobody asked about."""
    with pytest.raises(SourceUnreadable, match=r"^old\.sql: does not exist$") as caught:
        await load("old.sql")
    assert "confiture.toml" not in caught.value.hint


async def test_a_file_of_an_address_is_decoded_with_its_place(load, elsewhere):
    """As every other file."""
    (elsewhere / "old.sql").write_bytes(b"SELECT 1;\n\xff")
    with pytest.raises(SourceUnreadable, match="is not UTF-8") as caught:
        await load(str(elsewhere / "old.sql"))
    assert (caught.value.file, caught.value.line) == (str(elsewhere / "old.sql"), 2)


async def test_the_empty_source_has_no_file(kernel_run, project):
    """What the schema's folder holds does not matter."""
    project.schema("a.sql", "SELECT 1;")
    async with kernel_run(project) as run:
        source = run.get(SOURCE, "empty")
        assert await source.load(run) == ()
        with pytest.raises(SourceUnreadable, match=r"has no 'old\.sql'") as caught:
            await source.load(run, "old.sql")
        assert "by itself" in caught.value.hint
