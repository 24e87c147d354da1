"""The rules of a source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from confiture.errors import SourceError
from confiture.model import SourceFile
from confiture.protocols import Context, SchemaSource
from confiture.testing.rules import expect, expect_async, expect_error, run_rules

__all__ = ["check_source"]


async def check_source(ctx: Context, source: SchemaSource) -> None:
    """A source that has a schema keeps the rules of its kind. Raises ``NotConforming``."""
    await run_rules((loads, names, repeats, orders, seeds, refuses), ctx, source)


async def loads(ctx: Context, source: SchemaSource) -> None:
    """``load`` is async and gives a sequence of SourceFile with text, at least one."""
    expect_async(source, "load")
    files = await source.load(ctx)
    expect(isinstance(files, Sequence) and not isinstance(files, str), f"a {type(files).__name__}")
    expect(files, "no file: an empty schema is a SourceError")
    for file in files:
        expect(isinstance(file, SourceFile), f"a {type(file).__name__} among the files")
        expect(isinstance(file.sql, str), f"the text of {file.path!r} is {type(file.sql).__name__}")
        expect(not file.sql.startswith("\ufeff"), f"{file.path!r} begins with a byte order mark")


async def names(ctx: Context, source: SchemaSource) -> None:
    """Paths are unique, written with ``/``, and hold nothing of the machine: they are in messages and hashes."""
    paths = [file.path for file in await source.load(ctx)]
    expect(len(paths) == len(set(paths)), f"a path twice: {sorted(paths)}")
    for path in paths:
        expect(path and "\\" not in path, f"the path {path!r}")
        expect(not PurePosixPath(path).is_relative_to(ctx.project.root.as_posix()), f"the path {path!r}")


async def repeats(ctx: Context, source: SchemaSource) -> None:
    """Two loads give equal files in equal order."""
    first, second = list(await source.load(ctx)), list(await source.load(ctx))
    expect(first == second, "two loads differ")


async def orders(ctx: Context, source: SchemaSource) -> None:
    """``order`` changes the order and nothing else."""
    orders = [list(await source.load(ctx, order=order)) for order in ("alphabetical", "natural")]
    in_any_order = [sorted(files, key=lambda file: file.path) for files in orders]
    expect(in_any_order[0] == in_any_order[1], "the files of the two orders differ")


async def seeds(ctx: Context, source: SchemaSource) -> None:
    """``seeds`` is an address that always exists: without seed data it has no file."""
    files = await source.load(ctx, "seeds")
    expect(isinstance(files, Sequence), f"a {type(files).__name__}")
    expect(all(isinstance(file, SourceFile) for file in files), "something that is not a SourceFile")


async def refuses(ctx: Context, source: SchemaSource) -> None:
    """An address that does not exist is a SourceError with a message that names it, not an empty schema."""
    async with expect_error(SourceError, when="load(ctx, 'nobody/made/this')") as caught:
        await source.load(ctx, "nobody/made/this")
    expect("nobody" in str(caught[0]), f"the message {str(caught[0])!r}")
