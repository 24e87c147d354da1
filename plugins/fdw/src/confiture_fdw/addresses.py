"""The source's address as the target uses it: libpq's keywords, as options of a server and of a user mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.config.dsn import written
from confiture.config.passfile import find_password
from confiture.connect import address
from confiture.transfer import PINNED

if TYPE_CHECKING:
    from confiture.model import Target

__all__ = ["Address", "address_of"]

#: What postgres_fdw does itself, does not take, or what is a matter of this process.
_OWN: Final = frozenset(
    {"application_name", "fallback_application_name", "client_encoding", "passfile", "service", "replication"}
    | {"scram_client_key", "scram_server_key", "sslkeylogfile"}
)
_SECRET: Final = ("password", "sslpassword")
#: Files of this machine are none of the target's.
_FILES: Final = frozenset({"sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir"})
#: As for one's own connections.
_CONNECT_TIMEOUT_S: Final = "10"
#: postgres_fdw pins dates, intervals and floats itself; the rest are options of the login. All rows of a cursor are
#: fetched: PostgreSQL plans for a tenth of them. A policy that hides rows must fail, as elsewhere.
_OPTIONS: Final[Mapping[str, str]] = {
    "row_security": "off",
    "default_transaction_read_only": "on",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "cursor_tuple_fraction": "1",
    "lc_monetary": PINNED["lc_monetary"],
    "bytea_output": PINNED["bytea_output"],
    "array_nulls": PINNED["array_nulls"],
    "quote_all_identifiers": PINNED["quote_all_identifiers"],
}
_TRANSACTION_TIMEOUT_SINCE: Final = 17


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """``server`` are options that anybody may see, ``secrets`` those of the user mapping that nobody may.

    ``shown`` is how messages name it: host and port.
    """

    server: Mapping[str, str]
    user: str
    secrets: Mapping[str, str]
    shown: str

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"Address({self.shown!r})"


def address_of(source: Target, override: str | None, *, source_version: int, file: str | None = None) -> Address:
    """How the target reaches ``source``: as this process does, but for what ``override`` says.

    Raises ``ConfigError`` for an ``override`` that cannot be read.
    """
    given = written(override, file=file) if override else {}
    params = {key: value for key, value in source.params.items() if key not in _FILES or value == "system"}
    if "host" in given:
        params.pop("hostaddr", None)
    params |= given
    secrets = {key: value for key in _SECRET if (value := params.get(key))}
    if given.get("user", source.params.get("user")) != source.params.get("user"):
        secrets = {key: given[key] for key in _SECRET if key in given}  # the others are of another role
    if "password" not in secrets:
        # The file knows the address that this process uses, or the one that the target does.
        found = (
            find_password({**source.params, "user": params.get("user", "")}).password or find_password(params).password
        )
        secrets |= {"password": found} if found else {}
    options = dict(_OPTIONS)
    if source_version >= _TRANSACTION_TIMEOUT_SINCE:
        options["transaction_timeout"] = "0"
    pinned = " ".join(f"-c {name}={value}" for name, value in options.items())
    server = {key: value for key, value in params.items() if key not in _OWN and key not in _SECRET and key != "user"}
    server["options"] = " ".join(filter(None, (params.get("options"), pinned)))
    server.setdefault("connect_timeout", _CONNECT_TIMEOUT_S)
    server["application_name"] = "confiture fdw"
    shown = address(msgspec.structs.replace(source, params=params))
    return Address(server=server, user=params.get("user", ""), secrets=secrets, shown=shown)
