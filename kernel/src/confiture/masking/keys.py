"""The secret that masks depend on: where it comes from, and what of it may be shown."""

from __future__ import annotations

import hashlib
import importlib
import os
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from confiture.errors import ConfigError
from confiture.masking import prf as function
from confiture.masking.prf import INNER, OUTER

__all__ = ["NONCE_INNER", "NONCE_OUTER", "VARIABLE", "MaskingKey", "load_key"]

#: Shorter keys could be guessed, and with them every value that was masked.
_SHORTEST_BYTES = 16
_BLOCK_BYTES = 64
VARIABLE = "CONFITURE_ANONYMIZATION_KEY"
#: The blocks of a key that lives for one run: rules that say ``deterministic: false``.
NONCE_INNER = "confiture.n1"
NONCE_OUTER = "confiture.n2"


class MaskingKey:
    """A key. Neither ``repr`` nor pickling nor an error shows it; :attr:`fingerprint` may be shown.

    ``run`` names the run, for rules that say ``deterministic: false``: they draw the same again under the same name, so
    that a run can go on where it ended. Without it no two keys draw alike. Raises ``ConfigError`` for fewer than 16
    bytes.
    """

    __slots__ = ("_key", "_nonce")

    def __init__(self, key: bytes, *, source: str = "the key", run: str | None = None) -> None:
        if len(key) < _SHORTEST_BYTES:
            raise ConfigError(
                f"{source} has {len(key)} bytes, which can be guessed: {_SHORTEST_BYTES} is the least",
                hint="make one with: openssl rand -hex 32",
            )
        self._key = key
        self._nonce = secrets.token_bytes(32) if run is None else function.prf(key, "confiture", "run", run)

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that tell two keys apart and say nothing of either."""
        return function.prf(self._key, "confiture", "fingerprint", "")[:6].hex()

    @property
    def settings(self) -> Mapping[str, str]:
        """What a session has to have set (``TransferTask.settings``) for the SQL of masks to run."""
        return {
            **dict(zip((INNER, OUTER), _blocks(self._key), strict=True)),
            **dict(zip((NONCE_INNER, NONCE_OUTER), _blocks(self._nonce), strict=True)),
        }

    def prf(self, domain: str, draw: str, text: str) -> bytes:
        """The 32 bytes that SQL makes of the same."""
        return function.prf(self._key, domain, draw, text)

    def row(self, table: str, key: Sequence[Any], block: int = 0) -> bytes:
        """32 bytes of a row's own, as SQL makes them, from ``schema.table`` and the primary key's values."""
        return function.row_prf(self._key, table, block, key)

    def __repr__(self) -> str:
        return f"MaskingKey({self.fingerprint})"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled")


def _blocks(key: bytes) -> tuple[str, str]:
    """The key with the inner and the outer padding of HMAC (RFC 2104), in hexadecimal."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in block).hex(), bytes(byte ^ 0x5C for byte in block).hex()


def load_key(
    *,
    file: Path | None = None,
    command: str | None = None,
    keyring: str | None = None,
    environ: Mapping[str, str] | None = None,
    run: str | None = None,
) -> MaskingKey:
    """The key: from a file, the output of a shell command, or the keyring ``service/name``, where one is named.

    Otherwise from the environment variable ``CONFITURE_ANONYMIZATION_KEY``. A newline at the end does not count.
    ``run`` is as for :class:`MaskingKey`. Raises ``ConfigError`` where there is none, without any of it.
    """
    named = [place for place in (file, command, keyring) if place is not None]
    if len(named) > 1:
        raise ConfigError("the key has more than one place", hint="name a file, a command or a keyring")
    if file is not None:
        return MaskingKey(_from_file(file), source=f"the key file {str(file)!r}", run=run)
    if command is not None:
        return MaskingKey(_from_command(command), source="the output of the key's command", run=run)
    if keyring is not None:
        return MaskingKey(_from_keyring(keyring), source=f"the keyring's {keyring!r}", run=run)
    found = (os.environ if environ is None else environ).get(VARIABLE, "")
    if not found:
        raise ConfigError(
            f"masks need a key, and {VARIABLE} is not set",
            hint=f'export {VARIABLE}="$(openssl rand -hex 32)", and keep it: another key gives other values',
        )
    return MaskingKey(found.strip("\r\n").encode(), source=VARIABLE, run=run)


def _from_file(file: Path) -> bytes:
    try:
        return file.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise ConfigError(f"the key file {str(file)!r} cannot be read: {error.strerror}") from None


def _from_command(command: str) -> bytes:
    # What it prints is the key, and what it complains of may hold parts of it.
    done = subprocess.run(command, shell=True, capture_output=True, stdin=subprocess.DEVNULL, check=False)  # noqa: S602
    if done.returncode:
        raise ConfigError(f"the key's command failed with exit code {done.returncode}", hint="try it by itself")
    return done.stdout.rstrip(b"\r\n")


def _from_keyring(place: str) -> bytes:
    service, slash, name = place.rpartition("/")
    if not slash:
        raise ConfigError(f"the keyring's place {place!r} has no name", hint="write it as service/name")
    try:
        module = importlib.import_module("keyring")
    except ImportError:
        raise ConfigError(
            "the package keyring is not installed", hint="pip install keyring, or name a file or a command"
        ) from None
    found = module.get_password(service, name)
    if found is None:
        raise ConfigError(f"the keyring has nothing for {place!r}")
    return str(found).encode()
