"""The map of the mission, letter for letter, and the least that every map has."""

from __future__ import annotations

OLD = """
CREATE TABLE users (
    id bigint PRIMARY KEY, full_name text NOT NULL, created_at timestamp NOT NULL, deleted_at timestamp);
INSERT INTO users VALUES (1, 'Ann', '2020-01-01 12:00', NULL), (2, 'Bob', '2020-01-02 12:00', '2021-01-01');
CREATE TABLE tags (id int PRIMARY KEY, name text);
INSERT INTO tags VALUES (1, 'a');
"""
NEW = """
CREATE TABLE users (id bigint PRIMARY KEY, display_name text NOT NULL, created_timestamp timestamptz NOT NULL);
CREATE TABLE tags (name varchar(10), id bigint PRIMARY KEY);
"""
CUSTOM = """
INSERT INTO production_new.users (id, display_name, created_timestamp)
SELECT id, full_name, created_at AT TIME ZONE 'UTC'
FROM old_schema.users
WHERE deleted_at IS NULL
"""
COLUMNS = {"full_name": "display_name", "created_at": ("created_timestamp", "created_at AT TIME ZONE 'UTC'")}


def test_the_missions_map_compiles_as_it_stands(pair, entry, psql) -> None:
    """custom_sql wins over the columns beside it; its qualifiers are those of an FDW, and mean the old tables."""
    compiled = pair.compile(OLD, NEW, entry("users", COLUMNS, custom_sql=CUSTOM))
    assert compiled.said() == []
    part = compiled.part("public.users")
    assert part.query == (
        "SELECT id, full_name, created_at AT TIME ZONE 'UTC' FROM public.users users WHERE deleted_at IS NULL"
    )
    assert (part.source, part.key, part.whole, part.alias) == ("public.users", ("id",), None, '"users"')
    assert part.columns == ("id", "display_name", "created_timestamp")
    assert compiled.tables["public.users"].plain_key
    pair.move(compiled)
    assert psql(pair.new, "SET timezone = 'UTC'; SELECT * FROM users") == "1|Ann|2020-01-01 12:00:00+00"


def test_renames_and_transforms_without_custom_sql(pair, entry, psql) -> None:
    """Unnamed columns of one name map to themselves, with the cast that PostgreSQL would make of an assignment."""
    compiled = pair.compile(OLD, NEW, entry("users", COLUMNS, drop=("deleted_at",)))
    assert compiled.said() == []
    assert compiled.part("public.users").query == (
        "SELECT id, full_name, created_at AT TIME ZONE 'UTC' FROM public.users users"
    )
    assert compiled.part("public.tags").query == "SELECT name::varchar, id::bigint FROM public.tags tags"
    assert compiled.part("public.tags").columns == ("name", "id")
    pair.move(compiled)
    assert psql(pair.new, "SELECT count(*) FROM users") == "2"
    assert psql(pair.new, "SELECT * FROM tags") == "a|1"
