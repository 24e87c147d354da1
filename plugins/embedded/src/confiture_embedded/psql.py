"""psql on a target: what it finds in its environment, and what it is asked before."""

from __future__ import annotations

import getopt
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from confiture.config.dsn import KEYWORDS, to_uri
from confiture.errors import DatabaseNotFound
from confiture.model import Target

__all__ = ["become_psql", "chooses_its_own", "environment_of", "refuse_unbuilt"]

#: The user's own, about the session or about secrets and not about which server: they stay.
_KEPT = frozenset({"PGAPPNAME", "PGCLIENTENCODING", "PGOPTIONS", "PGPASSFILE"})
#: psql's options (PostgreSQL 18, ``psql --help``), as getopt has them.
_SHORT = "aAbc:d:eEf:F:h:HlL:no:p:P:qR:sStT:U:v:VwWxXz01?"
_LONG = (  # noqa: SIM905 - a list would take a line each
    "command= dbname= file= list set= variable= version no-psqlrc single-transaction help echo-all echo-errors "
    "echo-queries echo-hidden log-file= no-readline output= quiet single-step single-line no-align csv "
    "field-separator= html pset= record-separator= tuples-only table-attr= expanded field-separator-zero "
    "record-separator-zero host= port= username= no-password password"
).split()
#: With one of these it is another database or server that is meant, or none.
_OWN_CHOICE = frozenset(
    {"-d", "--dbname", "-h", "--host", "-p", "--port", "-U", "--username", "-l", "--list"}
    | {"-V", "--version", "-?", "--help"}
)


def environment_of(params: Mapping[str, str]) -> dict[str, str]:
    """The environment in which libpq's programs find the server of ``params``, and no other by the user's variables.

    Not a URI in the arguments: the user's ``-d NAME`` would replace all of it, and everybody sees arguments.
    """
    connection = {variable for variable in KEYWORDS.values() if variable} - _KEPT
    own = {name: value for name, value in os.environ.items() if name not in connection}
    return own | {KEYWORDS[key]: value for key, value in params.items() if KEYWORDS.get(key)}


def chooses_its_own(arguments: Sequence[str]) -> bool:
    """Whether the arguments say themselves what to connect to. Those that psql will refuse do."""
    try:
        options, rest = getopt.gnu_getopt(list(arguments), _SHORT, _LONG)
    except getopt.GetoptError:
        return True
    return bool(rest) or any(name in _OWN_CHOICE for name, _ in options)


def refuse_unbuilt(program: str, target: Target) -> None:
    """Raise ``DatabaseNotFound`` where the server has no such database: one psql of 10 ms, and no driver to import.

    Whatever else is wrong, psql itself says.
    """
    said = subprocess.run(
        [program, "-XAtqw", "-v", f"name={target.database}", "-f", "-"],
        input="SELECT count(*) FROM pg_database WHERE datname = :'name'", capture_output=True, text=True, check=False,
        env=environment_of({**target.params, "dbname": "postgres"}),
    )  # fmt: skip
    if said.stdout.strip() == "0":
        raise DatabaseNotFound(
            f"the database {target.database!r} of {target.label!r} does not exist yet",
            hint="run `confiture build` first, or connect to another: `confiture server psql -- -d postgres`",
        )


def become_psql(program: str, arguments: Sequence[str], params: Mapping[str, str]) -> NoReturn:
    """Turn this process into psql."""
    # A few keywords have no variable. Where the user names a database with -d, it is without them.
    rest = {key: value for key, value in params.items() if not KEYWORDS.get(key)}
    named = ["-d", to_uri({**rest, "dbname": params.get("dbname", "")})] if rest else []
    sys.stdout.flush()
    sys.stderr.flush()
    # Python ignores it, and a program would inherit that: `... | head` would not end psql.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execve(program, ["psql", *named, *arguments], environment_of(params))  # noqa: S606 - no shell is wanted
