"""What everything of a capture is called, and where an installed one is found.

It is found in the catalogs, not in the settings: who polls has only a connection, and settings may have changed since.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import CaptureBroken, Refused
from confiture.quoting import quote_ident

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["PREFIX", "SCHEMA_COMMENT", "Home", "check_name", "find_home", "home_in", "need_home"]

#: Triggers of one event fire in the order of their names: what other triggers do has been done by then.
PREFIX = "zzzz_confiture_"
SCHEMA_COMMENT = "made by confiture for its captures"
_COMMENT = "changes that confiture's triggers captured for "
#: 63 bytes, less the prefix, the number of a table and what tells its two triggers apart.
_NAME = re.compile(r"[A-Za-z0-9_]{1,40}")
_FIND = """
SELECT n.nspname, c.oid
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relname = $1 AND c.relkind = 'r' AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
   AND pg_catalog.obj_description(c.oid, 'pg_class') = $2
"""


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """Where a capture keeps what it made. ``log_oid``: the log that is there; None where nothing is installed yet."""

    schema: str
    name: str
    log_oid: int | None = None

    @property
    def log(self) -> str:
        """The log in SQL."""
        return f"{quote_ident(self.schema)}.{quote_ident(_log_name(self.name))}"

    @property
    def tables(self) -> str:
        """The list of captured tables in SQL."""
        return f"{quote_ident(self.schema)}.{quote_ident(f'{self.name}_tables')}"

    @property
    def comment(self) -> str:
        """By which the log is known."""
        return _COMMENT + self.name

    def function_name(self, number: int) -> str:
        """The bare name of what the triggers of a table call."""
        return f"{self.name}_{number}"

    def function(self, number: int) -> str:
        """The same in SQL."""
        return f"{quote_ident(self.schema)}.{quote_ident(self.function_name(number))}"

    def row_trigger(self, number: int) -> str:
        """The bare name of a table's trigger for changed rows."""
        return f"{PREFIX}{self.name}_{number}"

    def truncate_trigger(self, number: int) -> str:
        """The bare name of a table's trigger for TRUNCATE."""
        return f"{PREFIX}{self.name}_{number}_t"


def _log_name(name: str) -> str:
    return f"{name}_log"


def check_name(name: str) -> None:
    """Raise ``Refused`` where a capture cannot be called that."""
    if not _NAME.fullmatch(name):
        raise Refused(
            f"a capture cannot be called {name!r}", hint="letters, digits and underscores, 40 characters at most"
        )


def home_in(schema: str, name: str) -> Home:
    """Where a capture that is yet to be installed will be."""
    return Home(schema=schema, name=name)


async def find_home(connection: Connection, name: str) -> Home | None:
    """Where the capture is installed; None where it is not. Logs of roles that this one has not are not looked at."""
    check_name(name)
    found = await connection.fetch(_FIND, _log_name(name), _COMMENT + name)
    if len(found) > 1:
        schemas = ", ".join(sorted(repr(row["nspname"]) for row in found))
        raise CaptureBroken(f"the capture {name!r} is in several schemas: {schemas}", hint="remove all but one")
    return Home(schema=found[0]["nspname"], name=name, log_oid=found[0]["oid"]) if found else None


async def need_home(connection: Connection, name: str) -> Home:
    """Where the capture is installed. Raises ``CaptureBroken`` where it is not."""
    home = await find_home(connection, name)
    if home is None:
        raise CaptureBroken(
            f"the capture {name!r} is not installed, or its log belongs to another role",
            hint="changes since it was removed are not known: the tables have to be copied again",
        )
    return home
