"""The password file, as libpq reads it (PostgreSQL manual, 34.16 "The Password File").

The driver has a reader of its own, which leaves backslashes in the password and takes every socket for localhost.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = ["Found", "find_password"]

#: Where libpq's sockets are by default: such a host is called localhost in the file. Debian's packages differ.
_DEFAULT_SOCKET_FOLDERS = ("/tmp", "/run/postgresql", "/var/run/postgresql")  # noqa: S108


class Found(NamedTuple):
    """What the file gave: the password, or why the file was not used."""

    password: str | None = None
    complaint: str | None = None


def find_password(params: Mapping[str, str]) -> Found:
    """The password for these libpq keywords; of several hosts, the first that the file knows."""
    path = Path(params["passfile"]) if params.get("passfile") else Path.home() / ".pgpass"
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            return Found()
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            return Found(complaint=f"password file {str(path)!r} is not used: others than its owner may read it")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return Found()
    entries = [fields for line in lines if not line.startswith("#") and len(fields := _fields(line)) == 5]
    for host, port in _addresses(params):
        wanted = (host, port, params.get("dbname", ""), params.get("user", ""))
        for *patterns, password in entries:
            if all(raw == "*" or value == text for (raw, value), text in zip(patterns, wanted, strict=True)):
                return Found(password[1])
    return Found()


def _addresses(params: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    hosts = (params.get("host") or params.get("hostaddr") or "").split(",")
    ports = (params.get("port") or "").split(",")
    for at, host in enumerate(hosts):
        port = ports[at] if len(ports) == len(hosts) else ports[0]
        yield ("localhost" if not host or host in _DEFAULT_SOCKET_FOLDERS else host), port or "5432"


def _fields(line: str) -> list[tuple[str, str]]:
    """The line's fields, each as written and with its backslashes resolved; a colon in the last is part of it."""
    fields: list[tuple[str, str]] = []
    raw = value = ""
    at = 0
    while at < len(line):
        if line[at] == ":" and len(fields) < 4:
            fields.append((raw, value))
            raw = value = ""
        elif line[at] == "\\" and at + 1 < len(line):
            raw += line[at : at + 2]
            at += 1
            value += line[at]
        else:
            raw += line[at]
            value += line[at]
        at += 1
    return [*fields, (raw, value)]
