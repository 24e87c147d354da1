"""Orders: the mission's, natural, and by what the statements need."""

from __future__ import annotations

import anyio
import pytest

from confiture.errors import DependencyError, FeatureMissing, RoleMissing, StatementFailed

pytestmark = pytest.mark.anyio


@pytest.fixture
def mission(shop):
    """The mission's own tree, in which comments.sql sorts before users.sql."""
    for path in ("10_tables/customers.sql", "10_tables/orders.sql", "20_views/names.sql"):
        (shop.root / "db/schema" / path).unlink()
    shop.schema("00_common/custom_types.sql", "CREATE TYPE role AS ENUM ('reader', 'writer');\n")
    shop.schema(
        "10_tables/comments.sql",
        "CREATE TABLE comments (\n    id int PRIMARY KEY,\n    post int REFERENCES posts,\n"
        "    author int REFERENCES users\n);\n",
    )
    shop.schema("10_tables/posts.sql", "CREATE TABLE posts (id int PRIMARY KEY, author int REFERENCES users);\n")
    shop.schema("10_tables/users.sql", "CREATE TABLE users (id int PRIMARY KEY, role role);\n")
    shop.schema("20_views/user_stats.sql", "CREATE VIEW user_stats AS SELECT count(*) FROM users;\n")
    shop.schema(
        "30_functions/calculate_score.sql",
        "CREATE FUNCTION calculate_score(u users) RETURNS int LANGUAGE sql RETURN 1;\n",
    )
    return shop


async def test_missions_tree_leads_on(mission, kernel_run, absent) -> None:
    """The error names the missing object, the later file that makes it, and the way out."""
    async with kernel_run(mission, database=absent) as run:
        with pytest.raises(StatementFailed) as caught:
            await run.start("build")
    error = caught.value
    assert error.file == "db/schema/10_tables/comments.sql"
    assert "does not exist" in error.message
    assert "db/schema/10_tables/posts.sql:1" in (error.hint or "")
    assert "--order auto" in (error.hint or "")


async def test_order_auto_builds_the_missions_tree(mission, kernel_run, absent, psql) -> None:
    """A project need not number its files."""
    async with kernel_run(mission, database=absent) as run:
        await run.start("build", order="auto")
    assert psql(absent, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == "3"


async def test_order_auto_can_be_configured_and_is_explained(mission, kernel_run, database) -> None:
    """``--explain`` shows the order and why, and runs nothing."""
    mission.config(f'[project]\nname = "{mission.name}"\n[build]\norder = "auto"\n')
    async with kernel_run(mission, database=database) as run:
        report = await run.start("build", explain=True)
    files = [row.file.rpartition("/")[2] for row in report.order]
    assert files == [
        "custom_types.sql",
        "users.sql",
        "posts.sql",
        "comments.sql",
        "user_stats.sql",
        "calculate_score.sql",
    ]
    moved = {row.file.rpartition("/")[2]: row.because for row in report.order if row.because}
    assert any("posts.sql:1" in reason for reason in moved["comments.sql"])
    assert report.databases == ()


async def test_script_of_order_auto_is_in_that_order(mission, kernel_run, database, psql) -> None:
    """So that psql can load it."""
    async with kernel_run(mission, database=database) as run:
        report = await run.start("build", execute=False, order="auto")
    psql(database, report.sql)
    assert psql(database, "SELECT to_regclass('comments') IS NOT NULL") == "t"


async def test_circle_of_foreign_keys_is_broken(shop, kernel_run, absent, psql) -> None:
    """Two tables that refer to each other."""
    shop.schema("40_a.sql", "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES b);")
    shop.schema("41_b.sql", "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);")
    async with kernel_run(shop, database=absent) as run:
        await run.start("build", order="auto")
    names = (
        "SELECT string_agg(conname, ',' ORDER BY conname) FROM pg_constraint WHERE contype = 'f' AND conname ~ '^[ab]_'"
    )
    assert psql(absent, names) == "a_b_fkey,b_a_fkey"


async def test_circle_that_nothing_breaks_is_named(shop, kernel_run, absent, databases) -> None:
    """Two views that select from each other."""
    shop.schema("40_v.sql", "CREATE VIEW v AS SELECT * FROM w;")
    shop.schema("41_w.sql", "CREATE VIEW w AS SELECT * FROM v;")
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(DependencyError) as caught:
            await run.start("build", order="auto")
    told = f"{caught.value} {caught.value.detail} {caught.value.hint}"
    assert "40_v.sql" in told
    assert "41_w.sql" in told
    assert databases(absent.database) == []


async def test_natural_order(shop, kernel_run, absent, psql) -> None:
    """``2_x`` before ``10_x``."""
    shop.schema("40/2_first.sql", "CREATE TABLE first (id int PRIMARY KEY);")
    shop.schema("40/10_second.sql", "CREATE TABLE second (id int REFERENCES first);")
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(StatementFailed):
            await run.start("build")
        await run.start("build", order="natural")
    assert psql(absent, "SELECT to_regclass('second') IS NOT NULL") == "t"


async def test_jobs_build_the_same_database(mission, kernel_run, absent, psql, server) -> None:
    """Over two connections, by level; session settings hold there as well."""
    mission.schema("50_session.sql", "CREATE SCHEMA app;\nSET search_path TO app, public;\n")
    for number in range(20):
        mission.schema(f"60/{number:02d}.sql", f"CREATE TABLE t{number} (id int PRIMARY KEY, kind public.role);\n")
    async with kernel_run(mission, database=absent) as run:
        await run.start("build", order="auto", jobs=2, cache=False)
    assert psql(absent, "SELECT count(*) FROM pg_tables WHERE schemaname = 'app'") == "20"


async def test_jobs_go_through_what_belongs_to_a_session(shop, kernel_run, absent, psql) -> None:
    """A temporary table and a role that is set, before, within and after what runs at once."""
    for number in range(30):
        shop.schema(
            f"40/{number:02d}.sql", f"CREATE TABLE t{number} (id int PRIMARY KEY, of int REFERENCES customers);"
        )
    shop.schema("41.sql", "CREATE TEMPORARY TABLE scratch AS SELECT 7 AS n;\nSET work_mem TO '9MB';\n")
    shop.schema("42.sql", "CREATE TABLE kept AS SELECT n, current_setting('work_mem') AS m FROM scratch;\n")
    async with kernel_run(shop, database=absent) as run:
        await run.start("build", jobs=2, cache=False)
    assert psql(absent, "SELECT n, m FROM kept") == "7|9MB"
    assert psql(absent, "SELECT count(*) FROM pg_tables WHERE tablename ~ '^t[0-9]'") == "30"


async def test_jobs_name_a_missing_role_before_anything_runs(shop, kernel_run, absent) -> None:
    """Also where it is named in the last file."""
    for number in range(30):
        shop.schema(f"40/{number:02d}.sql", f"CREATE TABLE t{number} (id int); SELECT pg_sleep(20);")
    shop.schema("50.sql", "GRANT SELECT ON customers TO nobody_has_this_role;")
    async with kernel_run(shop, database=absent) as run:
        with anyio.fail_after(120), pytest.raises(RoleMissing, match="nobody_has_this_role"):
            await run.start("build", jobs=2)


async def test_jobs_place_an_error_wherever_it_is(shop, kernel_run, absent, databases) -> None:
    """In the beginning that runs first, and in the rest."""
    for number in range(30):
        shop.schema(f"40/{number:02d}.sql", f"CREATE TABLE t{number} (id int);")
    for path in ("40/02.sql", "40/27.sql"):
        good = (shop.root / "db/schema" / path).read_text()
        shop.schema(path, "-- here\nCREATE TABLE broken (id nope);")
        async with kernel_run(shop, database=absent) as run:
            with pytest.raises(StatementFailed) as caught:
                await run.start("build", jobs=2, cache=False)
        assert caught.value.where == f"db/schema/{path}:2:25"
        assert databases(absent.database) == []
        shop.schema(path, good)


async def test_missing_role_is_named_before_anything_runs(shop, kernel_run, absent, databases) -> None:
    """Elsewhere than on confiture's own server nobody asked for roles to be made."""
    shop.schema("50.sql", "GRANT SELECT ON customers TO nobody_has_this_role;")
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(RoleMissing, match="nobody_has_this_role"):
            await run.start("build")
    assert databases(absent.database) == []


async def test_missing_extension_is_named_with_its_place(shop, kernel_run, absent) -> None:
    """Before anything runs."""
    shop.schema("00.sql", "-- what we need\nCREATE EXTENSION no_such_extension;\n")
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(FeatureMissing, match="no_such_extension") as caught:
            await run.start("build")
    assert caught.value.where == "db/schema/00.sql:2:1"
