"""Names of databases on the embedded server."""

from __future__ import annotations

import pytest

from confiture_embedded.names import database_name


@pytest.mark.parametrize(
    ("project", "environment", "expected"),
    [
        ("shop", "local", "shop_local"),
        ("Jam-Shop 2", "test", "jam_shop_2_test"),
        ("2fast", "local", "p_2fast_local"),
        ("_x", "local", "p_x_local"),
    ],
)
def test_a_name_needs_no_quotes(project, environment, expected):
    assert database_name(project, environment) == expected


def test_long_names_stay_apart():
    """A name has 63 bytes; what was cut must not make two projects one."""
    one, two = (database_name("x" * 80 + end, "local") for end in "ab")
    assert one != two
    assert len(one) <= 48


def test_names_in_other_scripts_stay_apart():
    assert database_name("магазин", "local") != database_name("витрина", "local")
