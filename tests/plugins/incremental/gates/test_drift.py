"""What others have changed of what a migration touches stops it, with the difference; all else does not."""

from __future__ import annotations

import pytest

from confiture.errors import DriftFound, StatementFailed
from confiture.model import Note, WarningRaised

pytestmark = pytest.mark.anyio

SHOP = (
    "CREATE TABLE users (id int PRIMARY KEY, email text DEFAULT 'none', CONSTRAINT short CHECK (length(email) < 100));"
    "CREATE TABLE other (id int); CREATE VIEW names AS SELECT email FROM users; CREATE TYPE mood AS ENUM ('a');"
    "CREATE FUNCTION one() RETURNS int LANGUAGE sql RETURN 1; CREATE SEQUENCE numbers; CREATE DOMAIN word AS text;"
    "CREATE INDEX by_email ON users (email);"
)


@pytest.fixture
async def shop(migrations):
    """A database as the last run left it."""
    migrations.sql("001_shop", SHOP)
    await migrations.up()
    return migrations


async def refused(migrations, **values):
    with pytest.raises(DriftFound) as caught:
        await migrations.up(**values)
    return caught.value


@pytest.mark.parametrize(("by_hand", "difference"), [
    ("ALTER TABLE users ADD age int", 'the table "public.users" has a new column age: integer'),
    ("ALTER TABLE users DROP email CASCADE", 'the table "public.users" has no column email any more, which was text'),
    ("ALTER TABLE users ALTER email TYPE varchar(200)", "another type of column email: it was 'text', and is "
     "'character varying(200)'"),
    ("ALTER TABLE users ALTER email SET NOT NULL",
     "another type of column email: it was 'text', and is 'text not null'"),
    ("ALTER TABLE users ALTER email DROP DEFAULT",
     "another default of column email: it was \"'none'::text\", and is none"),
    ("ALTER TABLE users DROP CONSTRAINT short", 'has no constraint short any more, which was CHECK'),
    ("CREATE INDEX quick ON users (email, id)", 'has a new index quick: CREATE INDEX quick'),
    ("DROP INDEX by_email", 'has no index by_email any more'),
    ("ALTER TABLE users ENABLE ROW LEVEL SECURITY", "another row security: it was none, and is 'on'"),
    ("CREATE POLICY own ON users USING (id = 1)", "has a new policy own: r"),
    ("CREATE RULE r AS ON DELETE TO users DO INSTEAD NOTHING", "has a new rule r"),
    ("ALTER TABLE users SET (fillfactor = 50)",
     "another list of storage parameters: it was none, and is 'fillfactor=50'"),
    ("ALTER TABLE users OWNER TO pg_monitor", "another owner: it was 'postgres', and is 'pg_monitor'"),
    ("DROP TABLE users CASCADE", 'the table "public.users" is gone'),
])  # fmt: skip
async def test_a_table_that_was_changed(shop, by_hand, difference):
    if "users DROP email" in by_hand:
        shop.psql("DROP VIEW names")
    if "TYPE" in by_hand:
        shop.psql("DROP VIEW names")
    shop.psql(by_hand.replace("POLICY own ON users USING", "POLICY own ON users FOR SELECT USING"))
    shop.sql("002_more", "CREATE TABLE more (id int);\nALTER TABLE users ADD COLUMN bio text;")
    error = await refused(shop)
    assert error.message.startswith("002 (more) touches what has changed since confiture's last run: ")
    assert difference in (error.detail or error.message)
    assert "public.other" not in (error.detail or error.message)
    assert (error.file, error.line) == ("db/migrations/002_more.up.sql", 2)
    assert "--ignore-drift" in error.hint
    assert "more" not in shop.public()


@pytest.mark.parametrize(("by_hand", "statement", "difference"), [
    ("CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql RETURN 2",
     "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql RETURN 3", "has another definition of variant ()"),
    ("CREATE OR REPLACE VIEW names AS SELECT email, id FROM users",
     "CREATE OR REPLACE VIEW names AS SELECT email, id, 1 AS x FROM users", 'the view "public.names"'),
    ("ALTER TYPE mood ADD VALUE 'b'", "ALTER TYPE mood ADD VALUE 'c'",
     "another list of values: it was \"'a'\", and is \"'a', 'b'\""),
    ("ALTER DOMAIN word ADD CONSTRAINT c CHECK (value <> '')", "ALTER DOMAIN word SET NOT NULL", "new constraint c"),
    ("ALTER SEQUENCE numbers INCREMENT 5", "ALTER SEQUENCE numbers OWNED BY users.id", "another definition: it was"),
    ("CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
     "INSERT INTO users (id) VALUES (7)", "has a new trigger t"),
    ("CREATE TABLE extra (id int)", "CREATE TABLE IF NOT EXISTS extra (id int)", 'the table "public.extra" is new'),
])  # fmt: skip
async def test_other_kinds_of_objects(shop, by_hand, statement, difference):
    shop.psql(by_hand)
    shop.sql("002_more", statement)
    error = await refused(shop)
    assert difference in (error.detail or error.message)


@pytest.mark.parametrize("by_hand", [
    "ALTER TABLE other ADD x int", "CREATE TABLE fresh (id int)", "CREATE INDEX ON other (id)",
    "GRANT SELECT ON users TO pg_monitor", "COMMENT ON TABLE users IS 'x'", "INSERT INTO users (id) VALUES (1)",
    "ANALYZE users; VACUUM users; REINDEX TABLE users", "TRUNCATE users", "CREATE SCHEMA a; CREATE TABLE a.users ()",
    "CREATE FUNCTION users() RETURNS int LANGUAGE sql RETURN 1", "SELECT nextval('numbers')",
    "CLUSTER users USING by_email",
])  # fmt: skip
async def test_what_it_does_not_touch_or_what_changes_nothing_stops_nobody(shop, by_hand):
    for one in by_hand.split(";"):
        shop.psql(one)
    shop.sql("002_more", "ALTER TABLE users ADD COLUMN bio text;")
    await shop.up()
    assert len(shop.rows()) == 2


async def test_what_was_put_right_again_stops_nobody(shop):
    shop.psql("ALTER TABLE users ADD age int")
    shop.sql("002_more", "ALTER TABLE users ADD COLUMN bio text;")
    await refused(shop)
    shop.psql("ALTER TABLE users DROP age")
    await shop.up()
    assert len(shop.rows()) == 2


async def test_who_knows_better_says_so(shop, project):
    shop.psql("ALTER TABLE users ADD age int")
    shop.sql("002_more", "ALTER TABLE users ADD COLUMN bio text;", "ALTER TABLE users DROP COLUMN bio;")
    await shop.up(ignore_drift=True)
    await shop.down()  # since then, age is part of what the last run left
    shop.psql("ALTER TABLE users ADD size int")
    project.config("[incremental]\ndrift_check = false\n")
    await shop.up()
    assert len(shop.rows()) == 4


async def test_a_down_is_stopped_as_well(shop):
    shop.sql("002_more", "ALTER TABLE users ADD COLUMN bio text;", "ALTER TABLE users DROP COLUMN bio;")
    await shop.up()
    shop.psql("ALTER TABLE users ALTER bio SET DEFAULT 'x'")
    with pytest.raises(DriftFound, match="column bio"):
        await shop.down()


async def test_only_the_newest_row_keeps_what_was_seen(shop):
    shop.tables("shop", "b", "c")
    shop.sql("001_shop", SHOP)
    await shop.up()
    await shop.down()
    kept = "id = max(id) OVER () AS newest, snapshot IS NOT NULL AS kept"
    assert shop.rows(kept)[-1] == "t|t"
    assert [row for row in shop.rows(kept) if row.endswith("|t")] == ["t|t"]


async def test_what_a_failed_run_has_done_is_no_drift(shop):
    shop.sql("002_a", "ALTER TABLE users ADD COLUMN a int;")
    shop.sql("003_b", "ALTER TABLE users ADD COLUMN b int; SELECT 1/0;")
    with pytest.raises(StatementFailed):
        await shop.up()
    shop.sql("003_b", "ALTER TABLE users ADD COLUMN b int;")
    shop.psql("ALTER TABLE users ALTER a SET DEFAULT 1")
    assert "another default of column a: it was none" in (await refused(shop)).message
    shop.psql("ALTER TABLE users ALTER a DROP DEFAULT")
    await shop.up()
    assert shop.psql("SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0") == "4"


async def test_after_a_run_that_was_cut_nobody_can_tell(shop):
    """As if it had been killed behind a COMMIT: what it did looks like what others do."""
    shop.sql("002_a", "ALTER TABLE users ADD COLUMN a int;")
    shop.psql("ALTER TABLE users ADD COLUMN a int; INSERT INTO confiture.confiture_migrations (version, name, checksum)"
              " VALUES ('002', 'a', NULL)")  # fmt: skip
    shop.sql("003_b", "ALTER TABLE users ADD COLUMN b int;")
    await shop.up()
    assert [event.message for event in shop.events if isinstance(event, Note)] == [
        "the last run did not come to its end: what others have changed is not looked for"
    ]


async def test_what_was_done_by_hand_and_faked_is_no_drift(shop):
    shop.sql("002_a", "ALTER TABLE users ADD COLUMN a int;")
    shop.psql("ALTER TABLE users ADD COLUMN a int")
    await shop.up(fake=True)
    shop.sql("003_b", "ALTER TABLE users ADD COLUMN b int;")
    shop.psql("ALTER TABLE users ALTER a SET DEFAULT 1")
    assert "another default of column a: it was none" in (await refused(shop)).message
    shop.psql("ALTER TABLE users ALTER a DROP DEFAULT")
    await shop.up()
    assert shop.rows("version, state")[-2:] == ["002|faked", "003|applied"]


async def test_what_cannot_be_kept_is_a_warning(shop):
    """The migrations have run by then."""
    shop.psql("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'append only'; END$$;"
              "CREATE TRIGGER no BEFORE UPDATE ON confiture.confiture_migrations"
              " FOR EACH ROW EXECUTE FUNCTION no()")  # fmt: skip
    shop.sql("002_a", "CREATE TABLE a (id int);")
    await shop.up()
    assert "a" in shop.public()
    (warning,) = [event for event in shop.events if isinstance(event, WarningRaised)]
    assert "append only" in warning.message


async def test_another_major_version_is_not_compared(shop):
    """Each prints the same expression in its own way."""
    shop.psql("UPDATE confiture.confiture_migrations SET snapshot = convert_to(replace(convert_from(snapshot, 'UTF8'),"
              "'\"server\" : 18', '\"server\" : 17'), 'UTF8')")  # fmt: skip
    shop.psql("ALTER TABLE users ADD COLUMN age int")
    shop.sql("002_a", "ALTER TABLE users ADD COLUMN a int;")
    await shop.up()
    assert any("PostgreSQL 17" in event.message for event in shop.events if isinstance(event, Note))


async def test_an_old_history_has_nothing_to_compare_with(migrations):
    """Layout 1: a row for each migration, and nothing else."""
    migrations.psql("CREATE SCHEMA confiture; CREATE TABLE confiture.confiture_migrations (version text, name text);"
                    "CREATE TABLE users (id int)")  # fmt: skip
    migrations.sql("001_a", "ALTER TABLE users ADD COLUMN a int;")
    await migrations.up()
    migrations.psql("ALTER TABLE users DROP a")
    migrations.sql("002_b", "ALTER TABLE users ADD COLUMN b int;")
    with pytest.raises(DriftFound, match="no column a any more"):
        await migrations.up()


async def test_a_long_text_counts_to_its_end(shop):
    """Of a name only 63 bytes would."""
    function = "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql RETURN {}" + " + 0" * 50 + " + {}"
    shop.sql("002_f", function.format(1, 1))
    await shop.up()
    shop.psql(function.format(1, 2))
    shop.sql("003_f", function.format(1, 3))
    assert "has another definition of variant ()" in (await refused(shop)).message
