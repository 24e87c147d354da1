"""How a database is addressed, as libpq does it: URI, keyword and ``service=`` forms, ``PG*`` variables, defaults.

The driver takes URIs only, so every form becomes libpq's keywords here (PostgreSQL manual, 34.1.1 "Connection
Strings", 34.15 "Environment Variables", 34.17 "The Connection Service File"). ``.pgpass``: see ``passfile.py``.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlencode

from confiture.errors import ConfigError
from confiture.registry import closest

__all__ = ["resolve", "to_uri", "written"]

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
    "sslcertmode": "PGSSLCERTMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "sslcrldir": "PGSSLCRLDIR",
    "sslsni": "PGSSLSNI",
    "requirepeer": "PGREQUIREPEER",
    "min_protocol_version": "PGMINPROTOCOLVERSION",
    "max_protocol_version": "PGMAXPROTOCOLVERSION",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "krbsrvname": "PGKRBSRVNAME",
    "gsslib": "PGGSSLIB",
    "gssdelegation": "PGGSSDELEGATION",
    "replication": "",
    "scram_client_key": "",
    "scram_server_key": "",
    "sslkeylogfile": "",
    "oauth_issuer": "",
    "oauth_client_id": "",
    "oauth_client_secret": "",
    "oauth_scope": "",
    "service": "PGSERVICE",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "load_balance_hosts": "PGLOADBALANCEHOSTS",
}
_SCHEMES = ("postgresql://", "postgres://")
#: C's isspace(), which libpq asks; Python's also takes Unicode's spaces.
_SPACES = " \t\n\v\f\r"
_ADDRESS_HINT = "brackets enclose an IPv6 address: postgresql://user@[::1]:5432/dbname"
_KEYWORDS_HINT = r"write keyword=value pairs; quote a value with spaces, as in password='a b', and \' is a quote in it"
_MALFORMED_HINT = (
    "a '@', '/', ':', '#', '%' or space in the password must be percent-encoded: %40, %2F, %3A, %23, %25, %20"
)


def resolve(dsn: str | None, env: Mapping[str, str], *, file: str | None = None) -> dict[str, str]:
    """Libpq's keywords for ``dsn``, completed as libpq does: the service file, then ``PG*`` variables, then defaults.

    ``file`` is where the string came from, for messages, which never hold the string itself. Raises ``ConfigError``.
    """
    given = _given(dsn or "", file)
    params = dict(given)
    if service := given.get("service") or env.get("PGSERVICE"):
        params = {**_read_service(service, env, file), **given}
        params.pop("service", None)
    for key, variable in KEYWORDS.items():
        # A keyword given as empty keeps the variable out, as with libpq, and means the default.
        if variable and key != "service" and key not in params and env.get(variable):
            params[key] = env[variable]
    params = {key: value for key, value in params.items() if value != ""}
    params.setdefault("user", _system_user(file))
    params.setdefault("dbname", params["user"])
    return params


def written(dsn: str, *, file: str | None = None) -> dict[str, str]:
    """Libpq's keywords as ``dsn`` has them: what it leaves out stays out. Raises ``ConfigError``."""
    return {key: value for key, value in _given(dsn, file).items() if key != "service"}


def _given(text: str, file: str | None) -> dict[str, str]:
    stripped = text.strip(_SPACES)
    if stripped.startswith(_SCHEMES):
        given = _parse_uri(stripped, file)
    elif "://" in stripped and "=" not in stripped.partition("://")[0]:
        raise ConfigError(
            "the database URL has another scheme than postgresql://",
            file=file,
            hint="write postgresql://user@host:port/dbname; a driver suffix as in postgresql+psycopg:// goes away",
        )
    elif "=" in text or not stripped:
        given = _parse_keywords(text, file)
    else:
        given = {"dbname": stripped}  # as `psql NAME` does
    _refuse_unknown(given, file)
    return given


def _system_user(file: str | None) -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name  # as libpq: not $USER, which sudo and containers leave wrong
    except KeyError:
        raise ConfigError(
            "no role is named, and this process runs as a user without a name",
            file=file,
            hint="name the role: postgresql://role@host/dbname, or PGUSER",
        ) from None


def _refuse_unknown(keys: Mapping[str, str], file: str | None) -> None:
    for key in keys:
        if key not in KEYWORDS:
            near = closest(key, KEYWORDS)
            raise ConfigError(
                f"unknown connection keyword {key!r}",
                file=file,
                hint=f"did you mean {near!r}?" if near else "the keywords are libpq's: host, port, user, dbname...",
            )


def to_uri(params: Mapping[str, str], *, password: bool = False) -> str:
    """The keywords as a URI that psql and libpq take. Without the password unless asked for."""
    rest = {k: v for k, v in params.items() if k not in ("dbname", "user", "password", "host", "port")}
    host, port = params.get("host", ""), params.get("port", "")
    user = quote(params.get("user", ""), safe="")
    secret = f":{quote(params['password'], safe='')}" if password and params.get("password") else ""
    authority = f"{user}{secret}@" if user else ""
    if host.startswith(("/", "@")) or "," in host + port or not host:
        rest = {**({"host": host} if host else {}), **({"port": port} if port else {}), **rest}
        if not (secret or host == ""):
            rest, authority = {"user": params["user"], **rest} if user else rest, ""
    else:
        authority += f"[{host}]" if ":" in host else quote(host, safe="")
        authority += f":{port}" if port else ""
    query = f"?{urlencode(rest, quote_via=quote, safe='/')}" if rest else ""
    return f"postgresql://{authority}/{quote(params.get('dbname', ''), safe='')}{query}"


def _parse_uri(text: str, file: str | None) -> dict[str, str]:
    # conninfo_uri_parse() of libpq step by step, not urllib's split: libpq allows several hosts with ports, ends the
    # login at the first '@' and the host at the first of ':/?,'.
    rest = text.split("://", 1)[1]
    params: dict[str, str] = {}
    login, at, after = rest.partition("@")
    if at and "/" not in login:
        user, _, password = login.partition(":")
        params |= {key: _decode(value, file) for key, value in (("user", user), ("password", password)) if value}
        rest = after
    hosts, ports = [], []
    while True:
        if rest.startswith("["):
            host, bracket, rest = rest[1:].partition("]")
            if not (bracket and host) or rest[:1] not in ("", ":", "/", "?", ","):
                raise ConfigError(
                    "the database URL has a malformed [address] as its host", file=file, hint=_ADDRESS_HINT
                )
        else:
            host, rest = _until(rest, ":/?,")
        port = ""
        if rest.startswith(":"):
            port, rest = _until(rest[1:], "/?,")
        if not all(number.isdigit() for number in [_decode(port, file)] if number):
            raise ConfigError("the database URL has a port that is not a number", file=file, hint=_MALFORMED_HINT)
        hosts.append(host)
        ports.append(port)
        if not rest.startswith(","):
            break
        rest = rest[1:]
    database, rest = _until(rest.removeprefix("/"), "?") if rest.startswith("/") else ("", rest)
    found = {"host": ",".join(hosts), "port": ",".join(ports), "dbname": database}
    params |= {key: _decode(value, file) for key, value in found.items() if value}
    pairs = rest.removeprefix("?").split("&")
    for pair in pairs if pairs[-1] else pairs[:-1]:  # one '&' may stand at the end
        key, equals, value = pair.partition("=")
        if not equals or "=" in value:
            raise ConfigError("the database URL has a parameter that is not key=value", file=file, hint=_MALFORMED_HINT)
        key, value = _decode(key, file), _decode(value, file)
        if (key, value) == ("ssl", "true"):  # libpq takes it for JDBC's sake
            key, value = "sslmode", "require"
        params[key] = value
    return params


def _until(text: str, ends: str) -> tuple[str, str]:
    at = min((found for end in ends if (found := text.find(end)) >= 0), default=len(text))
    return text[:at], text[at:]


def _decode(text: str, file: str | None) -> str:
    # Not unquote(): libpq leaves '+' alone, refuses a '%' without two digits, %00, and spaces but at the ends.
    text = text.strip(" ")
    try:
        for at in (index for index, c in enumerate(text) if c == "%"):
            if int(text[at + 1 : at + 3].ljust(2, "?"), 16) == 0 or not text[at + 1 : at + 3].isalnum():
                raise ValueError(text)
        if " " in text:
            raise ValueError(text)
        return unquote_to_bytes(text).decode()
    except ValueError:
        raise ConfigError("the database URL is malformed", file=file, hint=_MALFORMED_HINT) from None


def _parse_keywords(text: str, file: str | None) -> dict[str, str]:
    params: dict[str, str] = {}
    at, end = 0, len(text)
    while True:
        while at < end and text[at] in _SPACES:
            at += 1
        if at >= end:
            return params
        equals = text.find("=", at)
        key = text[at:equals].rstrip(_SPACES) if equals >= 0 else ""
        if not key or any(c in _SPACES for c in key):
            raise ConfigError("the connection string has a keyword without '='", file=file, hint=_KEYWORDS_HINT)
        at = equals + 1
        while at < end and text[at] in _SPACES:
            at += 1
        value: list[str] = []
        quoted = at < end and text[at] == "'"
        at += quoted
        while at < end and (quoted or text[at] not in _SPACES):
            if quoted and text[at] == "'":
                break
            at += text[at] == "\\"
            value.append(text[at : at + 1])
            at += 1
        if quoted:
            if at >= end:
                raise ConfigError("the connection string has an unclosed quote", file=file, hint=_KEYWORDS_HINT)
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
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"service file {str(path)!r} cannot be read", file=file) from error
        section = _service_section(lines, name, path, file)
        if section is not None:
            return section
    raise ConfigError(
        f"no service {name!r} in {' or '.join(repr(str(path)) for path in candidates) or 'any service file'}",
        file=file,
        hint="add a [section] of that name, or set PGSERVICEFILE",
    )


def _service_section(lines: list[str], name: str, path: Path, file: str | None) -> dict[str, str] | None:
    # Not configparser: it folds the case of keys, joins indented lines and gives [DEFAULT] a meaning; libpq does not.
    section: dict[str, str] | None = None
    for number, raw in enumerate(lines, 1):
        line = raw.strip(_SPACES)
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            if section is not None:
                return section
            section = {} if line == f"[{name}]" else None
        elif section is not None:
            key, equals, value = line.partition("=")
            if not equals or key not in KEYWORDS or key == "service":
                raise ConfigError(f"service file {str(path)!r}, line {number}: not keyword=value", file=file)
            section.setdefault(key, value)
    return section
