"""``init --from-database``: what is built from the files is the database that they were read from; pg_dump judges."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalogs import EVERY_KIND, dump
from confiture.errors import ProofFailed
from confiture.model import WarningRaised
from data import split_sample

pytestmark = pytest.mark.anyio

_SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data"


def files(root: Path) -> dict[str, str]:
    schema = root / "db" / "schema"
    return {path.relative_to(schema).as_posix(): path.read_text() for path in schema.rglob("*") if path.is_file()}


@pytest.mark.parametrize("sample", ["pagila", "chinook"])
async def test_a_sample_comes_back(sample: str, database, psql, adopt, build) -> None:
    """Real schemas: partitions, domains, foreign keys in circles, functions that name tables made later."""
    if not (_SAMPLES / f"{sample}.sql").is_file():
        pytest.skip(f"the sample {sample}.sql is not here")
    lines = (_SAMPLES / f"{sample}.sql").read_text().splitlines(keepends=True)
    psql(database, "".join(line for line in lines if line.strip() not in split_sample.CHINOOK_OWN_DATABASE))
    await adopt(database)
    assert dump(await build()) == dump(database)


async def test_every_kind_of_object_comes_back(database, psql, adopt, build) -> None:
    """What is not written down is lost."""
    # What has no order in the catalogs gets that of its names.
    psql(database, EVERY_KIND.replace("('DROP TABLE', 'CREATE TABLE')", "('CREATE TABLE', 'DROP TABLE')"))
    await adopt(database)
    built = await build()
    # Secrets are set in each database.
    psql(built, "ALTER USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (SET password 'secret', SET \"user\" 'me')")
    assert dump(built) == dump(database)


AWKWARD = """
CREATE TABLE "a/b" (id int PRIMARY KEY);
CREATE TABLE "CON" (id int);
CREATE TABLE ".hidden" (id int);
CREATE TABLE users (id int);
CREATE TABLE "Users" (id int);
CREATE TABLE "Größe 寸" (id int REFERENCES "a/b");
CREATE TABLE "say ""hi""; -- no" ("a.b" int DEFAULT 1, "c""d" text);
CREATE TABLE "..." (id int);
CREATE TABLE "caf\u00e9" (id int);
CREATE TABLE "cafe\u0301" (id int);
COMMENT ON TABLE "a/b" IS 'It''s \\ odd; -- really /* so */ $$';
CREATE FUNCTION "no.file"("a b" text) RETURNS text LANGUAGE sql AS $f$SELECT "a b" || ';' || E'\\n' -- ;
$f$;
"""


async def test_names_that_are_no_file_names(database, psql, adopt, build, bare) -> None:
    """On other systems too: what Windows keeps for itself, what differs in case or in composition only."""
    psql(database, AWKWARD)
    await adopt(database)
    assert dump(await build()) == dump(database)
    names = sorted(path.removeprefix("10_tables/") for path in files(bare) if path.startswith("10_tables/"))
    assert len({name.casefold() for name in names}) == 10
    assert {"a_b.sql", "CON_.sql", "_hidden.sql", "Users.sql", "users_2.sql", "Größe_寸.sql"} <= set(names)


ENTANGLED = """
CREATE TABLE authors (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, favourite bigint);
CREATE TABLE books (id serial PRIMARY KEY, author bigint NOT NULL REFERENCES authors);
ALTER TABLE authors ADD FOREIGN KEY (favourite) REFERENCES books;
CREATE FUNCTION next_code() RETURNS text LANGUAGE sql AS $$ SELECT 'c' || count(*) FROM books $$;
CREATE FUNCTION fine(code text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT code <> '' $$;
CREATE TABLE codes (code text PRIMARY KEY DEFAULT next_code() CHECK (fine(code)));
CREATE INDEX ON codes (fine(code));
CREATE FUNCTION books_of(author authors) RETURNS SETOF books LANGUAGE sql AS
    $$ SELECT * FROM books WHERE books.author = books_of.author.id $$;
CREATE VIEW a_view AS SELECT id FROM authors;
CREATE VIEW b_view AS SELECT * FROM a_view;
CREATE OR REPLACE VIEW a_view AS SELECT books.id::bigint FROM books;
CREATE FUNCTION counted() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM b_view; END;
CREATE VIEW z_before AS SELECT counted();
"""


async def test_what_needs_each_other(database, psql, adopt, build, bare) -> None:
    """No order of files builds this: the statements are sorted, and confiture.toml says so."""
    psql(database, ENTANGLED)
    report = await adopt(database)
    assert report.adopted.order == "auto"
    assert 'order = "auto"' in (bare / "confiture.toml").read_text()
    assert (bare / "confiture.toml").read_text().startswith("[scratch]\nurl = ")
    assert dump(await build()) == dump(database)


async def test_an_order_that_the_project_has_chosen_stays(database, psql, adopt, build, bare) -> None:
    """It is the user's; the error says what to write there."""
    psql(database, ENTANGLED)
    config = (bare / "confiture.toml").read_text()
    (bare / "confiture.toml").write_text(config + '[build]\norder = "alphabetical"\n')
    with pytest.raises(ProofFailed) as caught:
        await adopt(database)
    assert caught.value.hint is not None
    assert 'set it to "auto"' in caught.value.hint
    (bare / "confiture.toml").write_text(config + '[build]\norder = "auto"\n')
    await adopt(database)
    assert (bare / "confiture.toml").read_text() == config + '[build]\norder = "auto"\n'
    assert dump(await build()) == dump(database)


async def test_a_schema_whose_files_are_in_order_needs_no_setting(database, psql, adopt, build, bare) -> None:
    """Alphabetical is what everybody understands."""
    psql(database, "CREATE TYPE t AS ENUM ('x'); CREATE TABLE a (t t); CREATE VIEW v AS SELECT * FROM a")
    report = await adopt(database)
    assert report.adopted.order == "alphabetical"
    assert "order" not in (bare / "confiture.toml").read_text()
    assert dump(await build()) == dump(database)


async def test_numbered_names_build_without_a_warning(database, psql, adopt, build, events) -> None:
    """Alphabetically t10 comes before t9: each build would warn that this may not be meant."""
    psql(database, "CREATE TABLE t9 (); CREATE TABLE t10 ()")
    report = await adopt(database)
    assert report.adopted.order == "auto"
    assert not [event for event in events if isinstance(event, WarningRaised)]
    assert dump(await build()) == dump(database)


SHOP = """
CREATE TYPE state AS ENUM ('new', 'paid');
CREATE SEQUENCE numbers;
CREATE TABLE customers (id serial PRIMARY KEY, mail text NOT NULL UNIQUE);
CREATE TABLE orders (id int DEFAULT nextval('numbers'), customer int NOT NULL REFERENCES customers, state state);
CREATE INDEX orders_customer ON orders (customer);
COMMENT ON COLUMN orders.state IS 'how far';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON orders USING (state = 'new');
GRANT SELECT ON orders TO PUBLIC;
CREATE VIEW paid AS SELECT id FROM orders WHERE state = 'paid';
"""


async def test_one_object_a_file_with_all_that_is_its_own(database, psql, adopt, bare) -> None:
    """People will look for it there, and edit it."""
    psql(database, SHOP)
    await adopt(database)
    found = files(bare)
    assert sorted(found) == [
        "00_common/30_types/state.sql",
        "00_common/40_sequences/numbers.sql",
        "10_tables/customers.sql",
        "10_tables/orders.sql",
        "20_views/paid.sql",
        "30_functions/touch.sql",
    ]
    orders = found["10_tables/orders.sql"]
    assert orders.startswith(
        "CREATE TABLE public.orders (\n"
        "    id integer DEFAULT nextval('public.numbers'::regclass),\n"
        "    customer integer NOT NULL,\n"
        "    state public.state\n"
        ");\n\n"
    )
    for part in ("CREATE INDEX", "COMMENT ON COLUMN", "CREATE TRIGGER", "CREATE POLICY", "GRANT", "FOREIGN KEY"):
        assert part in orders
    assert orders.endswith(";\n")
    assert "CREATE SEQUENCE public.customers_id_seq" in found["10_tables/customers.sql"]


async def test_several_schemas_have_folders(database, psql, adopt, build, bare) -> None:
    """Two tables of one name."""
    psql(database, 'CREATE SCHEMA a; CREATE SCHEMA "A"; CREATE TABLE a.t (); CREATE TABLE "A".t (); CREATE TABLE t ()')
    await adopt(database)
    assert {"10_tables/A/t.sql", "10_tables/a_2/t.sql", "10_tables/public/t.sql"} < set(files(bare))
    assert dump(await build()) == dump(database)


PARTITIONS = """
CREATE TABLE m (id int, day date, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE m_1 PARTITION OF m FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE a_before_m PARTITION OF m FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY HASH (id);
CREATE TABLE a_0 PARTITION OF a_before_m FOR VALUES WITH (modulus 1, remainder 0);
CREATE TABLE m_rest PARTITION OF m DEFAULT;
CREATE INDEX ON m (note);
CREATE INDEX own ON m_1 (lower(note));
CREATE TABLE parent (a int CHECK (a > 0), b text);
CREATE TABLE "child of it" (c int) INHERITS (parent);
ALTER TABLE parent ADD COLUMN d int;
"""


async def test_partitions_and_children(database, psql, adopt, build, events) -> None:
    """An index of the parent would be made on each partition that comes after it."""
    psql(database, PARTITIONS)
    await adopt(database)
    built = await build()
    # INHERITS puts the parent's columns first, and "d" came later: nothing but an ALTER of its history gives that.
    assert dump(built, "-T", "child of it") == dump(database, "-T", "child of it")
    (warning,) = [event.message for event in events if isinstance(event, WarningRaised)]
    assert warning == 'columns stand in another order than in the database: public."child of it"'


async def test_columns_that_were_dropped_leave_no_trace(database, psql, adopt, build, bare) -> None:
    """The catalogs keep them for ever."""
    psql(database, "CREATE TABLE t (a int, b int, c int NOT NULL); ALTER TABLE t DROP b; ALTER TABLE t ADD d int")
    await adopt(database)
    assert files(bare)["10_tables/t.sql"] == (
        "CREATE TABLE public.t (\n    a integer,\n    c integer NOT NULL,\n    d integer\n);\n"
    )
    assert dump(await build()) == dump(database)


async def test_public_may_be_gone(database, psql, adopt, build) -> None:
    """A database without it is not one with it."""
    psql(database, "DROP SCHEMA public; CREATE SCHEMA app; CREATE TABLE app.t ()")
    await adopt(database)
    assert dump(await build()) == dump(database)
