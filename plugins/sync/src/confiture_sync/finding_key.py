"""The key that masks are made with: where the file of rules says, else the environment, else one of the project's."""

from __future__ import annotations

import os
import secrets
import shlex
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from confiture.errors import ConfigError, UsageError
from confiture.masking import MaskingKey, load_key
from confiture.masking.keys import VARIABLE
from confiture.model import Note

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context
    from confiture_sync.configuring import SyncFile
    from confiture_sync.model import SyncRequest

__all__ = ["find_key"]

#: Below ``.confiture/``, which is never in version control.
_OWN = "anonymization.key"


def find_key(ctx: Context, request: SyncRequest, file: SyncFile, target: Target, run_id: str) -> MaskingKey:
    """The key. Where nobody has one, one is made and kept in the project's state folder, for its owner only.

    ``run_id`` is what masks of ``deterministic: false`` depend on, so that a run which is gone on with makes the same.
    Where no rule is written, nothing needs one: it is one that nobody keeps. Raises ``ConfigError`` for a place that
    has none, without any of it; ``UsageError`` where nothing is to be masked and that was not confirmed.
    """
    if not request.mask:
        # A connection string may hold a password, and it is long to type.
        name = target.database if "://" in request.target or "=" in request.target else request.target
        if request.confirm != name:
            raise UsageError(
                "personal data would leave the source as it is",
                hint=f"write the rules; or, where that is meant: --no-mask --confirm {shlex.quote(name)}",
            )
    if not request.mask or not (file.rules or request.anonymize):
        return MaskingKey(secrets.token_bytes(32))
    place = file.key
    path = None if place.file is None else ctx.project.root / place.file
    if path is None and place.command is None and place.keyring is None and not os.environ.get(VARIABLE):
        path = _own(ctx)
    return load_key(file=path, command=place.command, keyring=place.keyring, run=run_id)


def _own(ctx: Context) -> Path:
    path = ctx.project.state_dir / _OWN
    if path.is_file():
        return path
    try:
        path.parent.mkdir(exist_ok=True)
        with suppress(FileExistsError), (path.parent / ".gitignore").open("x") as ignore:
            ignore.write("*\n")
        _make(path, secrets.token_hex(32) + "\n")
    except OSError as error:
        if path.is_file():  # another run was quicker
            return path
        raise ConfigError(
            f"masks need a key, {VARIABLE} is not set, and none can be kept in {ctx.project.shown(path)!r}: "
            f"{error.strerror}",
            hint=f'export {VARIABLE}="$(openssl rand -hex 32)", and keep it: another key gives other values',
        ) from None
    ctx.emit(
        Note(
            message=f"{VARIABLE} is not set: a key was made in {ctx.project.shown(path)}; another machine needs the "
            "same one for the same masked values"
        )
    )
    return path


def _make(path: Path, text: str) -> None:
    """A new file, for its owner only, and whole from its first moment on: a run at the same time may read it."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.") as whole:  # of mode 600
        whole.write(text)
        whole.flush()
        try:
            os.link(whole.name, path)
        except FileExistsError:
            raise
        except OSError:  # a file system that has no links
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
