"""Kinds that third parties add, as packages that pip has installed, on a real server."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

import confiture_catalog.extending as extending
from confiture.errors import PluginBroken, Refused
from confiture.hooks import DIFFER, INSPECTOR
from confiture.model import DiffOptions, Plan, Schema, Target
from confiture_catalog.additions import GROUP

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[4] / "docs" / "plugins" / "catalog-kinds.md"
SUBSCRIPTION = "CREATE SUBSCRIPTION {} CONNECTION 'host=nowhere password=secret' PUBLICATION {}"
SUBSCRIPTION += " WITH (connect = false, slot_name = NONE);\n"
OF_THIS_DATABASE = "(SELECT oid FROM pg_database WHERE datname = current_database())"
#: The judge: what PostgreSQL has.
SUBSCRIPTIONS = (
    "SELECT subname, subpublications, subenabled, obj_description(oid, 'pg_subscription') FROM pg_subscription"
    f" WHERE subdbid = {OF_THIS_DATABASE} ORDER BY 1"
)

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """``install(name, code)``: a distribution ``acme-name`` with an entry point of that name."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    modules: list[str] = []

    def make(name: str, code: str, *, dist: str = "", module: str = "") -> None:
        dist, module = dist or f"acme-{name}", module or f"acme_{name}_{len(modules)}"
        modules.append(module)
        (folder / f"{module}.py").write_text(dedent(code))
        info = folder / f"{dist.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {module}\n")

    yield make
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def subscribing(new_database, psql) -> Iterator[Callable[[], Target]]:
    """New databases whose subscriptions go at the end: PostgreSQL drops no database that has one."""
    made: list[Target] = []

    def make() -> Target:
        made.append(new_database())
        return made[-1]

    yield make
    for target in made:
        names = psql(target, f"SELECT quote_ident(subname) FROM pg_subscription WHERE subdbid = {OF_THIS_DATABASE}")
        for name in names.split():
            psql(target, f"DROP SUBSCRIPTION {name}")


@pytest.fixture
def read(kernel_run) -> Callable[..., object]:
    async def inspect(target: Target) -> Schema:
        async with kernel_run(database=target) as run:
            return await run.get(INSPECTOR, "catalog").inspect(run, target)

    return inspect


@pytest.fixture
def compare(kernel_run, database) -> Callable[..., object]:
    async def diff(old: Schema, new: Schema) -> Plan:
        async with kernel_run(database=database) as run:
            return await run.get(DIFFER, "catalog").diff(run, old, new, DiffOptions())

    return diff


def files_of(page: Path) -> dict[str, str]:
    """The page's blocks that have a title."""
    found: dict[str, str] = {}
    title = None
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            title = line.partition('title="')[2].rstrip('"') or None
        elif title is not None:
            found[title] = found.get(title, "") + line + "\n"
    return found


def statements(plan: Plan) -> str:
    return "".join(f"{each.sql};\n" for each in plan.statements)


async def test_without_it_a_subscription_is_not_known(subscribing, psql, read, compare):
    """What is seen and not supported is a named error."""
    old, new = subscribing(), subscribing()
    psql(new, SUBSCRIPTION.format("fresh", "one"))
    before, after = await read(old), await read(new)
    assert [each.identity for each in after.unsupported] == ["fresh"]
    with pytest.raises(Refused, match="subscription: fresh"):
        await compare(before, after)


async def test_the_page_s_example_does_what_the_page_says(install, subscribing, psql, read, compare):
    """The package of the documentation, there and back. The judge is what PostgreSQL has then."""
    files = files_of(PAGE)
    points = tomllib.loads(files["pyproject.toml"])["project"]["entry-points"][GROUP]
    assert points == {"subscriptions": "acme_subscriptions"}
    install("subscriptions", files["acme_subscriptions.py"], module="acme_subscriptions")
    old, new = subscribing(), subscribing()
    psql(old, SUBSCRIPTION.format("kept", "one") + SUBSCRIPTION.format("gone", "one"))
    psql(new, SUBSCRIPTION.format("kept", "one, two") + SUBSCRIPTION.format("fresh", "one"))
    psql(new, "COMMENT ON SUBSCRIPTION fresh IS 'for the reports'")
    was, becomes = psql(old, SUBSCRIPTIONS), psql(new, SUBSCRIPTIONS)
    before, after = await read(old), await read(new)
    assert not after.unsupported
    assert "secret" not in str(before)

    plan = await compare(before, after)
    shown = PAGE.read_text(encoding="utf-8")
    assert sorted(f"{each.sql};" for each in plan.statements) == sorted(
        shown.partition("```sql\n")[2].partition("\n```")[0].splitlines()
    )
    psql(old, statements(plan))
    assert psql(old, SUBSCRIPTIONS) == becomes
    assert not (await compare(await read(old), after)).statements
    psql(new, statements(await compare(after, before)))
    assert psql(new, SUBSCRIPTIONS) == was


def test_what_the_page_names_is_there():
    """The example, and whoever writes after it, needs nothing else of the plugin."""
    for name in extending.__all__:
        assert getattr(extending, name) is not None
    example = files_of(PAGE)["acme_subscriptions.py"]
    imports = [line for line in example.splitlines() if "confiture_catalog" in line]
    assert imports == [
        "from confiture_catalog.extending import Alteration, Handler, World, select, sql",
    ]


HANDLER = """
    from confiture_catalog.extending import Handler, select, sql

    class One(Handler):
        kinds = ({kinds},)

        def create(self, new, world, parts=()):
            return [sql("CREATE")]

        def drop(self, old, world):
            return [sql("DROP")]

    HANDLERS = (One,)
"""
NOTES = """
    from confiture_catalog.extending import select

    def queries(version):
        return [select("n", kind="'note'", name="n.text", source="notes.note n", {more})]
"""


def handler(kind: str, more: str = "") -> str:
    return dedent(HANDLER.format(kinds=repr(kind))) + more


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nowhere_at_all", "cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("raise SystemExit(1)", "cannot be imported: SystemExit"),
        ("", "has neither queries nor HANDLERS"),
        ("queries = 3", "has queries that are no function"),
        ("HANDLERS = (int,)", "no subclass of Handler"),
        ("HANDLERS = 3", "no tuple"),
        (handler("x").replace("kinds =", "sorts ="), "whose kinds are not said"),
        (handler("x").replace("    def drop(self, old, world)", "    def __init__(self, old)"), "cannot be made"),
        (handler("table"), "the kind 'table', which confiture has, and no REPLACES"),
        (handler("x", "REPLACES = ('tabel',)"), "'tabel' in REPLACES, which is no kind of confiture's"),
        (handler("x", "REPLACES = 'table'"), "REPLACES that are no tuple of texts"),
        ("def queries(version): 1 / 0", r"queries\(\d+\) failed: ZeroDivisionError"),
        ("def queries(version): return [3]", "something else than texts"),
        ("def queries(version): return ['SELECT nothing']", 'a query failed: column "nothing" does not exist'),
        ("def queries(version): return ['SELECT 1 AS one']", "other columns than `select` does: one"),
        (NOTES.format(more="oid='1'").replace("'note'", "NULL"), "without kind, name, identity or properties"),
        (NOTES.format(more="oid='n.tableoid::regclass'"), "an address, or a parent's, that is no numbers"),
        (NOTES.format(more="oid='1'"), "two objects of one address"),
        (NOTES.format(more="oid='n.id', properties={'a': \"'{}'::json\"}"), "properties that no object can have"),
        (NOTES.format(more="oid='n.id', identity=\"'same'\""), "two objects of the kind 'note' named 'same'"),
        (
            NOTES.format(more="oid=\"'notes.note'::regclass::oid\", catalog='pg_class'"),
            "reads 'a', a table that is read already, and no REPLACES",
        ),
    ],
)
async def test_what_is_wrong_is_an_error_that_names_the_package(install, database, psql, read, code, message):
    """In silence, what it would have read would go unseen."""
    psql(database, "CREATE SCHEMA notes; CREATE TABLE notes.note (id int, text text);")
    psql(database, "INSERT INTO notes.note VALUES (1, 'a'), (2, 'b')")
    install("notes", code)
    with pytest.raises(PluginBroken, match=message) as caught:
        await read(database)
    assert "'acme-notes'" in str(caught.value)
    assert "notes" in (caught.value.hint or "")


async def test_two_packages_for_one_kind_are_an_error(install, database, read):
    """Neither is preferred in silence."""
    install("a", handler("note"))
    install("b", handler("note"))
    with pytest.raises(PluginBroken, match=r"'b' of 'acme-b' .* for the kind 'note', as 'acme-a' has"):
        await read(database)


async def test_two_packages_of_one_name_are_an_error(install, database, read):
    """Which of them [plugins] disable means could not be said."""
    install("a", handler("note"))
    install("a", handler("other"), dist="acme-other")
    with pytest.raises(PluginBroken, match="has an entry point of that name too"):
        await read(database)


async def test_a_broken_package_stops_the_differ_too(install, database, read, compare, psql):
    """A cached schema is compared without reading one."""
    before = await read(database)
    psql(database, "CREATE TABLE t ()")
    after = await read(database)
    install("notes", "raise RuntimeError('broken')")
    with pytest.raises(PluginBroken, match=r"acme-notes.*broken"):
        await compare(before, after)


@pytest.mark.parametrize("by", ["notes", "*"])
@pytest.mark.parametrize("variable", [True, False])
async def test_a_disabled_one_is_not_even_imported(install, database, project, monkeypatch, kernel_run, by, variable):
    """The names are those of the entry points, as of plugins."""
    install("notes", "raise RuntimeError('imported')")
    if variable:
        monkeypatch.setenv("CONFITURE_DISABLED_PLUGINS", by)
    else:
        project.config(f"[plugins]\ndisable = ['{by}']\n")
    from confiture.registry import Registry

    async with kernel_run(project, database=database, registry=Registry()) as run:
        assert (await run.get(INSPECTOR, "catalog").inspect(run, database)).digest


async def test_one_that_says_so_replaces_ours(install, database, psql, read, compare):
    """Its handler is asked, and its rows are what is read."""
    before = await read(database)
    psql(database, "CREATE PUBLICATION p")
    more = """
REPLACES = ("publication",)

def queries(version):
    return [select("p", kind="'publication'", name="p.pubname || '!'", source="pg_catalog.pg_publication p")]
"""
    install("publications", handler("publication", more))
    after = await read(database)
    assert [each.name for each in after.objects if each.kind == "publication"] == ["p!"]
    assert [each.sql for each in (await compare(before, after)).statements] == ["CREATE"]


async def test_queries_wait_for_their_extensions(install, database, psql, read):
    """Where the extension is missing its tables are, too."""
    code = NOTES.format(more="oid='n.id'").replace("notes.note n", "public.notes n")
    install("notes", f"{dedent(code)}\nEXTENSIONS = ('citext',)\n")
    await read(database)
    psql(database, "CREATE EXTENSION citext")
    with pytest.raises(PluginBroken, match=r'relation "public.notes" does not exist'):
        await read(database)
    psql(database, "CREATE TABLE notes (id int, text text); INSERT INTO notes VALUES (7, 'read')")
    assert [each.identity for each in (await read(database)).objects if each.kind == "note"] == ["read"]


async def test_rows_without_a_handler_are_compared_and_refused(install, database, psql, read, compare):
    """Reading alone is enough to notice."""
    psql(database, "CREATE SCHEMA notes; CREATE TABLE notes.note (id int, text text);")
    install("notes", NOTES.format(more="oid='n.id'"))
    before = await read(database)
    psql(database, "INSERT INTO notes.note VALUES (1, 'a')")
    with pytest.raises(Refused, match="note: a"):
        await compare(before, await read(database))


async def test_a_handler_that_fails_is_named(install, database, psql, read, compare):
    """Whatever it raises: the user must know whose it is."""
    psql(database, "CREATE SCHEMA notes; CREATE TABLE notes.note (id int, text text);")
    install("notes", handler("note").replace('sql("CREATE")', "1 / 0") + dedent(NOTES.format(more="oid='n.id'")))
    before = await read(database)
    psql(database, "INSERT INTO notes.note VALUES (1, 'a')")
    with pytest.raises(PluginBroken, match=r"acme-notes.*a handler failed: ZeroDivisionError"):
        await compare(before, await read(database))


async def test_what_was_read_without_it_is_not_what_is_read_with_it(install, database, kernel_run):
    """A schema that is kept must not hide what a package would see."""

    async def version() -> str:
        async with kernel_run(database=database) as run:
            return run.get(INSPECTOR, "catalog").code_version(run)

    without = await version()
    assert without == await version()
    install("notes", NOTES.format(more="oid='n.id'"))
    assert await version() != without
