"""The rules of an inspector and of a differ."""

from __future__ import annotations

from confiture.model import Decisions, DiffOptions, Matching, Plan, Schema, Target
from confiture.protocols import Context, Differ, Inspector
from confiture.testing.rules import expect, expect_async, run_rules

__all__ = ["check_differ", "check_inspector"]

_SCHEMA = "conformance"


async def check_inspector(ctx: Context, inspector: Inspector, target: Target) -> None:
    """An inspector keeps the rules of its kind, on ``target``, where it may do anything. Raises ``NotConforming``."""
    async with ctx.connect(target) as connection:
        await connection.execute(
            f"CREATE SCHEMA {_SCHEMA}; CREATE TABLE {_SCHEMA}.t (id int PRIMARY KEY, name text NOT NULL);"
            f"CREATE VIEW {_SCHEMA}.v AS SELECT name FROM {_SCHEMA}.t"
        )
    try:
        await run_rules((describes, relates, notices), ctx, inspector, target)
    finally:
        async with ctx.connect(target) as connection:
            await connection.execute(f"DROP SCHEMA {_SCHEMA} CASCADE")


async def describes(ctx: Context, inspector: Inspector, target: Target) -> None:
    """Objects are sorted by kind and identity, each once; a schema that did not change is equal, digest and all."""
    expect_async(inspector, "inspect")
    schema = await inspector.inspect(ctx, target)
    expect(isinstance(schema, Schema), f"a {type(schema).__name__}")
    keys = [(found.kind, found.identity) for found in schema.objects]
    expect(keys == sorted(set(keys)), "objects that are not sorted, or one of them twice")
    expect(any(_SCHEMA in identity for _, identity in keys), "nothing of the schema that is there")
    expect(await inspector.inspect(ctx, target) == schema, "another schema the second time")


async def relates(ctx: Context, inspector: Inspector, target: Target) -> None:
    """Parents and needs are objects of the same schema, and identities are unique; properties are plain values."""
    schema = await inspector.inspect(ctx, target)
    keys = {found.key for found in schema.objects}
    for found in schema.objects:
        expect(found.parent is None or found.parent in keys, f"{found.identity!r} has a parent that is no object")
        expect(keys.issuperset(found.needs), f"{found.identity!r} needs what is no object")
        for name, value in found.properties.items():
            parts = value if isinstance(value, tuple) else (value,)
            plain = all(part is None or isinstance(part, (str, int, bool)) for part in parts)
            expect(plain, f"the property {name!r} of {found.identity!r} is no plain value")


async def notices(ctx: Context, inspector: Inspector, target: Target) -> None:
    """A changed schema has another digest, and its own again when the change is taken back."""
    before = await inspector.inspect(ctx, target)
    for change, undo in (
        (f"ALTER TABLE {_SCHEMA}.t ADD extra int", f"ALTER TABLE {_SCHEMA}.t DROP extra"),
        (f"CREATE INDEX i ON {_SCHEMA}.t (name)", f"DROP INDEX {_SCHEMA}.i"),
    ):
        async with ctx.connect(target) as connection:
            await connection.execute(change)
        expect((await inspector.inspect(ctx, target)).digest != before.digest, f"the same digest after {change!r}")
        async with ctx.connect(target) as connection:
            await connection.execute(undo)
        expect((await inspector.inspect(ctx, target)).digest == before.digest, f"another digest after {undo!r}")


async def check_differ(ctx: Context, differ: Differ, old: Schema, new: Schema) -> None:
    """A differ keeps the rules of its kind; ``old`` and ``new`` are schemas that differ. Raises ``NotConforming``."""
    await run_rules((finds_nothing, finds_the_same, renames_nothing), ctx, differ, old, new)


async def finds_nothing(ctx: Context, differ: Differ, old: Schema, new: Schema) -> None:
    """Equal schemas give an empty plan."""
    expect_async(differ, "diff")
    for schema in (old, new):
        plan = await differ.diff(ctx, schema, schema, DiffOptions())
        expect(isinstance(plan, Plan), f"a {type(plan).__name__}")
        expect(plan.statements == (), f"{len(plan.statements)} statements")


async def finds_the_same(ctx: Context, differ: Differ, old: Schema, new: Schema) -> None:
    """Different schemas give the same statements each time; the plan carries the digests of both."""
    plan = await differ.diff(ctx, old, new, DiffOptions())
    expect(plan.statements, "no statement")
    expect(plan == await differ.diff(ctx, old, new, DiffOptions()), "another plan the second time")
    expect((plan.from_digest, plan.to_digest) == (old.digest, new.digest), "digests that are not the schemas'")


async def renames_nothing(ctx: Context, differ: Differ, old: Schema, new: Schema) -> None:
    """In equal schemas nothing has another name."""
    expect_async(differ, "match")
    for schema in (old, new):
        matching = await differ.match(ctx, schema, schema, Decisions())
        expect(matching == Matching(), f"{matching}")
