"""Slips that the type checker must find: each line marked so has an error, no other has. Never run."""

from __future__ import annotations

from collections.abc import Sequence

from confiture.hooks import SERVER, SOURCE, Provider
from confiture.model import SourceFile, Target
from confiture.protocols import Connection, Context, Executor, SchemaSource


class NotAsync:
    def load(self, ctx: Context, what: str = "", *, order: str = "alphabetical") -> Sequence[SourceFile]:
        return []


async def slips(ctx: Context, connection: Connection, target: Target) -> None:
    source: SchemaSource = NotAsync()  # slip
    executor: Executor = ctx.get(SOURCE, "files")  # slip
    await ctx.get(SERVER, "url").load(ctx)  # slip
    connection.transaction()  # slip
    target.label = "x"  # slip
    Provider(name="x", target="a:b")  # slip
    ctx.emit("a string")  # slip
    await ctx.connect(target)  # slip
    print(source, executor)
