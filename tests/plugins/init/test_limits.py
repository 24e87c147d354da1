"""What ``init --from-database`` leaves out, and when it writes nothing at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from catalogs import EVERY_KIND_15, dump
from confiture.config import Environment
from confiture.config.dsn import to_uri
from confiture.errors import PermissionMissing, ProofFailed, Refused
from confiture.hooks import Provider, hookimpl
from confiture.kernel import Kernel
from confiture.model import Note, Plan, WarningRaised
from confiture.registry import API_VERSION, Registry
from confiture_catalog.differ.provider import CatalogDiffer
from confiture_init.settings import with_order
from plugins.catalog.test_old_server import old_server

__all__ = ["old_server"]

pytestmark = pytest.mark.anyio


def tree(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


async def test_an_empty_database_is_refused(database, adopt, bare) -> None:
    """Most likely it is the wrong one."""
    before = tree(bare)
    with pytest.raises(Refused, match="has no schema to write"):
        await adopt(database)
    assert tree(bare) == before


async def test_a_schema_that_is_there_is_never_overwritten(database, psql, adopt, bare) -> None:
    """Whatever the file is; and before the database is asked."""
    psql(database, "CREATE TABLE t ()")
    (bare / "db/schema/deep").mkdir(parents=True)
    (bare / "db/schema/.gitkeep").write_text("")
    (bare / "db/schema/deep/notes.txt").write_text("mine")
    before = tree(bare)
    with pytest.raises(Refused, match=r"db/schema/ has files already, such as 'deep/notes\.txt'"):
        await adopt(database)
    assert tree(bare) == before
    (bare / "db/schema/deep/notes.txt").unlink()
    await adopt(database)
    assert (bare / "db/schema/10_tables/t.sql").is_file()


async def test_what_confiture_does_not_know_is_refused_by_name(database, psql, adopt, bare) -> None:
    """A schema without it would not be this database's."""
    psql(
        database, "CREATE TABLE t (); CREATE SUBSCRIPTION s CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false)"
    )
    try:
        with pytest.raises(Refused, match="subscription 's'"):
            await adopt(database)
    finally:
        psql(database, "ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s")
    assert not (bare / "db").exists()


class Forgetful(CatalogDiffer):
    """Forgets indexes, and makes a mistake where a table is named so."""

    async def diff(self, ctx, old, new, options) -> Plan:
        plan = await super().diff(ctx, old, new, options)
        kept = [each for each in plan.statements if not each.sql.startswith("CREATE INDEX")]
        wrong = [msgspec.structs.replace(each, sql=each.sql.replace("mistake", "no.such")) for each in kept]
        return msgspec.structs.replace(plan, statements=tuple(wrong))


class _Plugin:
    API_VERSION = API_VERSION

    @hookimpl
    def confiture_differs(self) -> Iterable[Provider]:
        return [Provider(name="catalog", target=f"{__name__}:Forgetful", summary="the test's")]


@pytest.mark.parametrize(
    ("ddl", "said", "detail"),
    [
        ("CREATE TABLE t (a int); CREATE INDEX i ON t (a)", "would give another database: 1 objects", "index public.i"),
        ("CREATE TABLE t (a int); CREATE VIEW mistake AS SELECT 1", "would fail: ", None),
    ],
)
async def test_nothing_is_written_where_the_proof_fails(ddl, said, detail, database, psql, adopt, bare) -> None:
    """Files that do not give the database back are worse than none."""
    registry = Registry(prefer={"differ": {"catalog": "forgetful"}})
    registry.register(_Plugin(), "forgetful")
    psql(database, ddl)
    before = tree(bare)
    with pytest.raises(ProofFailed, match=said) as caught:
        await adopt(database, registry=registry)
    assert detail is None or detail in (caught.value.detail or "")
    assert tree(bare) == before


async def test_nothing_is_left_where_a_file_cannot_be_written(database, psql, adopt, bare, monkeypatch) -> None:
    """Half a schema looks like a whole one."""
    psql(database, "CREATE TABLE a (); CREATE TABLE b (); CREATE TABLE c ()")
    there = Path.open

    def refuse(self: Path, *args, **options):
        if self.name == "c.sql" and bare in self.parents:
            raise PermissionError(13, "Permission denied", str(self))
        return there(self, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionMissing):
        await adopt(database)
    assert not (bare / "db").exists()


HISTORIES = """
CREATE SCHEMA confiture;
CREATE TABLE confiture.confiture_migrations (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, version text);
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
CREATE TABLE django_migrations (id serial PRIMARY KEY, app text);
CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY);
CREATE INDEX ON flyway_schema_history (installed_rank);
CREATE TABLE schema_migrations (version text);
CREATE TABLE databasechangelog (id text);
CREATE VIEW current_version AS SELECT max(id) FROM databasechangelog;
CREATE TABLE users ();
"""


async def test_histories_of_migrations_stay_out(database, psql, adopt, build, events) -> None:
    """They are the tools', not the schema's; save what a view of the schema reads."""
    psql(database, HISTORIES)
    report = await adopt(database)
    out = ["public.alembic_version", "public.django_migrations", "public.flyway_schema_history"]
    assert list(report.adopted.left_out) == [*out, "public.schema_migrations"]
    told = [event.message for event in events if isinstance(event, Note)]
    assert "public.django_migrations is left out: Django keeps its history in it" in told
    psql(database, f"DROP SCHEMA confiture CASCADE; DROP TABLE {', '.join([*out, 'public.schema_migrations'])}")
    assert dump(await build()) == dump(database)


@pytest.fixture
def roles(server, psql):
    psql(server, "DO $$BEGIN CREATE ROLE init_app SUPERUSER LOGIN; CREATE ROLE init_other; END$$")
    yield
    psql(server, "DROP ROLE init_app; DROP ROLE init_other")


OWNED = """
ALTER SCHEMA public OWNER TO init_app;
CREATE TABLE mine (a int);
ALTER TABLE mine OWNER TO init_app;
REVOKE INSERT ON mine FROM init_app;
CREATE POLICY p ON mine TO init_app;
CREATE TABLE theirs (a int);
ALTER TABLE theirs OWNER TO init_other;
GRANT SELECT ON theirs TO init_app;
CREATE TABLE the_scratch_role (a int);
GRANT SELECT ON the_scratch_role TO init_app;
SET ROLE init_app;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO init_other;
"""


async def test_what_is_the_readers_own_names_no_owner(roles, database, psql, adopt, build, bare, server) -> None:
    """Whoever builds owns it; what others own says so."""
    psql(database, OWNED)
    reader = msgspec.structs.replace(database, params={**database.params, "user": "init_app"})
    try:
        report = await adopt(reader)
        assert report.adopted.roles == ("init_app", "init_other", "postgres")
        found = {path: text for path, text in tree(bare).items() if path.endswith(".sql")}
        assert "OWNER" not in found["db/schema/10_tables/mine.sql"]
        assert "init_app" not in found["db/schema/10_tables/mine.sql"]
        assert "ALTER TABLE public.theirs OWNER TO init_other" in found["db/schema/10_tables/theirs.sql"]
        (bare / "db/environments/app.toml").write_text("name = 'app'")
        absent = await _build_as(bare, server, "init_app", "init_built")
        assert dump(absent) == dump(database)
    finally:
        psql(server, "DROP DATABASE IF EXISTS init_built")
        psql(server, f'DROP DATABASE "{database.database}" WITH (FORCE)')


async def _build_as(root: Path, server, user: str, name: str):
    target = msgspec.structs.replace(server, params={**server.params, "user": user, "dbname": name})
    environment = Environment(name="app", database_url=to_uri(target.params, password=True))
    async with Kernel(root).run(environment=environment) as run:
        await run.start("build", cache=False)
    return target


async def test_secrets_are_not_written(database, psql, adopt, bare, events) -> None:
    """The options of user mappings are passwords, most of the time."""
    psql(
        database,
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        " CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 'hunter2')",
    )
    await adopt(database)
    assert "hunter2" not in "".join(tree(bare).values())
    assert any(isinstance(event, WarningRaised) and "PUBLIC SERVER s" in event.message for event in events)


async def test_an_older_server_leaves_what_it_prints_otherwise_unproved(
    old_server, psql, adopt, bare, events, kernel_run
) -> None:
    """PostgreSQL 15 qualifies the columns of every view, 18 only where it must: that says nothing against the files."""
    psql(old_server, "CREATE DATABASE adopted")
    target = old_server.with_database("adopted")
    # What has no order in the catalogs gets that of its names; secrets are not read.
    secrets = "OPTIONS (user 'me', password 'secret')"
    ddl = EVERY_KIND_15.replace("('DROP TABLE', 'CREATE TABLE')", "('CREATE TABLE', 'DROP TABLE')")
    psql(target, ddl.replace(secrets, "OPTIONS (user '', password '')"))
    report = await adopt(target)
    assert "view app.names" in report.adopted.unproved
    assert not [name for name in report.adopted.unproved if name.startswith(("table ", "column ", "index "))]
    assert any(isinstance(event, WarningRaised) and "PostgreSQL 15 prints" in event.message for event in events)
    async with kernel_run(bare, database=old_server.with_database("built_again")) as ctx:
        await ctx.start("build", cache=False)
    assert dump(old_server.with_database("built_again")) == dump(target)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", '[build]\n# Statements run in the order of their needs, wherever they stand.\norder = "auto"\n'),
        ("[build] # mine\njobs = 2\n[files]\n", '[build] # mine\norder = "auto"\njobs = 2\n[files]\n'),
        ("[build]\r\njobs = 2\r\n", '[build]\norder = "auto"\njobs = 2\n'),
    ],
)
def test_the_order_is_added_to_a_configuration(text: str, wanted: str) -> None:
    """All that is there stays, comments too."""
    assert with_order(text, "auto", Path("confiture.toml")).replace("\r\n", "\n") == wanted


@pytest.mark.parametrize("text", ["build = { jobs = 2 }\n", "build.jobs = 2\n", '[build]\norder = "natural"\n'])
def test_a_configuration_without_a_place_for_it_is_refused(text: str) -> None:
    """Better than a file that says something else than before."""
    with pytest.raises(Refused, match='needs order = "auto" under'):
        with_order(text, "auto", Path("confiture.toml"))
