"""The server's settings: ours, chosen by measurement for development, and the user's, which win.

The figures are in docs/reference/server-embedded.md; ``tests/plugins/embedded/measure.py`` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping

from confiture.errors import ConfigError

__all__ = ["HBA", "RESERVED", "defaults", "render"]

Value = str | int | float | bool

#: Where confiture finds the server; set by other means, or not at all.
RESERVED = {
    "port": "set [embedded] port",
    "listen_addresses": "set [embedded] port to listen on 127.0.0.1",
    "unix_socket_directories": "the socket's folder is chosen by confiture, see `confiture server status`",
    "data_directory": "the data folder is chosen by confiture, see `confiture server status`",
    "config_file": "put settings into [embedded.settings]",
    "hba_file": "who may connect is decided by the socket folder's permissions",
    "ident_file": "who may connect is decided by the socket folder's permissions",
    "external_pid_file": "the server's process is in `confiture server status`",
}

#: The socket's folder is private to the server's user (and root): whoever gets there is trusted. TCP has no such
#: folder, and asks for the password.
HBA = """\
# Written by confiture. The socket's folder may be entered by its owner only, so that it needs no password.
local  all          all                trust
local  replication  all                trust
host   all          all  127.0.0.1/32  scram-sha-256
host   replication  all  127.0.0.1/32  scram-sha-256
"""


def defaults(overridden: Mapping[str, Value]) -> dict[str, Value]:
    """Our settings. ``overridden`` are the user's: one of ours follows from them.

    What is not here is PostgreSQL's own, since nothing better was measured. ``synchronous_commit`` stays on: without
    fsync it costs nothing, and off would lose the last commits when the server is killed. ``wal_level`` stays
    ``replica``: with ``minimal`` every new table is written out at commit, which takes a third longer.
    """
    values: dict[str, Value] = {
        # Development data: a crash of the machine may damage it, a crash of the server does not.
        "fsync": "off",
        "full_page_writes": "off",
        # One transaction over 1,000 tables with indexes, TOAST tables and sequences: 64 are too few.
        "max_locks_per_transaction": 1024,
        # Fewer wake-ups of a server that mostly waits.
        "checkpoint_timeout": "30min",
        "log_checkpoints": "off",
    }
    if str(overridden.get("wal_level", "")).strip().lower() == "minimal":
        values["max_wal_senders"] = 0  # PostgreSQL does not start otherwise
    return {name: value for name, value in values.items() if name not in overridden}


def render(user: Mapping[str, Value], *, socket: str, port: int | None) -> str:
    """``confiture.conf``. Raises ``ConfigError`` for a reserved or impossible name."""
    lowered = {name.lower(): value for name, value in user.items()}
    for name, value in lowered.items():
        if name in RESERVED:
            raise ConfigError(
                f"the setting {name!r} in [embedded.settings] is confiture's own",
                file="confiture.toml",
                hint=RESERVED[name],
            )
        # The file is read line by line: a name or value with a line break would be another setting.
        if not name.replace(".", "_").isidentifier() or any(letter in str(value) for letter in "\n\r\0"):
            raise ConfigError(f"{name!r} in [embedded.settings] is not a setting of PostgreSQL", file="confiture.toml")
    values: dict[str, Value] = {
        "unix_socket_directories": f'"{socket}"' if "," in socket else socket,
        "unix_socket_permissions": "0700",
        "port": port or 5432,
        "listen_addresses": "127.0.0.1" if port else "",
    }
    values |= defaults(lowered) | lowered
    lines = ["# Written by confiture at every start: put your own into [embedded.settings] of confiture.toml."]
    lines += [f"{name} = {_quoted(value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def _quoted(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    text = str(value).replace("\\", "\\\\").replace("'", "''")
    return f"'{text}'"
