"""Hashes that both servers make alike: of a row's text 128 bits, as two numbers that can be summed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from confiture.errors import Refused

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Hashing", "choose_hashing"]

#: Every length around the word sizes of the hash, and a long one.
_PLAIN: Final = (*("confiture"[n % 9] * n for n in range(66)), "0123456789" * 2000, '("a ""b""",,\\\\x00)')
_BEYOND_ASCII: Final = ("é", "àçéñöü" * 7)
#: Encodings that have these letters; of others only the plain vectors are compared.
_KNOWN: Final = frozenset({"UTF8", "LATIN1", "LATIN9", "WIN1252"})


class Hashing(msgspec.Struct, frozen=True, kw_only=True):
    """How rows are hashed. ``recode``: the servers' encodings differ, so that the bytes of a text do as well."""

    name: Literal["hashtextextended", "sha256"] = "hashtextextended"
    recode: bool = False

    def digest(self, text: str) -> str:
        """SQL of what :meth:`number` takes, for SQL of a text."""
        encoding = "'UTF8'" if self.recode else "pg_catalog.getdatabaseencoding()"
        data = f"pg_catalog.convert_to({text}, {encoding})"
        if self.name == "sha256":
            return f"pg_catalog.encode(pg_catalog.sha256({data}), 'hex')"
        return f"pg_catalog.encode({data}, 'hex')" if self.recode else text

    def number(self, digest: str, which: int) -> str:
        """SQL of a bigint: hashes of the same text that know nothing of each other, by ``which`` from 0 to 3."""
        if self.name == "sha256":
            return f"('x' || pg_catalog.substr({digest}, {1 + 16 * which}, 16))::pg_catalog.bit(64)::pg_catalog.int8"
        # By bytes: under a collation that takes different strings for the same one they would have one hash.
        return f'pg_catalog.hashtextextended({digest} COLLATE pg_catalog."C", {which})'


async def choose_hashing(source: Connection, target: Connection) -> Hashing:
    """PostgreSQL's own hash where both servers make the same of fixed texts, else SHA-256.

    Raises ``Refused`` where they do not even agree about that.
    """
    encodings = {await each.fetchval("SELECT pg_catalog.getdatabaseencoding()::text") for each in (source, target)}
    vectors = [*_PLAIN, *(_BEYOND_ASCII if encodings <= _KNOWN else ())]
    for name in ("hashtextextended", "sha256"):
        hashing = Hashing(name=name, recode=len(encodings) > 1)
        if await _hashed(source, hashing, vectors) == await _hashed(target, hashing, vectors):
            return hashing
    raise Refused(
        "the two servers hash the same texts differently, so that their rows cannot be compared",
        hint="compare them by what pg_dump writes of both, and report this: it is a fault",
    )


async def _hashed(connection: Connection, hashing: Hashing, vectors: list[str]) -> list[list[int]]:
    numbers = ", ".join(hashing.number("d", which) for which in range(4))
    rows = await connection.fetch(
        f"SELECT ARRAY[{numbers}] AS numbers FROM (SELECT n, {hashing.digest('v')} AS d"
        " FROM pg_catalog.unnest($1::text[]) WITH ORDINALITY AS u(v, n) OFFSET 0) AS h ORDER BY n",
        vectors,
    )
    return [row["numbers"] for row in rows]
