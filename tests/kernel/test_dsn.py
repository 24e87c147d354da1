"""Connection strings mean what they mean to libpq. The judge is libpq itself, through ctypes."""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import pgserver
from confiture.config.dsn import KEYWORDS, _parse_keywords, _parse_uri, resolve, to_uri, written
from confiture.errors import ConfigError


class _Option(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_char_p) for name in ("keyword", "envvar", "compiled", "val", "label", "dispchar")),
        ("dispsize", ctypes.c_int),
    ]


_libpq = ctypes.CDLL(str(pgserver.binaries().parent / "lib" / "libpq.so.5"))
for _name in ("PQconninfoParse", "PQconndefaults", "PQconninfo"):
    getattr(_libpq, _name).restype = ctypes.POINTER(_Option)
_libpq.PQconninfoParse.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
_libpq.PQconninfoFree.argtypes = [ctypes.POINTER(_Option)]


def _options(pointer):
    at, found = 0, {}
    while pointer[at].keyword:
        found[pointer[at].keyword.decode()] = pointer[at]
        at += 1
    return found


def libpq_parse(text: str) -> dict[str, bytes] | None:
    """What libpq reads in ``text``; None where it refuses it."""
    pointer = _libpq.PQconninfoParse(text.encode(), None)
    if not pointer:
        return None
    found = {key: bytes(option.val) for key, option in _options(pointer).items() if option.val is not None}
    _libpq.PQconninfoFree(pointer)
    return found


def ours(text: str) -> dict[str, bytes] | None:
    try:
        parsed = (
            _parse_uri(text, None) if text.startswith(("postgres://", "postgresql://")) else _parse_keywords(text, None)
        )
    except ConfigError:
        return None
    if set(parsed) - set(KEYWORDS):
        return None
    return {key: value.encode() for key, value in parsed.items()}


def test_the_keywords_are_libpqs():
    """A keyword that libpq has and we refuse would break a working connection string; so would another variable."""
    options = _options(_libpq.PQconndefaults())
    assert {key: (option.envvar or b"").decode() for key, option in options.items()}.items() <= KEYWORDS.items()


STRINGS = [
    "postgresql://",
    "postgres://u@h/d",
    "postgresql://u:p@h:5433/d?sslmode=require&application_name=x+y",
    "postgresql://u:p%40ss%2Fword@h/d",
    "postgresql://u:a@b@h/d",
    "postgresql://h1:1,h2:2,h3/d",
    "postgresql://[::1]:5433/d",
    "postgresql://[::1],[fe80::1%25eth0]:5/d",
    "postgresql://[::1/d",
    "postgresql://[]/d",
    "postgresql://[::1]x/d",
    "postgresql://%2Fvar%2Frun/d",
    "postgresql:///d?host=/tmp&port=5433",
    "postgresql://h?dbname=d",
    "postgresql://h/d?ssl=true",
    "postgresql://h/d?ssl=false",
    "postgresql://h/d?a",
    "postgresql://h/d?a=b=c",
    "postgresql://h/d?options=-c%20search_path%3Da",
    "postgresql://h/d?options=-c search_path",
    "postgresql://h/%00",
    "postgresql://h/%zz",
    "postgresql://h/a%",
    "postgresql://user@/d",
    "postgresql://:secret@h/d",
    "postgresql://@h/d",
    "postgresql://h/d?",
    "postgresql://h/d?&",
    "postgresql://h/d?host=",
    "postgresql://ü@h/ñ",
    "",
    "host=h port=5433 dbname=d",
    "host = h  dbname= 'a b'",
    r"password='it\'s' user=a\ b",
    r"password=a\\b",
    "password='unclosed",
    "host",
    "host h=1",
    "=x",
    "user=a\\",
    "user='a\\",
    "user=a'b'c",
    "user=''dbname=x",
    "user='a'dbname=x",
    "user=a user=b",
    "user=a=b",
    "hots=h",
    "user=a\u00a0b",
]


@pytest.mark.parametrize("text", STRINGS)
def test_a_string_means_what_it_means_to_libpq(text):
    """psql and confiture must never connect to different databases."""
    assert ours(text) == libpq_parse(text)


_WORDS = "u h1 5 99 @ / // : ? & = , [ ] % %40 %2F %0 + # host port dbname user password sslmode ssl true"
_pieces = st.sampled_from([*_WORDS.split(), "?host=", "&port=", "ü", "'", "\\", "\t", " "])


def _may_be_refused(judged: dict[str, bytes]) -> bool:
    """libpq refuses a port that is no number when it connects, we do at once; and our values are text."""
    try:
        numbers = b"".join(judged.values()).decode() and judged.get("port", b"").split(b",")
    except UnicodeDecodeError:
        return True
    return not all(port.isdigit() or not port for port in numbers)


@settings(max_examples=600, deadline=None)
@given(st.lists(_pieces, max_size=12).map("".join))
def test_any_uri_means_what_it_means_to_libpq(rest):
    """The grammar has corners that no list of examples holds."""
    text = "postgresql://" + rest
    judged = libpq_parse(text)
    if judged is not None and _may_be_refused(judged):
        assert ours(text) in (None, judged)
    else:
        assert ours(text) == judged


@settings(max_examples=600, deadline=None)
@given(st.lists(_pieces, max_size=12).map("".join))
@example("user=\\")
def test_any_keyword_string_means_what_it_means_to_libpq(text):
    """The grammar has corners that no list of examples holds."""
    assert ours(text) == libpq_parse(text)


_names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries(
        {"user": _names, "dbname": _names},
        optional={
            "password": _names,
            "host": _names | st.sampled_from(["/tmp/a b", "::1", "@abstract", "a,b", "db.example"]),
            "port": st.sampled_from(["5432", "1,2"]),
            "sslmode": st.sampled_from(["require", "verify-full"]),
            "options": _names,
        },
    )
)
def test_a_uri_of_ours_gives_libpq_the_same_keywords_back(params):
    """``to_uri`` is what psql, the driver and the user's programs are given."""
    judged = libpq_parse(to_uri(params, password=True))
    assert judged == {key: value.encode() for key, value in params.items()}
    without = libpq_parse(to_uri(params))
    assert without == {key: value.encode() for key, value in params.items() if key != "password"}


_EFFECTIVE = """
import ctypes, json, sys
class Option(ctypes.Structure):
    _fields_ = [*((n, ctypes.c_char_p) for n in "keyword envvar compiled val label dispchar".split()),
                ("dispsize", ctypes.c_int)]
libpq = ctypes.CDLL(sys.argv[1])
libpq.PQconnectStart.restype = ctypes.c_void_p
libpq.PQconninfo.restype = ctypes.POINTER(Option)
libpq.PQconninfo.argtypes = [ctypes.c_void_p]
libpq.PQerrorMessage.restype = ctypes.c_char_p
libpq.PQerrorMessage.argtypes = [ctypes.c_void_p]
connection = libpq.PQconnectStart(sys.argv[2].encode())
found, at, info = {}, 0, libpq.PQconninfo(connection)
while info and info[at].keyword:
    if info[at].val:
        found[info[at].keyword.decode()] = info[at].val.decode()
    at += 1
print(json.dumps([found, (libpq.PQerrorMessage(connection) or b"").decode()]))
"""


def libpq_effective(dsn: str, env: dict[str, str]) -> dict[str, str] | None:
    """What a connection of libpq would use: service file, variables and defaults included."""
    library = str(pgserver.binaries().parent / "lib" / "libpq.so.5")
    done = subprocess.run(
        [sys.executable, "-I", "-c", _EFFECTIVE, library, dsn], env=env, capture_output=True, text=True, check=True
    )
    found, error = json.loads(done.stdout)
    return None if "service" in error else found


SERVICES = """
# a comment
[other]
host=wrong

[shop]
  host=/nonexistent
port=6000
user=clerk
dbname=shop
application_name=from=service

[broken]
this is no pair
"""

PRECEDENCE = {
    "nothing": ("", {}),
    "variables": (
        "",
        {"PGHOST": "/nonexistent", "PGPORT": "7", "PGUSER": "a", "PGDATABASE": "b", "PGSSLMODE": "prefer"},
    ),
    "the string over variables": ("host=/nonexistent user=me", {"PGUSER": "a", "PGPASSWORD": "p"}),
    "the user names the database": ("host=/nonexistent user=me", {}),
    "a service": ("service=shop", {"PGPORT": "7"}),
    "a service in a URI": ("postgresql:///?service=shop", {}),
    "the string over the service": ("service=shop user=me", {}),
    "a service by variable": ("", {"PGSERVICE": "shop", "PGUSER": "a"}),
    "the service over variables": ("service=shop", {"PGUSER": "a", "PGDATABASE": "b"}),
    "an unknown service": ("service=nobody", {}),
    "a broken service": ("service=broken", {}),
    "an empty password keeps the variable out": ("host=/nonexistent password=", {"PGPASSWORD": "p"}),
    "$USER is not who we are": ("host=/nonexistent", {"USER": "somebody", "LOGNAME": "somebody"}),
    "an empty variable": ("host=/nonexistent", {"PGUSER": ""}),
}


@pytest.mark.parametrize("where", ["PGSERVICEFILE", "HOME", "PGSYSCONFDIR"])
@pytest.mark.parametrize(("dsn", "variables"), PRECEDENCE.values(), ids=PRECEDENCE)
def test_what_completes_a_string_is_what_completes_it_in_libpq(dsn, variables, where, tmp_path):
    """Service file, variables, defaults, in that order; which file, too."""
    names = {"PGSERVICEFILE": "services", "HOME": ".pg_service.conf", "PGSYSCONFDIR": "pg_service.conf"}
    file = tmp_path / names[where]
    file.write_text(SERVICES)
    env = {"HOME": "/nonexistent", **variables, where: str(file if where == "PGSERVICEFILE" else tmp_path)}
    judged = libpq_effective(dsn, env)
    try:
        found = resolve(dsn, env)
    except ConfigError:
        found = None
    if judged is None or found is None:
        assert found == judged
        return
    compared = {"host", "port", "user", "dbname", "password", "application_name", *found}
    built_in = {key: option.compiled for key, option in _options(_libpq.PQconndefaults()).items()}
    for key in compared:
        fallback = found["user"] if key == "dbname" else (built_in[key] or b"").decode()
        assert found.get(key, fallback) == judged.get(key, fallback), key


def test_without_anything_the_role_is_the_systems_user():
    """As psql does without arguments."""
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert resolve(None, {}) == {"user": me, "dbname": me}


def test_a_bare_word_is_a_database():
    """As `psql NAME` reads it."""
    assert resolve("shop", {"PGUSER": "me"}) == {"dbname": "shop", "user": "me"}


@pytest.mark.parametrize(
    ("dsn", "message", "hint"),
    [
        ("mysql://u:hunter2@h/d", "another scheme than postgresql://", "driver suffix"),
        ("postgresql+psycopg://u:hunter2@h/d", "another scheme than postgresql://", "goes away"),
        ("postgresql://u:hunter2:8@h:hunter2/d", "port that is not a number", "percent-encoded"),
        ("postgresql://u:hunter2%@h/d", "malformed", "percent-encoded"),
        ("pasword=hunter2", "unknown connection keyword 'pasword'", "did you mean 'password'?"),
        ("password='hunter2", "unclosed quote", "quote a value"),
        ("host=h hunter2", "keyword without '='", "keyword=value pairs"),
        ("postgresql://[bad:hunter2", "malformed .address", "IPv6"),
        ("zzz=hunter2", "unknown connection keyword 'zzz'", "libpq"),
    ],
)
def test_an_error_never_holds_the_string(dsn, message, hint):
    """It has a password in it; the file that it came from is named instead."""
    with pytest.raises(ConfigError, match=message) as raised:
        resolve(dsn, {}, file="db/environments/local.toml")
    assert raised.value.file == "db/environments/local.toml"
    assert "hunter2" not in f"{raised.value} {raised.value.hint}"
    assert (hint or "") in (raised.value.hint or "")


def test_what_is_left_out_stays_out():
    """For what takes the place of a part of another address: no variable, no default, no service file."""
    assert written("host=inside port=6432") == {"host": "inside", "port": "6432"}
    assert written("postgresql://u:p%20w@h/d") == {"user": "u", "password": "p w", "host": "h", "dbname": "d"}
    with pytest.raises(ConfigError, match="'hots'"):
        written("hots=inside", file="confiture.toml")
