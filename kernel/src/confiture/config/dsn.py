"""How a database is addressed, as libpq does it: URI, keyword and ``service=`` forms, ``PG*`` variables, defaults.

The driver takes URIs only, so every form becomes libpq's keywords here (PostgreSQL manual, 34.1.1 "Connection
Strings", 34.15 "Environment Variables", 34.17 "The Connection Service File"); ``.pgpass`` is left to the driver.
"""

from __future__ import annotations

import configparser
import getpass
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode

from confiture.errors import ConfigError
from confiture.registry import closest

__all__ = ["resolve", "to_uri"]

#: libpq's keywords and the variable that gives each its default ("" where there is none).
KEYWORDS: dict[str, str] = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "require_auth": "PGREQUIREAUTH",
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "client_encoding": "PGCLIENTENCODING",
    "options": "PGOPTIONS",
    "application_name": "PGAPPNAME",
    "fallback_application_name": "",
    "keepalives": "",
    "keepalives_idle": "",
    "keepalives_interval": "",
    "keepalives_count": "",
    "tcp_user_timeout": "",
    "gssencmode": "PGGSSENCMODE",
    "sslmode": "PGSSLMODE",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslcompression": "PGSSLCOMPRESSION",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslpassword": "",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "krbsrvname": "PGKRBSRVNAME",
    "gsslib": "PGGSSLIB",
    "service": "PGSERVICE",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "load_balance_hosts": "PGLOADBALANCEHOSTS",
}
_SCHEMES = ("postgresql://", "postgres://")


def resolve(dsn: str | None, env: Mapping[str, str], *, file: str | None = None) -> dict[str, str]:
    """Libpq's keywords for ``dsn``, completed as libpq does: the service file, then ``PG*`` variables, then defaults.

    ``file`` is where the string came from, for messages, which never hold the string itself. Raises ``ConfigError``.
    """
    text = (dsn or "").strip()
    if text.startswith(_SCHEMES):
        given = _parse_uri(text, file)
    elif "=" in text or not text:
        given = _parse_keywords(text, file)
    elif "://" in text:
        raise ConfigError(
            "the database URL has another scheme than postgresql://",
            file=file,
            hint="write postgresql://user@host:port/dbname; a driver suffix as in postgresql+psycopg:// goes away",
        )
    else:
        given = {"dbname": text}  # as `psql NAME` does
    for key in given:
        if key not in KEYWORDS:
            near = closest(key, KEYWORDS)
            raise ConfigError(
                f"unknown connection keyword {key!r}", file=file, hint=f"did you mean {near!r}?" if near else None
            )
    params = dict(given)
    service = given.get("service") or env.get("PGSERVICE")
    if service:
        params = {**_read_service(service, env, file), **given}
        params.pop("service", None)
    for key, variable in KEYWORDS.items():
        if variable and key != "service" and not params.get(key) and env.get(variable):
            params[key] = env[variable]
    params = {key: value for key, value in params.items() if value != ""}
    params.setdefault("user", env.get("USER") or getpass.getuser())
    params.setdefault("dbname", params["user"])
    return params


def to_uri(params: Mapping[str, str], *, password: bool = False) -> str:
    """The keywords as a URI that psql and libpq take. Without the password unless asked for."""
    rest = {k: v for k, v in params.items() if k not in ("dbname", "user", "password", "host", "port")}
    host, port = params.get("host", ""), params.get("port", "")
    user = quote(params.get("user", ""), safe="")
    secret = f":{quote(params['password'], safe='')}" if password and params.get("password") else ""
    authority = f"{user}{secret}@" if user else ""
    if host.startswith(("/", "@")) or "," in host or not host:
        rest = {**({"host": host} if host else {}), **({"port": port} if port else {}), **rest}
        if not (secret or host == ""):
            rest, authority = {"user": params["user"], **rest} if user else rest, ""
    else:
        authority += f"[{host}]" if ":" in host else quote(host, safe="")
        authority += f":{port}" if port else ""
    query = f"?{urlencode(rest, quote_via=quote, safe='/')}" if rest else ""
    return f"postgresql://{authority}/{quote(params.get('dbname', ''), safe='')}{query}"


def _parse_uri(text: str, file: str | None) -> dict[str, str]:
    # Not urllib's split: libpq allows several hosts with ports, and [ ] only around IPv6 addresses.
    rest = text.split("://", 1)[1]
    rest, _, query = rest.partition("?")
    authority, _, database = rest.partition("/")
    userinfo, at, hosts = authority.rpartition("@")
    params: dict[str, str] = {}
    if at:
        user, colon, password = userinfo.partition(":")
        if user:
            params["user"] = unquote(user)
        if colon:
            params["password"] = unquote(password)
    names, ports = [], []
    for part in hosts.split(",") if hosts else ():
        if part.startswith("["):
            name, bracket, tail = part[1:].partition("]")
            if not bracket:
                raise ConfigError("the database URL has an unclosed [ in its host", file=file)
            port = tail.removeprefix(":")
        else:
            name, _, port = part.partition(":")
        if port and not port.isdigit():
            raise ConfigError(
                "the database URL has a port that is not a number",
                file=file,
                hint="a '@', '/', ':' or '#' in the password must be percent-encoded: %40, %2F, %3A, %23",
            )
        names.append(unquote(name))
        ports.append(port)
    if any(names):
        params["host"] = ",".join(names)
    if any(ports):
        params["port"] = ",".join(ports)
    if database:
        params["dbname"] = unquote(database)
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key == "ssl" and value == "true":  # libpq takes it for JDBC's sake
            key, value = "sslmode", "require"
        params[key] = value
    return params


def _parse_keywords(text: str, file: str | None) -> dict[str, str]:
    params: dict[str, str] = {}
    at, end = 0, len(text)
    while True:
        while at < end and text[at].isspace():
            at += 1
        if at == end:
            return params
        equals = text.find("=", at)
        key = text[at:equals].strip() if equals >= 0 else ""
        if not key or any(c.isspace() for c in key):
            raise ConfigError("the connection string has a keyword without '='", file=file)
        at = equals + 1
        while at < end and text[at].isspace():
            at += 1
        value: list[str] = []
        quoted = at < end and text[at] == "'"
        at += quoted
        while at < end and (quoted or not text[at].isspace()):
            if quoted and text[at] == "'":
                break
            if text[at] == "\\" and at + 1 < end:
                at += 1
            value.append(text[at])
            at += 1
        if quoted:
            if at == end:
                raise ConfigError("the connection string has an unclosed quote", file=file)
            at += 1
        params[key] = "".join(value)


def _read_service(name: str, env: Mapping[str, str], file: str | None) -> dict[str, str]:
    home = env.get("HOME")
    candidates = [Path(env["PGSERVICEFILE"])] if env.get("PGSERVICEFILE") else []
    if not candidates and home:
        candidates.append(Path(home) / ".pg_service.conf")
    if env.get("PGSYSCONFDIR"):
        candidates.append(Path(env["PGSYSCONFDIR"]) / "pg_service.conf")
    for path in candidates:
        parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except OSError:
            continue
        except configparser.Error as error:
            raise ConfigError(f"service file {str(path)!r} cannot be parsed", file=file) from error
        if parser.has_section(name):
            return dict(parser.items(name))
    raise ConfigError(
        f"no service {name!r} in {' or '.join(repr(str(path)) for path in candidates) or 'any service file'}",
        file=file,
        hint="add a [section] of that name, or set PGSERVICEFILE",
    )
