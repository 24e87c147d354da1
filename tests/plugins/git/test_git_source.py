"""The source ``git``: what it reads, and that it is what was committed."""

from __future__ import annotations

import os
import subprocess

import pytest

from confiture.hooks import SOURCE
from confiture.model import SourceFile, WarningRaised

pytestmark = pytest.mark.anyio


async def test_the_schema_as_it_was(load, repository, project):
    """What is changed, added and removed since then has no part in it; git itself is the judge of the text."""
    project.schema("10/a.sql", "CREATE TABLE a ();\n")
    project.schema("20/gone.sql", "CREATE TABLE gone ();\n")
    repository.commit()
    project.schema("10/a.sql", "CREATE TABLE a (id int);\n")
    project.schema("10/new.sql", "CREATE TABLE new ();\n")
    (project.root / "db/schema/20/gone.sql").unlink()
    repository.commit()
    project.schema("10/a.sql", "not committed")
    files = await load("HEAD~1")
    assert [file.path for file in files] == ["HEAD~1:db/schema/10/a.sql", "HEAD~1:db/schema/20/gone.sql"]
    assert [file.sql.strip() for file in files] == [repository.git("show", file.path) for file in files]
    assert (await load())[0] == SourceFile("HEAD:db/schema/10/a.sql", "CREATE TABLE a (id int);\n")


@pytest.mark.parametrize("revision", ["v1", "side", "HEAD^{/first: one}", "refs/tags/v1", "HEAD@{0}~1"])
async def test_revisions_as_git_writes_them(load, repository, project, revision):
    """Annotated tags, branches, searches; a colon in braces is no path."""
    project.schema("a.sql", "SELECT 1;")
    first = repository.commit("first: one")
    repository.git("tag", "-a", "-m", "one", "v1")
    repository.git("branch", "side")
    project.schema("a.sql", "SELECT 2;")
    repository.commit("second")
    for name in (revision, first, first[:9]):
        assert [file.sql for file in await load(name)] == ["SELECT 1;"]


async def test_a_folder_and_a_file_of_a_revision(load, repository, project):
    """Relative to the project or absolute; a file that is named may have any ending."""
    project.write("old/a.sql", "SELECT 1;")
    project.write("old/dump.txt", "SELECT 2;")
    repository.commit()
    assert await load.paths("HEAD:old") == ["HEAD:old/a.sql"]
    assert await load.paths("HEAD:./old/") == ["HEAD:old/a.sql"]
    assert await load("HEAD:old/dump.txt") == [SourceFile("HEAD:old/dump.txt", "SELECT 2;")]
    assert await load.paths(f"HEAD:{project.root}/old") == ["HEAD:old/a.sql"]
    assert await load.paths("HEAD:") == ["HEAD:old/a.sql"]
    assert await load.paths("HEAD:.") == ["HEAD:old/a.sql"]


async def test_a_path_is_a_path(load, repository, project):
    """Not a pattern, not an option, not one of git's words for paths."""
    for name in (":(top)x", "*", "-r"):
        project.write(f"{name}/a.sql", "SELECT 1;")
    repository.commit()
    for name in (":(top)x", "*", "-r"):
        assert await load.paths(f"HEAD:{name}") == [f"HEAD:{name}/a.sql"]


async def test_the_rules_are_those_of_files(load, repository, project, kernel_run):
    """The same names at a revision as on disk: hidden ones, other endings, patterns, several roots, both orders."""
    project.config(
        '[files]\nroots = ["db/schema", "extra", "one.sql"]\nexclude = ["drafts"]\ninclude = ["*.sql", "*.SQL"]\n'
    )
    for name in ("10_x.sql", "2_y.SQL", "drafts/a.sql", ".git.sql", ".h/a.sql", "notes.md", "é/ü b.sql", "z/'q\".sql"):
        project.schema(name, "SELECT 1;")
    project.write("extra/a.sql", "SELECT 1;")
    project.write("one.sql", "\ufeffSELECT 'é';\r\n")
    repository.commit()
    for order in ("alphabetical", "natural", "auto"):
        async with kernel_run(project) as run:
            on_disk = await run.get(SOURCE, "files").load(run, order=order)
        assert len(on_disk) == 6
        expected = [SourceFile(f"HEAD:{file.path}", file.sql) for file in on_disk]
        assert await load(order=order) == expected
        assert [type(event) for event in load.events] == ([WarningRaised] if order == "alphabetical" else [])


async def test_a_project_below_the_top_of_the_repository(kernel_run, tmp_path, project, load):
    """Paths are the project's, as they are for files; roots may lead out of it, not out of the repository."""
    from .conftest import Repository

    repository = Repository(tmp_path)
    project.schema("a.sql", "SELECT 1;")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/s.sql").write_text("SELECT 2;")
    repository.commit()
    assert await load.paths() == ["HEAD:db/schema/a.sql"]
    assert await load.paths("HEAD:../shared") == ["HEAD:../shared/s.sql"]
    project.config('[files]\nroots = ["../shared", "db/schema"]')
    assert await load.paths() == ["HEAD:../shared/s.sql", "HEAD:db/schema/a.sql"]


async def test_a_project_that_is_reached_through_a_link(load, repository, project, tmp_path):
    """git resolves links in its answers."""
    project.schema("a.sql", "SELECT 1;")
    repository.commit()
    (tmp_path / "link").symlink_to(project.root)
    load.root = tmp_path / "link"
    assert await load.paths() == ["HEAD:db/schema/a.sql"]
    assert await load.paths(f"HEAD:{tmp_path}/link/db/schema") == ["HEAD:db/schema/a.sql"]


async def test_nothing_depends_on_the_users_settings(load, repository, project, tmp_path, monkeypatch):
    """Colours, quoting, aliases, line ends, and the variables that git sets for its hooks."""
    project.schema("é.sql", "SELECT 1;\n")
    repository.commit()
    settings = tmp_path / "gitconfig"
    settings.write_text(
        "[core]\nquotePath = true\nautocrlf = true\npager = false\nabbrev = 4\n[color]\nui = always\n"
        "[alias]\ncat-file = log\nls-tree = log\n[log]\nshowSignature = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_DIR", ".git/nowhere")
    monkeypatch.setenv("GIT_WORK_TREE", "/")
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert await load() == [SourceFile("HEAD:db/schema/é.sql", "SELECT 1;\n")]


async def test_a_linked_working_tree(load, repository, project, tmp_path):
    """``git worktree`` has a file, not a folder, named .git."""
    project.schema("a.sql", "SELECT 1;")
    repository.commit()
    repository.git("worktree", "add", "-q", "--detach", str(tmp_path / "other"))
    load.root = tmp_path / "other"
    assert await load.paths() == ["HEAD:db/schema/a.sql"]


async def test_many_files_take_four_processes(load, repository, project, tmp_path, monkeypatch):
    """One lists, one reads all: 300 files started one by one would take seconds."""
    for number in range(300):
        project.schema(f"{number:03}.sql", f"SELECT {number};" * (number % 7))
    repository.commit()
    real = subprocess.run(["which", "git"], capture_output=True, text=True).stdout.strip()
    wrapper = tmp_path / "bin/git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho x >> {tmp_path}/calls\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    files = await load()
    assert [file.sql for file in files] == [f"SELECT {number};" * (number % 7) for number in range(300)]
    assert (tmp_path / "calls").read_text().count("x") == 4
