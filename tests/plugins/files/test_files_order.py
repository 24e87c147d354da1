"""The source ``files``: which files it takes, and in which order."""

from __future__ import annotations

import time

import pytest

from confiture.errors import ConfigError, SourceUnreadable
from confiture.model import WarningRaised

pytestmark = pytest.mark.anyio


async def paths(load, what: str = "", **options) -> list[str]:
    """Of the files, in order."""
    return [file.path for file in await load(what, **options)]


async def test_files_come_component_by_component(load, project):
    """A folder's files stand together: comparing whole paths would put ``a-b/`` and ``a.sql`` between them."""
    for path in ("a/z.sql", "a/b/c.sql", "a-b/x.sql", "a.sql", "b.sql", "a/B.sql"):
        project.schema(path, "SELECT 1;")
    expected = ["a/B.sql", "a/b/c.sql", "a/z.sql", "a-b/x.sql", "a.sql", "b.sql"]
    assert await paths(load, order="natural") == [f"db/schema/{path}" for path in expected]


async def test_order_is_by_code_point(load, project):
    """Not by any locale: capitals before small letters, accents behind both."""
    for name in ("b", "a", "B", "é", "z", "_", "0"):
        project.schema(f"{name}.sql", "SELECT 1;")
    assert await paths(load) == [f"db/schema/{name}.sql" for name in ("0", "B", "_", "a", "b", "z", "é")]


async def test_decomposed_names_sort_as_composed_ones(load, project):
    """Some file systems hand out é as e with an accent: the order is the same there."""
    for name in ("e\u0301", "f", "z"):
        project.schema(f"{name}.sql", "SELECT 1;")
    assert await paths(load) == [f"db/schema/{name}.sql" for name in ("f", "z", "e\u0301")]


async def test_numbers_read_otherwise_are_warned_of(load, project):
    """``10_x`` before ``2_x`` is what the alphabet says and hardly what was meant."""
    for name in ("10_x.sql", "2_x.sql"):
        project.schema(name, "SELECT 1;")
    assert await paths(load) == ["db/schema/10_x.sql", "db/schema/2_x.sql"]
    (warning,) = [event for event in load.events if isinstance(event, WarningRaised)]
    assert "'db/schema/10_x.sql' runs before 'db/schema/2_x.sql'" in warning.message
    assert "--order natural" in warning.hint


async def test_folders_with_numbers_are_warned_of(load, project):
    """Folders are numbered as often as files; further pairs are counted, not told one by one."""
    for name in ("10_x/a.sql", "2_x/a.sql", "3_x/10.sql", "3_x/9.sql"):
        project.schema(name, "SELECT 1;")
    await load()
    (warning,) = [event for event in load.events if isinstance(event, WarningRaised)]
    assert "'db/schema/10_x/a.sql' runs before 'db/schema/2_x/a.sql'" in warning.message
    assert "1 more" in warning.message


@pytest.mark.parametrize("names", [("01_a", "02_b", "10_c"), ("a-1", "a1"), ("a", "a1", "ab"), ("1_a", "1a", "2")])
async def test_numbers_read_alike_are_not_warned_of(load, project, names):
    """Padded numbers, and names that differ in something else than a number."""
    for name in names:
        project.schema(f"{name}.sql", "SELECT 1;")
    await load()
    assert load.events == []


async def test_natural_order_reads_numbers(load, project):
    """As a person does; letters by code point still."""
    for path in ("10_x/a.sql", "2_x/v10.sql", "2_x/v9.sql", "B.sql", "a.sql", "02_x/b.sql"):
        project.schema(path, "SELECT 1;")
    expected = ["02_x/b.sql", "2_x/v9.sql", "2_x/v10.sql", "10_x/a.sql", "B.sql", "a.sql"]
    assert await paths(load, order="natural") == [f"db/schema/{path}" for path in expected]
    assert load.events == []


async def test_auto_loads_alphabetically_without_a_warning(load, project):
    """The names do not matter then: the statements are sorted by whoever builds."""
    for name in ("2.sql", "10.sql"):
        project.schema(name, "SELECT 1;")
    assert await paths(load, order="auto") == ["db/schema/10.sql", "db/schema/2.sql"]
    assert load.events == []


async def test_an_unknown_key_names_the_file_and_the_key(load, project):
    """A configuration mistake is found where it is made."""
    project.config('[files]\nroot = "x"')
    with pytest.raises(ConfigError, match=r"files\.root"):
        await load()


async def test_several_roots_follow_each_other(load, project):
    """In the order of the configuration, each sorted by itself."""
    project.config('[files]\nroots = ["shared", "db/schema"]')
    project.write("shared/z.sql", "SELECT 1;")
    project.schema("a.sql", "SELECT 1;")
    assert await paths(load) == ["shared/z.sql", "db/schema/a.sql"]


async def test_a_root_outside_of_the_project_is_shown_relative_to_it(load, project):
    """Messages and the hash of the sources must not depend on where the project lies."""
    project.config('[files]\nroots = ["../common"]')
    project.write("../common/a.sql", "SELECT 1;")
    assert await paths(load) == ["../common/a.sql"]


async def test_the_project_itself_may_be_the_root(load, project):
    """Without ``./`` before every name."""
    project.config('[files]\nroots = ["."]')
    project.schema("a.sql", "SELECT 1;")
    assert await paths(load) == ["db/schema/a.sql"]


async def test_a_file_may_be_asked_for(load, project):
    """Such as a dump of the production schema."""
    project.write("dump.sql", "SELECT 1;")
    assert await paths(load, "dump.sql") == ["dump.sql"]


async def test_a_folder_may_be_asked_for(load, project):
    """Such as the schema of another branch."""
    project.write("other/a.sql", "SELECT 1;")
    assert await paths(load, "other") == ["other/a.sql"]


async def test_include_and_exclude(load, project):
    """``**`` crosses folders, a bare name matches anywhere, a folder means all that is below it."""
    project.config(
        '[files]\ninclude = ["tables/**", "views"]\nexclude = ["**/old/*.sql", "*_draft.sql", "tables/private"]'
    )
    for path in ("tables/a.sql", "tables/x/y/b.sql", "tables/old/c.sql", "tables/x/d_draft.sql", "views/deep/v.sql"):
        project.schema(path, "SELECT 1;")
    for path in ("tables/private/e.sql", "other/f.sql", "f.sql"):
        project.schema(path, "SELECT 1;")
    expected = ["tables/a.sql", "tables/x/y/b.sql", "views/deep/v.sql"]
    assert await paths(load) == [f"db/schema/{path}" for path in expected]


async def test_other_files_are_no_sql(load, project):
    """Read-me files, and the dot files of editors and systems; the case of the suffix does not matter."""
    for path in ("a.sql", "B.SQL", "README.md", "a.sql.bak", "._a.sql", ".hidden/b.sql"):
        project.schema(path, "SELECT 1;")
    assert await paths(load) == ["db/schema/B.SQL", "db/schema/a.sql"]


async def test_seeds_are_a_stage_of_their_own(load, project):
    """They are not part of the schema."""
    project.schema("a.sql", "SELECT 1;")
    project.seed("b.sql", "SELECT 1;")
    assert await paths(load) == ["db/schema/a.sql"]
    assert await paths(load, "seeds") == ["db/seeds/b.sql"]


async def test_the_default_folder_of_seeds_may_be_missing(load, project):
    """Most projects have none."""
    assert await paths(load, "seeds") == []
    project.seed("README.md", "none yet")
    assert await paths(load, "seeds") == []


async def test_a_named_folder_of_seeds_must_exist(load, project):
    """Who names it means it."""
    project.config('[files]\nseeds = ["db/sedes"]')
    with pytest.raises(SourceUnreadable, match="db/sedes: does not exist"):
        await load("seeds")


async def test_a_thousand_files_are_loaded(load, project):
    """The measured time is printed, not asserted: see ``make bench``."""
    for number in range(1000):
        project.schema(f"{number % 20:02d}/t{number:04d}.sql", f"CREATE TABLE t{number:04d} (a int);\n")
    assert len(await load()) == 1000
    started = time.perf_counter()
    await load()
    print(f"1,000 files: {time.perf_counter() - started:.3f} s")
