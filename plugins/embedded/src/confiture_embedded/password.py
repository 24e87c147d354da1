"""The password for connections over TCP. The socket needs none: its folder is private."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import subprocess

from confiture.errors import ServerError
from confiture_embedded.account import write_private
from confiture_embedded.binaries import Binaries
from confiture_embedded.cluster import SUPERUSER, Postmaster, clean_environment
from confiture_embedded.layout import Home

__all__ = ["ensure_password", "scram_verifier"]


def ensure_password(home: Home, binaries: Binaries, server: Postmaster) -> None:
    """Give ``postgres`` a password unless it has one, kept in the home's ``password`` file (mode 600).

    The server is sent a SCRAM verifier over psql's standard input: the password is in no argument, log or catalog.
    """
    if home.password_file.exists():
        return
    password = secrets.token_urlsafe(24)
    statement = f"ALTER ROLE {SUPERUSER} PASSWORD '{scram_verifier(password)}'"
    run = subprocess.run(
        [binaries.program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", server.socket, "-p", str(server.port),
         "-U", SUPERUSER, "-d", "postgres"],
        input=statement, text=True, capture_output=True, check=False, cwd="/", env=clean_environment(),
    )  # fmt: skip
    if run.returncode != 0:
        raise ServerError("the server's password could not be set", detail=run.stderr.strip() or None)
    write_private(home.password_file, password + "\n", home.account)


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """What ``pg_authid.rolpassword`` holds for a password (RFC 5803; PostgreSQL's scram-sha-256, 4096 rounds)."""
    salt = salt or secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 4096)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256$4096:{encoded[0]}${encoded[1]}:{encoded[2]}"
