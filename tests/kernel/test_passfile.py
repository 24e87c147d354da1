"""The password file means what it means to libpq."""

from __future__ import annotations

import pytest

from confiture.config.passfile import find_password

FILE = r"""
# db.example:5432:shop:clerk:commented
short:line
db.example:5433:shop:clerk:other port
db.example:5432:*:clerk:with:colons\:and\\backslash
[odd\:host]:*:*:*:odd
localhost:*:*:*:local
/srv/sockets:*:*:*:by folder
\*:*:*:*:a star of its own
*:*:*:nobody: spaces stay\x20
""".replace("\\x20", " ")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"host": "db.example", "dbname": "shop", "user": "clerk"}, r"with:colons:and\backslash"),
        ({"host": "db.example", "port": "5433", "dbname": "shop", "user": "clerk"}, "other port"),
        ({"host": "db.example", "port": "5432", "dbname": "shop", "user": "chief"}, None),
        ({"host": "[odd:host]"}, "odd"),
        ({}, "local"),
        ({"host": "/tmp"}, "local"),
        ({"host": "/srv/sockets"}, "by folder"),
        ({"host": "*"}, "a star of its own"),
        ({"host": "x", "user": "nobody"}, " spaces stay "),
        ({"host": "x,db.example", "port": "1,5433", "dbname": "shop", "user": "clerk"}, "other port"),
        ({"hostaddr": "10.0.0.1"}, None),
    ],
)
def test_the_first_line_that_fits_has_the_password(params, expected, tmp_path):
    """Escapes, wildcards, sockets and several hosts, as passwordFromFile() in libpq has them."""
    file = tmp_path / "pgpass"
    file.write_text(FILE)
    file.chmod(0o600)
    assert find_password({"passfile": str(file), **params}).password == expected


@pytest.mark.parametrize("path", ["/nonexistent/file", "/dev/null", "/"])
def test_a_file_that_is_none_is_no_error(path):
    """Most people have none, and PGPASSFILE=/dev/null is how one is turned off."""
    assert find_password({"passfile": path}) == (None, None)
