"""The tables of a database, and what leads from one to the other."""

from __future__ import annotations

import pytest

from confiture.errors import ConfigError
from confiture_sync.configuring import Reference


def test_tables_that_can_be_copied_are_there_once(catalog) -> None:
    """Partitions are their root's, views have no rows, confiture's own records are nobody's data."""
    labels = set(catalog.tables)
    assert {"public.users", "billing.users", "public.log", "public.base", "public.heir", "public.quick"} <= labels
    assert "Odd.One.My*Table" in labels
    assert not labels & {"public.log_1", "public.log_2", "public.log_2a", "public.seen", "public.confiture_migrations"}
    assert catalog.tables["public.log"].partitioned
    assert not catalog.tables["public.base"].partitioned
    assert catalog.tables["public.base"].mask.only  # the heir's rows are the heir's
    assert catalog.search_path == ("public",)


def test_sizes_are_there_before_anybody_looked(catalog, sample, psql) -> None:
    """Largest first, and a bar's total, need them; nobody may have run ANALYZE on a table that was just filled."""
    tags, log = catalog.tables["public.tags"], catalog.tables["public.log"]
    assert tags.bytes == int(psql(sample, "SELECT pg_table_size('tags')"))
    assert 500 < tags.rows < 20_000
    assert log.rows == 500  # of all partitions, which ANALYZE has counted
    assert log.bytes == int(psql(sample, "SELECT pg_table_size('log_1') + pg_table_size('log_2a')"))
    assert catalog.tables["public.users"].rows == 0


def test_foreign_keys_have_their_columns_pair_by_pair(catalog) -> None:
    """The order of the constraint, not of the table; MATCH FULL needs all columns NULL, so all must be nullable."""
    (key,) = catalog.tables["billing.lines"].foreign_keys
    assert (key.columns, key.parent, key.parent_columns) == (("y", "x"), "billing.invoices", ("b", "a"))
    assert key.full
    assert key.nullable
    assert not key.virtual
    by_column = {key.columns: key for key in catalog.tables["public.posts"].foreign_keys}
    assert not by_column["user_id",].nullable
    assert by_column["editor_id",].nullable
    assert by_column["editor_id",].label == "public.posts.editor_id"


def test_a_foreign_key_of_one_partition_is_for_its_rows_only(catalog) -> None:
    """The root has no such constraint: other partitions' rows lead nowhere."""
    own, of_all = sorted(catalog.tables["public.log"].foreign_keys, key=lambda key: key.parent)
    assert (own.columns, own.parent, own.when) == (
        ("tag_id",), "public.kinds", "tableoid = 'public.log_1'::pg_catalog.regclass"
    )  # fmt: skip
    assert (of_all.columns, of_all.parent, of_all.when) == (("user_id",), "public.users", None)


def test_references_of_the_file_are_foreign_keys(read) -> None:
    """The column takes over the domain, so that masks of both agree."""
    found = read(Reference(source="notes.about_id", to="users.id", when="kind = 'user'"))
    notes = found.tables["public.notes"]
    (key,) = notes.foreign_keys
    assert (key.columns, key.parent, key.parent_columns) == (("about_id",), "public.users", ("id",))
    assert (key.virtual, key.nullable, key.when) == (True, True, "kind = 'user'")
    column = notes.mask.column("about_id")
    assert column is not None
    assert column.domain == "public.users.id"


def test_a_column_that_leads_to_two_tables_has_a_domain_of_its_own(read) -> None:
    """Which of the two would depend on the row."""
    found = read(
        Reference(source="notes.about_id", to="users.id", when="kind = 'user'"),
        Reference(source="notes.about_id", to="posts.id", when="kind = 'post'"),
    )
    notes = found.tables["public.notes"]
    assert [key.parent for key in notes.foreign_keys] == ["public.users", "public.posts"]
    column = notes.mask.column("about_id")
    assert column is not None
    assert column.domain == "public.notes.about_id"


def test_references_may_have_odd_names(read) -> None:
    """As anywhere else, quoted."""
    found = read(Reference(source='"Odd.One"."My*Table"."Col.X"', to='"Invoices"."Total"'))
    (key,) = found.tables["Odd.One.My*Table"].foreign_keys
    assert (key.columns, key.parent, key.parent_columns) == (("Col.X",), "public.Invoices", ("Total",))


@pytest.mark.parametrize("source", ["notes.about", "note.about_id", "about_id", "billing.notes.about_id"])
def test_a_reference_to_nothing_is_told_of(source: str, read) -> None:
    """With the file that has it, and the nearest name."""
    with pytest.raises(ConfigError, match=f"there is no column '{source}'") as caught:
        read(Reference(source=source, to="users.id"))
    assert caught.value.file == "rules.yaml"
    assert (caught.value.hint or "").startswith("did you mean notes.about_id? ")


def test_two_tables_that_look_alike_are_refused(new_database, psql, read) -> None:
    """Labels are keys everywhere: one of the two would be left out without a word."""
    from confiture.errors import Refused

    target = new_database()
    psql(target, 'CREATE SCHEMA "a.b"; CREATE SCHEMA a; CREATE TABLE "a.b".c (i int); CREATE TABLE a."b.c" (i int)')
    with pytest.raises(Refused, match=r"two tables are both called 'a\.b\.c'"):
        read(target=target)
