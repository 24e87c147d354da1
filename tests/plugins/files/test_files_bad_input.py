"""The source ``files``: what it refuses, with a message that leads on."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from confiture.errors import ConfigError, SourceUnreadable
from confiture.model import SourceFile

pytestmark = pytest.mark.anyio


async def test_not_utf8_names_the_byte(load, project):
    """The file, the line, and the byte's offset for an editor that shows only those."""
    project.schema("a.sql", b"SELECT 1;\nSELECT 'na\xefve';\n")
    with pytest.raises(SourceUnreadable, match="is not UTF-8: byte 0xef at offset 20") as caught:
        await load()
    error = caught.value
    assert (error.file, error.line, error.column) == ("db/schema/a.sql", 2, 11)
    assert "iconv" in error.hint


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
async def test_utf16_is_named(load, project, encoding):
    """PowerShell writes it when output goes to a file."""
    project.schema("a.sql", "SELECT 1;\n".encode(encoding))
    with pytest.raises(SourceUnreadable, match=r"UTF-16|NUL") as caught:
        await load()
    assert "UTF-8" in caught.value.hint


async def test_a_byte_order_mark_is_removed(load, project):
    """PostgreSQL would take it for a part of the first word; offsets count from behind it."""
    project.schema("a.sql", b"\xef\xbb\xbfSELECT 1;")
    assert await load() == [SourceFile("db/schema/a.sql", "SELECT 1;")]


async def test_offsets_count_the_byte_order_mark_in_bytes_only(load, project):
    """The byte offset is that in the file, the column that of a person."""
    project.schema("a.sql", b"\xef\xbb\xbfab\xff")
    with pytest.raises(SourceUnreadable, match="offset 5") as caught:
        await load()
    assert caught.value.column == 3


async def test_line_ends_are_kept(load, project):
    """The text of a function may hold them on purpose."""
    project.schema("a.sql", b"SELECT 1;\r\nSELECT 2;\r\n")
    assert (await load())[0].sql == "SELECT 1;\r\nSELECT 2;\r\n"


async def test_nul_names_the_line(load, project):
    """PostgreSQL's protocol would end the statement there."""
    project.schema("a.sql", b"SELECT 1;\nSEL\0ECT 2;")
    with pytest.raises(SourceUnreadable, match="NUL character") as caught:
        await load()
    assert (caught.value.line, caught.value.column) == (2, 4)


async def test_an_empty_folder_says_what_it_looked_for(load, project):
    """An empty schema is a mistake in a path or a pattern."""
    project.schema("README.md", "nothing yet")
    with pytest.raises(SourceUnreadable, match="db/schema: has no SQL file") as caught:
        await load()
    assert ".sql" in caught.value.hint


async def test_patterns_that_leave_nothing_are_named(load, project):
    """Else the folder would look as if it were full."""
    project.config('[files]\nexclude = ["*"]')
    project.schema("a.sql", "SELECT 1;")
    with pytest.raises(SourceUnreadable, match="has no SQL file") as caught:
        await load()
    assert "1 such files were left out" in caught.value.hint


async def test_no_roots_is_a_mistake_of_the_configuration(load, project):
    project.config("[files]\nroots = []")
    with pytest.raises(ConfigError, match=r"files\.roots"):
        await load()


async def test_a_missing_root_is_named(load, project):
    project.config('[files]\nroots = ["db/shcema"]')
    with pytest.raises(SourceUnreadable, match="db/shcema: does not exist") as caught:
        await load()
    assert "roots" in caught.value.hint


async def test_linked_folders_are_followed(load, project):
    """Skipping them in silence would build half of a schema."""
    project.write("elsewhere/a.sql", "SELECT 1;")
    (project.root / "db/schema/linked").symlink_to(project.root / "elsewhere")
    assert [file.path for file in await load()] == ["db/schema/linked/a.sql"]


async def test_a_loop_of_folders_is_named(load, project):
    """The link and what it leads back to."""
    project.schema("x/a.sql", "SELECT 1;")
    (project.root / "db/schema/x/again").symlink_to(project.root / "db/schema")
    with pytest.raises(SourceUnreadable, match=r"db/schema/x/again: is a symbolic link to 'db/schema'.*loop"):
        await load()


async def test_a_link_to_itself_is_named(load, project):
    (project.root / "db/schema/a.sql").symlink_to(project.root / "db/schema/a.sql")
    with pytest.raises(SourceUnreadable, match=r"a\.sql: is a symbolic link that leads back to itself"):
        await load()


@pytest.mark.parametrize("name", ["a.sql", "folder"])
async def test_a_link_to_nothing_is_named(load, project, name):
    """It may have been a folder: the name says nothing."""
    project.schema("b.sql", "SELECT 1;")
    (project.root / "db/schema" / name).symlink_to(project.root / "gone")
    with pytest.raises(SourceUnreadable, match=f"db/schema/{name}: is a symbolic link to nothing"):
        await load()


async def test_an_excluded_link_does_not_matter(load, project):
    """The way out of the errors above."""
    project.config('[files]\nexclude = ["broken.sql", "again"]')
    project.schema("b.sql", "SELECT 1;")
    (project.root / "db/schema/broken.sql").symlink_to(project.root / "gone")
    (project.root / "db/schema/again").symlink_to(project.root / "db/schema")
    assert [file.path for file in await load()] == ["db/schema/b.sql"]


async def test_one_file_under_two_names_is_an_error(load, project):
    """Its statements would run twice, and fail at the second time with a message that misleads."""
    project.schema("a.sql", "SELECT 1;")
    (project.root / "db/schema/b.sql").symlink_to("a.sql")
    with pytest.raises(SourceUnreadable, match=r"b\.sql: is the same file as 'db/schema/a\.sql'"):
        await load()


async def test_overlapping_roots_are_an_error(load, project):
    project.config('[files]\nroots = ["db/schema", "db/schema/x"]')
    project.schema("x/a.sql", "SELECT 1;")
    with pytest.raises(SourceUnreadable, match="is the same file as"):
        await load()


async def test_a_named_pipe_is_refused(load, project):
    """Reading it would wait for a writer for ever."""
    os.mkfifo(project.root / "db/schema/a.sql")
    with pytest.raises(SourceUnreadable, match="is not a regular file"):
        await load()


async def test_a_name_with_a_line_end_is_refused(load, project):
    """Names go into messages and, as comments, into the combined script."""
    project.schema("a\nb.sql", "SELECT 1;")
    with pytest.raises(SourceUnreadable, match="control character"):
        await load()


async def test_a_name_that_is_not_utf8_is_refused(load, project):
    project.schema(os.fsdecode(b"a\xff.sql"), "SELECT 1;")
    with pytest.raises(SourceUnreadable, match="name that is not UTF-8"):
        await load()


async def test_a_file_that_changes_all_the_time_is_refused(load, project, monkeypatch):
    """Half of the old and half of the new text is nobody's schema."""
    path = project.schema("a.sql", "SELECT 1;\n")
    file, times = path.stat(), []
    read = os.read

    def written_meanwhile(descriptor: int, size: int) -> bytes:
        if os.fstat(descriptor).st_ino == file.st_ino:
            times.append(file.st_mtime_ns + len(times) + 1)
            os.utime(path, ns=(times[-1], times[-1]))
        return read(descriptor, size)

    # A thread that writes all the time would not always be given the processor while the file is read.
    monkeypatch.setattr(os, "read", written_meanwhile)
    with pytest.raises(SourceUnreadable, match=r"a\.sql: changed while it was read"):
        await load()
    assert times


#: Root may read everything, so the child gives up being root, after everything that it needs is imported.
_AS_NOBODY = """
import os, pwd, sys, anyio
from confiture.config import Environment
from confiture.errors import SourceUnreadable
from confiture.hooks import SOURCE
from confiture.kernel import Kernel

async def main():
    nowhere = Environment(name="local", database_url="postgresql:///none")
    async with Kernel(sys.argv[1]).run(environment=nowhere) as run:
        source = run.get(SOURCE, "files")
        await source.load(run, "open")
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.setgroups([])
            os.setresgid(*[nobody.pw_gid] * 3)
            os.setresuid(*[nobody.pw_uid] * 3)
        for what in ("file", "folder"):
            try:
                await source.load(run, what)
            except SourceUnreadable as error:
                print(error)

anyio.run(main)
"""


def test_no_permission_is_named():
    """A file, then a folder, that the user may not read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for path in ("open/a.sql", "file/a.sql", "folder/closed/a.sql"):
            (folder / path).parent.mkdir(parents=True)
            (folder / path).write_text("SELECT 1;")
        (folder / "file/a.sql").chmod(0)
        (folder / "folder/closed").chmod(0)
        done = subprocess.run([sys.executable, "-c", _AS_NOBODY, name], capture_output=True, text=True, check=False)
        (folder / "folder/closed").chmod(0o700)
    assert done.stdout.splitlines() == [
        "file/a.sql: may not be read: permission denied",
        "folder/closed: may not be read: permission denied",
    ], done.stderr
