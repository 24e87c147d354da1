"""The rules of a source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from confiture.errors import SourceError
from confiture.model import SourceFile
from confiture.protocols import Context, SchemaSource
from confiture.testing.rules import expect, expect_async, expect_error, run_rules

__all__ = ["check_source"]


async def check_source(
    ctx: Context, source: SchemaSource, *, what: str = "", empty: bool = False, seeds: bool = True
) -> None:
    """A source keeps the rules of its kind. Raises ``NotConforming``.

    ``what`` is an address that has a schema; ``empty``: the source is one that never has a file, on purpose;
    ``seeds`` False: it is no source of seed data, so that "seeds" is an address like any other.
    """
    rules = (loads_nothing if empty else loads, names, repeats, orders, *((seed_data,) if seeds else ()), refuses)
    await run_rules(rules, ctx, source, what)


async def loads(ctx: Context, source: SchemaSource, what: str) -> None:
    """``load`` is async and gives a sequence of SourceFile with text, at least one."""
    expect_async(source, "load")
    files = await source.load(ctx, what)
    expect(isinstance(files, Sequence) and not isinstance(files, str), f"a {type(files).__name__}")
    expect(files, "no file: an empty schema is a SourceError")
    for file in files:
        expect(isinstance(file, SourceFile), f"a {type(file).__name__} among the files")
        expect(isinstance(file.sql, str), f"the text of {file.path!r} is {type(file.sql).__name__}")
        expect(not file.sql.startswith("\ufeff"), f"{file.path!r} begins with a byte order mark")


async def loads_nothing(ctx: Context, source: SchemaSource, what: str) -> None:
    """``load`` is async and gives a sequence without any file."""
    expect_async(source, "load")
    files = await source.load(ctx, what)
    expect(isinstance(files, Sequence) and not isinstance(files, str), f"a {type(files).__name__}")
    expect(not files, f"{len(files)} files")


async def names(ctx: Context, source: SchemaSource, what: str) -> None:
    """Paths are unique, written with ``/``, and hold nothing of the machine: they are in messages and hashes."""
    paths = [file.path for file in await source.load(ctx, what)]
    expect(len(paths) == len(set(paths)), f"a path twice: {sorted(paths)}")
    for path in paths:
        expect(path and "\\" not in path, f"the path {path!r}")
        expect(not PurePosixPath(path).is_relative_to(ctx.project.root.as_posix()), f"the path {path!r}")


async def repeats(ctx: Context, source: SchemaSource, what: str) -> None:
    """Two loads give equal files in equal order."""
    first, second = list(await source.load(ctx, what)), list(await source.load(ctx, what))
    expect(first == second, "two loads differ")


async def orders(ctx: Context, source: SchemaSource, what: str) -> None:
    """``order`` changes the order and nothing else."""
    orders = [list(await source.load(ctx, what, order=order)) for order in ("alphabetical", "natural")]
    in_any_order = [sorted(files, key=lambda file: file.path) for files in orders]
    expect(in_any_order[0] == in_any_order[1], "the files of the two orders differ")


async def seed_data(ctx: Context, source: SchemaSource, what: str) -> None:
    """``seeds`` is an address that always exists: without seed data it has no file."""
    files = await source.load(ctx, "seeds")
    expect(isinstance(files, Sequence), f"a {type(files).__name__}")
    expect(all(isinstance(file, SourceFile) for file in files), "something that is not a SourceFile")


async def refuses(ctx: Context, source: SchemaSource, what: str) -> None:
    """An address that does not exist is a SourceError with a message that names it, not an empty schema."""
    async with expect_error(SourceError, when="load(ctx, 'nobody/made/this')") as caught:
        await source.load(ctx, "nobody/made/this")
    expect("nobody" in str(caught[0]), f"the message {str(caught[0])!r}")
