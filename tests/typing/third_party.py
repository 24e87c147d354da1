"""A third party's plugin, as its author would write and type it. Checked with mypy --strict, never run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from confiture.config import Environment
from confiture.hooks import (
    ANONYMIZER,
    DIFFER,
    EXECUTOR,
    INSPECTOR,
    MEDIUM,
    SERVER,
    SOURCE,
    TRANSFER,
    Command,
    Provider,
    hookimpl,
)
from confiture.masking import Rule, Scope
from confiture.model import (
    Decisions,
    DiffOptions,
    Event,
    Execution,
    ExecutionReport,
    Hazard,
    Mask,
    Matching,
    Note,
    Plan,
    Schema,
    ServerStatus,
    SourceFile,
    Statement,
    Target,
    TransferReport,
    TransferTask,
)
from confiture.protocols import (
    Anonymizer,
    Connection,
    Context,
    Differ,
    Executor,
    Inspector,
    Medium,
    SchemaSource,
    Server,
    TransferEngine,
)

API_VERSION = 1


class GitSource:
    async def load(self, ctx: Context, what: str = "", *, order: str = "alphabetical") -> Sequence[SourceFile]:
        ctx.emit(Note(message=f"reading {what!r} for {ctx.environment.name}"))
        return [SourceFile(path="a.sql", sql="CREATE TABLE a ()")]


class OneByOne:
    async def execute(
        self, ctx: Context, plan: Plan, target: Target, execution: Execution, *, connection: Connection | None = None
    ) -> ExecutionReport:
        async with ctx.connect(target) as connection, ctx.transaction(connection):
            for statement in plan.statements:
                await connection.execute(statement.sql)
        return ExecutionReport(statements=len(plan.statements), rows=0, seconds=0.0)


class Catalog:
    async def inspect(self, ctx: Context, target: Target) -> Schema:
        async with ctx.connect(target) as connection:
            rows = await connection.fetch("SELECT 1")
        return Schema(objects=(), digest=str(len(rows)))


class Textual:
    async def match(self, ctx: Context, old: Schema, new: Schema, decisions: Decisions) -> Matching:
        return Matching()

    async def diff(self, ctx: Context, old: Schema, new: Schema, options: DiffOptions) -> Plan:
        return Plan(statements=(Statement(sql="SELECT 1"),), from_digest=old.digest, to_digest=new.digest)


class Cloud:
    async def acquire(self, ctx: Context, environment: Environment) -> Target:
        return Target(label=environment.name, params={"host": "db.example"})

    async def status(self, ctx: Context, environment: Environment) -> ServerStatus:
        return ServerStatus(state="running", address="db.example")

    async def check(self, ctx: Context, target: Target, features: Sequence[str], extensions: Sequence[str]) -> None:
        return None

    async def stop(self, ctx: Context, environment: Environment) -> bool:
        return False


class Copying:
    def accepts(self, task: TransferTask, masks: Sequence[Mask] = ()) -> bool:
        return all(mask.function is None for mask in masks)

    async def transfer(self, ctx: Context, task: TransferTask, masks: Sequence[Mask] = ()) -> TransferReport:
        return TransferReport(rows=0, bytes=0, seconds=0.0)


class Nulls:
    def compile(self, rule: Rule, scope: Scope) -> Mask:
        if rule.options:
            raise rule.error(f"no options for {scope.column.label!r}")
        return Mask(expression="NULL", nullable=True)


class EchoRequest(msgspec.Struct, frozen=True, kw_only=True):
    times: int = 1


class Echo:
    request_type = EchoRequest

    async def run(self, ctx: Context, request: EchoRequest) -> EchoRequest:
        source = ctx.get(SOURCE, "git")
        files = await source.load(ctx)
        settings = ctx.settings("echo", EchoRequest)
        async with ctx.scratch() as target, ctx.lock(target, "echo", wait_s=1.0):
            plan = Plan(statements=tuple(Statement(sql=file.sql) for file in files))
            await ctx.get(EXECUTOR, "one").execute(ctx, plan, target, Execution(jobs=settings.times))
        return request


# Each is what its Protocol asks for.
_source: SchemaSource = GitSource()
_executor: Executor = OneByOne()
_inspector: Inspector = Catalog()
_differ: Differ = Textual()
_server: Server = Cloud()
_engine: TransferEngine = Copying()
_anonymizer: Anonymizer = Nulls()
_medium: Medium = Echo()


@hookimpl
def confiture_sources() -> Iterable[Provider[SchemaSource]]:
    yield Provider(name="git", target="acme.git:GitSource", summary="DDL of a commit")


@hookimpl
def confiture_mediums() -> Iterable[Provider[Medium]]:
    return [Provider(name="echo", target="acme.echo:Echo", summary="says it again")]


@hookimpl
def confiture_commands() -> Iterable[Command]:
    return [Command(name="acme show", target="acme.cli:show", summary="shows it")]


@hookimpl
def confiture_review(plan: Plan) -> Iterable[Hazard]:
    return [Hazard("acme-policy", statement.sql) for statement in plan.statements if "DROP" in statement.sql]


@hookimpl
def confiture_event(event: Event) -> None:
    print(event)


async def typed_keys(ctx: Context) -> None:
    """``ctx.get`` gives the kind's own Protocol, so that a slip in a call is found."""
    source: SchemaSource = ctx.get(SOURCE, "git")
    inspector: Inspector = ctx.get(INSPECTOR, "catalog")
    differ: Differ = ctx.get(DIFFER, "textual")
    server: Server = ctx.get(SERVER, "cloud")
    engine: TransferEngine = ctx.get(TRANSFER, "copying")
    anonymizer: Anonymizer = ctx.get(ANONYMIZER, "nulls")
    medium: Medium = ctx.get(MEDIUM, "echo")
    print(source, inspector, differ, server, engine, anonymizer, medium)
