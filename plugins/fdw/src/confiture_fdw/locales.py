"""Which notion of upper and lower case a database has.

Locales of many names have one: in UTF-8, all of libc but Turkish and its like map a character to one, as the built-in
``C.UTF-8`` does. ICU maps some to several (upper case of a sharp s is ``SS``), and ``C`` knows ASCII only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["folding", "read_locale"]

#: The locale's column has had several names.
_LOCALE: Final = """
SELECT pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding, d.datctype::text AS ctype,
       coalesce(j.all ->> 'datlocprovider', 'c') AS provider,
       coalesce(j.all ->> 'datlocale', j.all ->> 'daticulocale', '') AS locale
  FROM pg_catalog.pg_database d CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(d) AS all) AS j
 WHERE d.datname = pg_catalog.current_database()
"""
#: Their dotless i, and dots that stay: languages with rules of their own.
_OWN_RULES: Final = ("tr", "az", "lt")


async def read_locale(connection: Connection) -> str:
    """Equal for databases in which ``lower()`` gives the same."""
    row = await connection.fetchrow(_LOCALE)
    return folding(row["encoding"], row["ctype"], row["provider"], row["locale"])


def folding(encoding: str, ctype: str, provider: str, locale: str) -> str:
    """A name for what the columns of pg_database mean."""
    name = ctype if provider == "c" else locale
    if provider == "c" and name in ("C", "POSIX"):
        return "ASCII only"
    if encoding != "UTF8":
        return f"{name} in {encoding}"
    if name.lower().startswith(_OWN_RULES):
        return name
    if provider == "i":
        return "ICU"
    return name if provider == "b" and name not in ("C", "C.UTF-8") else "ASCII only" if name == "C" else "UTF-8"
