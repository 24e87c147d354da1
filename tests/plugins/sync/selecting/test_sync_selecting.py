"""Names on the command line: what they mean, and what is said where they mean nothing."""

from __future__ import annotations

import pytest

from confiture.errors import ConfitureError, Refused, UsageError
from confiture_sync.configuring import Reference
from confiture_sync.selecting import find_columns, find_tables, select


def labels(found) -> list[str]:
    return sorted(table.label for table in found)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("users", ["public.users"]),  # the search path's, though billing has one too
        ("USERS", ["public.users"]),
        ("billing.users", ["billing.users"]),
        ("invoices", ["billing.invoices"]),  # nowhere on the path, and in one schema only
        ("post*", ["public.post_tags", "public.posts"]),
        ("billing.*", ["billing.invoices", "billing.lines", "billing.users"]),
        ("*.users", ["billing.users", "public.users"]),
        ("b*.u*", ["billing.users"]),
        ('"Invoices"', ["public.Invoices"]),
        ('"Odd.One"."My*Table"', ["Odd.One.My*Table"]),  # in quotes a star is a star
        ('"Odd.One".*', ["Odd.One.My*Table", "Odd.One.MyOtherTable"]),
        ("name[1]", ["public.name[1]"]),
        ("name[1]*", ["public.name[1]"]),  # only the star is special
    ],
)
def test_a_name_means_its_tables(written: str, expected: list[str], catalog) -> None:
    """As PostgreSQL reads it, and with * for any text."""
    assert labels(find_tables(catalog, written, option="--tables")) == expected


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("userz", "--tables: the source has no table 'userz'", "did you mean users? it has: "),
        ("billing.user", "--tables: the source has no table 'billing.user'", "did you mean billing.users? "),
        ("myothertable", "--tables: the source has no table 'myothertable'", 'did you mean "Odd.One"."MyOtherTable"? '),
        ("x*", "--tables: the source has no table 'x*'", "it has: "),
        ("a.b.c", "--tables: 'a.b.c' has too many parts", "write table or schema.table"),
        ('"users', "--tables: the quotes of '\"users' are not closed", None),
        ("users.", "--tables: 'users.' is not a name", None),
    ],
)
def test_a_name_that_means_nothing_stops_the_run(written: str, message: str, hint: str | None, catalog) -> None:
    """A pattern too: what is not copied by mistake is missed much later. The hint is as it must be typed."""
    with pytest.raises(UsageError) as caught:
        find_tables(catalog, written, option="--tables")
    assert caught.value.message == message
    assert (caught.value.hint or "").startswith(hint or "")


def test_the_nearest_name_works_as_the_hint_has_it(catalog) -> None:
    """It is what people paste."""
    for written in ("invoicez", "myothertable", "billing.user"):
        with pytest.raises(UsageError) as caught:
            find_tables(catalog, written, option="--tables")
        meant = (caught.value.hint or "").partition("did you mean ")[2].partition("? ")[0]
        assert find_tables(catalog, meant, option="--tables")


def test_a_name_in_two_schemas_that_are_not_searched_is_no_guess(new_database, psql, read) -> None:
    """Which one would depend on the order of the catalog."""
    target = new_database()
    psql(target, "CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (i int); CREATE TABLE b.t (i int)")
    with pytest.raises(UsageError, match=r"'t' may be each of a\.t, b\.t"):
        find_tables(read(target=target), "t", option="--tables")


def test_columns_are_found_by_name_and_pattern(catalog) -> None:
    """A column's name may have quotes and dots, too."""

    def columns(written: str) -> list[str]:
        found = find_columns(catalog, written, option="--cut")
        return sorted(f"{table.label}.{column}" for table, column in found)

    assert columns("users.email") == ["public.users.email"]
    assert columns("posts.*_id") == ["public.posts.editor_id", "public.posts.user_id"]
    assert columns("*.user_id") == ["public.log.user_id", "public.posts.user_id"]
    assert columns('"Odd.One"."My*Table"."a""b"') == ['Odd.One.My*Table.a"b']
    assert columns('"Odd.One"."My*Table"."Col.X"') == ["Odd.One.My*Table.Col.X"]


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("email", "--cut: 'email' has no table", "write table.column"),
        ("users.emial", "--cut: 'public.users' has no column 'emial'", "did you mean email? "),
        ('"Invoices".total', "--cut: 'public.Invoices' has no column 'total'", 'did you mean "Total"? '),
        ("user.email", "--cut: the source has no table 'user.email'", "did you mean users? "),
        ("post*.nothing", "--cut: none of 2 tables has a column 'nothing'", "the columns are: "),
    ],
)
def test_a_column_that_is_not_there_stops_the_run(written: str, message: str, hint: str, catalog) -> None:
    """A mask that holds for nothing would be a leak."""
    with pytest.raises(UsageError) as caught:
        find_columns(catalog, written, option="--cut")
    assert caught.value.message == message
    assert (caught.value.hint or "").startswith(hint)


def choose(catalog, tables="", exclude="", cut="", with_parents=False):
    return select(catalog, tables=tables.split(), exclude=exclude.split(), cut=cut.split(), with_parents=with_parents)


def test_everything_is_copied_where_nothing_is_named(catalog) -> None:
    """Less what is excluded."""
    assert labels(choose(catalog).tables) == sorted(catalog.tables)
    left = labels(choose(catalog, exclude="billing.* tags").tables)
    assert left == sorted(label for label in catalog.tables if label != "public.tags" and "billing" not in label)


def test_a_table_whose_parent_is_not_copied_is_refused(catalog) -> None:
    """Its rows would have no parents in the target; all such keys are told of at once."""
    with pytest.raises(Refused) as caught:
        choose(catalog, "posts post_tags")
    assert caught.value.message == (
        "parents of rows would not be copied: public.posts.editor_id references public.users; "
        "public.posts.user_id references public.users"
    )
    assert caught.value.hint == "--with-parents copies them too; --cut posts.editor_id makes that foreign key NULL"


def test_parents_come_along_where_that_is_asked_for(catalog) -> None:
    """And theirs, to the end."""
    chosen = choose(catalog, "post_tags", with_parents=True)
    assert labels(chosen.tables) == ["public.post_tags", "public.posts", "public.users"]


def test_a_parent_that_is_excluded_does_not_come_along(catalog) -> None:
    """It was named: the user decides which of the two was meant."""
    with pytest.raises(Refused, match=r"public\.posts\.user_id references public\.users") as caught:
        choose(catalog, "posts", exclude="users", with_parents=True)
    assert "do not exclude" in (caught.value.hint or "")


def test_a_foreign_key_that_is_cut_needs_no_parent(catalog) -> None:
    """By a column of it, also where it has several; other cuts are not this run's."""
    chosen = choose(catalog, "billing.lines", cut="billing.lines.x")
    assert labels(chosen.tables) == ["billing.lines"]
    assert [(key.table, key.columns) for key in chosen.cut] == [("billing.lines", ("y", "x"))]
    chosen = choose(catalog, "tags users", cut="users.boss_id log.user_id")
    assert [key.label for key in chosen.cut] == ["public.users.boss_id"]


@pytest.mark.parametrize(
    ("cut", "error", "message"),
    [
        ("posts.user_id", Refused, "'public.posts.user_id' cannot be cut: it is NOT NULL"),
        ("posts.id", UsageError, "--cut: posts.id is no foreign key"),
        ("posts.usr_id", UsageError, "--cut: 'public.posts' has no column 'usr_id'"),
    ],
)
def test_what_cannot_be_cut(cut: str, error: type[ConfitureError], message: str, catalog) -> None:
    """NULL would not go into the target, or nothing would be cut."""
    with pytest.raises(error) as caught:
        choose(catalog, cut=cut)
    assert caught.value.message == message


def test_references_of_the_file_count_as_foreign_keys(read) -> None:
    """Rows would dangle as well, only that nothing would say so."""
    found = read(Reference(source="notes.about_id", to="users.id"))
    with pytest.raises(Refused, match=r"public\.notes\.about_id references public\.users"):
        choose(found, "notes")
    assert labels(choose(found, "notes", cut="notes.about_id").tables) == ["public.notes"]


def test_nothing_left_to_copy_is_a_mistake(catalog, new_database, read) -> None:
    """A run of nothing would look as if all were well."""
    with pytest.raises(UsageError, match="no table is left to copy"):
        choose(catalog, "users", exclude="users")
    with pytest.raises(UsageError, match="the source has no tables"):
        choose(read(target=new_database()))
