"""The source ``git``: what it refuses, with a message that leads on."""

from __future__ import annotations

import pytest

from confiture.errors import ConfigError, SourceUnreadable

from .conftest import Repository, git

pytestmark = pytest.mark.anyio


async def refused(load, what: str, match: str) -> SourceUnreadable:
    with pytest.raises(SourceUnreadable, match=match) as caught:
        await load(what)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("revision", ["HAED", "HEAD~7", "--all", "-p", "a..b", "HEAD\nHEAD", "a b", "HEAD\0"])
async def test_a_revision_that_does_not_exist(load, repository, project, revision):
    """Whatever it looks like, it is a name and no option, and one question to git."""
    project.schema("a.sql", "SELECT 1;")
    repository.commit()
    error = await refused(load, revision, "there is no revision")
    assert repr(revision) in error.message


async def test_the_nearest_name_is_suggested(load, repository, project):
    project.schema("a.sql", "SELECT 1;")
    repository.commit()
    repository.git("tag", "release-1")
    assert "did you mean 'release-1'?" in (await refused(load, "relaese-1", "no revision")).hint


async def test_a_repository_without_commits(load, repository):
    assert "nothing is committed" in (await refused(load, "", "no revision 'HEAD'")).hint


async def test_a_shallow_clone_is_told(load, repository, project, tmp_path):
    """HEAD~1 is there for everybody else, so the reason is not obvious."""
    for number in range(2):
        project.schema("a.sql", f"SELECT {number};")
        repository.commit()
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{project.root}", "clone")
    load.root = tmp_path / "clone"
    assert "--unshallow" in (await refused(load, "HEAD~1", "no revision")).hint


async def test_a_path_that_the_revision_lacks(load, repository, project):
    """It may well be there today."""
    project.write("README", "")
    repository.commit()
    project.schema("a.sql", "SELECT 1;")
    repository.commit()
    error = await refused(load, "HEAD~1", "does not exist at that revision")
    assert error.file == "HEAD~1:db/schema"
    assert (await refused(load, "HEAD:db/shcema", "does not exist")).file == "HEAD:db/shcema"


async def test_a_path_from_the_top_of_the_repository(load, project, tmp_path):
    """git itself reads HEAD:path so; the hint says how it is written here."""
    project.schema("a.sql", "SELECT 1;")
    (tmp_path / "old.sql").write_text("SELECT 1;")
    Repository(tmp_path).commit()
    assert "write '../old.sql'" in (await refused(load, "HEAD:old.sql", "does not exist")).hint


async def test_a_path_outside_of_the_repository(load, repository, project, tmp_path):
    project.schema("a.sql", "SELECT 1;")
    repository.commit()
    assert (await refused(load, "HEAD:../a.sql", "outside of the repository")).file == "../a.sql"
    await refused(load, f"HEAD:{tmp_path}", "outside of the repository")


async def test_no_repository(load, project):
    project.schema("a.sql", "SELECT 1;")
    error = await refused(load, "HEAD", "is not in a git repository")
    assert str(project.root) in error.message


async def test_a_bare_repository(load, repository, project):
    project.schema("a.sql", "SELECT 1;")
    repository.commit()
    load.root = project.root / ".git"
    assert "bare" in (await refused(load, "HEAD", "git failed")).hint


async def test_no_program(load, project, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install git" in (await refused(load, "HEAD", "the program 'git'")).hint


async def test_no_revision_before_the_colon(load, repository):
    await refused(load, ":db/schema", "names no revision")


async def test_no_roots_is_a_mistake_of_the_configuration(load, repository, project):
    project.config("[files]\nroots = []")
    with pytest.raises(ConfigError, match=r"files\.roots"):
        await load()


async def test_a_folder_without_sql(load, repository, project):
    """Patterns that leave nothing are told, too."""
    project.schema("README.md", "")
    repository.commit()
    error = await refused(load, "HEAD", "has no SQL file")
    assert error.file == "HEAD:db/schema"
    project.schema("a.sql", "SELECT 1;")
    project.config('[files]\nexclude = ["*"]')
    repository.commit()
    assert "1 such files were left out" in (await refused(load, "HEAD", "has no SQL file")).hint


async def test_overlapping_roots(load, repository, project):
    project.config('[files]\nroots = ["db", "db/schema"]')
    project.schema("a.sql", "SELECT 1;")
    repository.commit()
    error = await refused(load, "HEAD", "is the same file as 'HEAD:db/schema/a.sql'")
    assert error.file == "HEAD:db/schema/a.sql"


@pytest.mark.parametrize("target", ["other.sql", "../folder", "nowhere", "/etc", "../../../outside"])
async def test_symbolic_links(load, repository, project, target):
    """On disk they are followed; half of a schema would be missing here."""
    project.schema("other.sql", "SELECT 1;")
    project.write("db/folder/a.sql", "SELECT 1;")
    name = "link.sql" if target == "other.sql" else "link"
    (project.root / "db/schema" / name).symlink_to(target)
    repository.commit()
    error = await refused(load, "HEAD", "is a symbolic link")
    assert error.file == f"HEAD:db/schema/{name}"
    project.config(f'[files]\nexclude = ["{name}"]')
    assert await load.paths() == ["HEAD:db/schema/other.sql"]


async def test_a_link_to_another_file_means_nothing(load, repository, project):
    """As on disk, where a README is none of the schema's business, linked or not."""
    project.schema("a.sql", "SELECT 1;")
    project.write("README", "")
    (project.root / "db/schema/README").symlink_to("../../README")
    repository.commit()
    assert await load.paths() == ["HEAD:db/schema/a.sql"]


async def test_a_root_that_is_a_link_or_lies_below_one(load, repository, project):
    project.write("real/schema/a.sql", "SELECT 1;")
    (project.root / "db/schema").rmdir()
    (project.root / "db").rmdir()
    (project.root / "db").symlink_to("real")
    repository.commit()
    assert (await refused(load, "HEAD:db", "is a symbolic link")).file == "HEAD:db"
    assert (await refused(load, "HEAD", "is a symbolic link")).file == "HEAD:db"


async def test_submodules(load, repository, project):
    """Their files are in another repository; one that is excluded is no obstacle."""
    project.schema("a.sql", "SELECT 1;")
    commit = repository.commit()
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},db/schema/vendor")
    repository.git("commit", "-q", "-m", "a submodule")
    assert (await refused(load, "HEAD", "is a submodule")).file == "HEAD:db/schema/vendor"
    assert (await refused(load, "HEAD:db/schema/vendor", "is a submodule")).file == "HEAD:db/schema/vendor"
    assert (await refused(load, "HEAD:db/schema/vendor/x", "is a submodule")).file == "HEAD:db/schema/vendor"
    project.config('[files]\nexclude = ["vendor"]')
    assert await load.paths() == ["HEAD:db/schema/a.sql"]


async def test_pointers_of_git_lfs(load, repository, project):
    project.schema("a.sql", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n")
    repository.commit()
    assert (await refused(load, "HEAD", "pointer of Git LFS")).file == "HEAD:db/schema/a.sql"


async def test_a_blob_that_the_repository_lacks(load, repository, project):
    """A partial clone without its server, or a broken disk."""
    project.schema("a.sql", "SELECT 1;")
    repository.commit()
    blob = repository.git("rev-parse", "HEAD:db/schema/a.sql")
    (project.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    assert "git fsck" in (await refused(load, "HEAD", "is not in the repository")).hint


async def test_not_utf8_names_the_line(load, repository, project):
    """As for files on disk."""
    project.schema("a.sql", b"SELECT 1;\nSELECT 'na\xefve';\n")
    repository.commit()
    error = await refused(load, "HEAD", "is not UTF-8: byte 0xef at offset 20")
    assert (error.file, error.line, error.column) == ("HEAD:db/schema/a.sql", 2, 11)


async def test_names_that_no_message_can_carry(load, repository, project):
    project.schema("a\tb.sql", "SELECT 1;")
    repository.commit()
    await refused(load, "HEAD", "control character")
    (project.root / "db/schema/a\tb.sql").unlink()
    (project.root / "db/schema/\udcff.sql").write_text("SELECT 1;")
    repository.commit()
    await refused(load, "HEAD", "not UTF-8")
