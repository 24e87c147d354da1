"""What is to be built: the files, their digest, and the combined script."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from confiture.config.project import ProjectConfig
from confiture.errors import UsageError
from confiture.hooks import SOURCE
from confiture.model import SourceFile, Statement

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_build.model import Order

__all__ = ["Sources", "combine", "load_sources", "write_script"]

#: Part of every digest: raise it when equal files begin to give another database.
_FORMAT = "1"


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """The files of the schema and of the seeds, in order, and the digest of the schema (seeds do not count)."""

    schema: tuple[SourceFile, ...]
    seeds: tuple[SourceFile, ...]
    order: str
    digest: str


async def load_sources(ctx: Context, order: Order, *, seeds: bool) -> Sources:
    """Load them through the project's source provider. Raises ``SourceError``."""
    source = ctx.get(SOURCE, ctx.settings("project", ProjectConfig).source)
    schema = tuple(await source.load(ctx, order=order))
    # Seeds are never sorted by need: a row cannot say what it needs.
    by_name = "natural" if order == "natural" else "alphabetical"
    seed_files = tuple(await source.load(ctx, "seeds", order=by_name)) if seeds else ()
    return Sources(schema=schema, seeds=seed_files, order=order, digest=_digest(schema, order))


def _digest(files: Iterable[SourceFile], order: str) -> str:
    digest = hashlib.sha256(f"confiture {_FORMAT} {order == 'auto'}\0".encode())
    for file in files:
        for text in (file.path, file.sql):
            encoded = text.encode()
            digest.update(len(encoded).to_bytes(8, "big"))
            digest.update(encoded)
    return digest.hexdigest()


def combine(sources: Sources, statements: Sequence[Statement], *, by_statement: bool) -> str:
    """The schema as one script that psql can load too. Equal input gives equal bytes, on any machine.

    ``by_statement``: the order is not that of the files, so the script is put together statement by statement.
    """
    count = len(sources.schema)
    parts = [
        f"-- Combined by confiture from {count} file{'s' if count != 1 else ''}. Do not edit: edit the files.\n"
        f"-- sha256: {sources.digest}\n"
    ]
    if by_statement:
        last = None
        for statement in statements:
            file = statement.origin.file if statement.origin else None
            if file and file != last:
                parts.append(f"\n-- {file}\n")
            last = file
            parts.append(_as_script(statement))
        return "".join(parts)
    unterminated = _files_without_last_semicolon(sources.schema, statements)
    for source in sources.schema:
        parts.append(f"\n-- {source.path}\n{source.sql}")
        if not source.sql.endswith("\n"):
            parts.append("\n")
        if source.path in unterminated:
            parts.append(";\n")
    return "".join(parts)


def _as_script(statement: Statement) -> str:
    if statement.copy_data is None:
        return f"{statement.sql};\n"
    data = statement.copy_data.decode()
    return f"{statement.sql};\n{data}{'' if data.endswith(chr(10)) or not data else chr(10)}\\.\n"


def _files_without_last_semicolon(files: Iterable[SourceFile], statements: Iterable[Statement]) -> set[str]:
    last = {statement.origin.file: statement for statement in statements if statement.origin is not None}
    found = set()
    for file in files:
        statement = last.get(file.path)
        if statement is None or statement.origin is None or statement.copy_data is not None:
            continue
        # The text after the last statement is blanks, comments and, if there is one, its semicolon. A comment may
        # hold a semicolon of its own, so that an extra one is added now and then: an empty statement, harmless.
        rest = file.sql[statement.origin.offset + len(statement.sql) :]
        if not rest.lstrip().startswith(";"):
            found.add(file.path)
    return found


def write_script(path: Path, text: str) -> None:
    """Write the whole file or nothing: a reader never sees half of it. Raises ``UsageError`` where no file can be."""
    try:
        if path.is_dir():
            raise UsageError(f"--output {str(path)!r} is a folder", hint="name a file in it")
        if path.exists() and not path.is_file():  # /dev/stdout, a pipe: root could replace it by a file
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        _replace(path.resolve(), text)
    except (FileExistsError, NotADirectoryError, FileNotFoundError, BrokenPipeError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a loop of symbolic links"
        raise UsageError(
            f"--output {str(path)!r} cannot be written: {str(reason).lower()}", hint="name a file elsewhere"
        ) from error


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:60]}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
