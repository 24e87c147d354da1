"""Each suite fails on a provider that breaks one rule, and says which rule it was."""

from __future__ import annotations

import itertools
import re

import msgspec
import pytest

import toys
from confiture import errors
from confiture.config import Environment
from confiture.config.dsn import to_uri
from confiture.model import (
    Execution,
    Mask,
    Matching,
    ObjectKey,
    Plan,
    Rename,
    SchemaObject,
    ServerStatus,
    SourceFile,
    Target,
    TransferSurvey,
)
from confiture.testing import (
    NotConforming,
    check_anonymizer,
    check_capture,
    check_differ,
    check_executor,
    check_inspector,
    check_medium,
    check_server,
    check_source,
    check_transfer_engine,
    open_context,
)
from confiture.testing import executor as executor_rules
from confiture.testing.context import GivenServer
from confiture.testing.rules import run_rules
from confiture_runner.executor import Runner
from confiture_triggers.capture import TriggerCapture

pytestmark = pytest.mark.anyio


async def broken(words: str, check, *arguments) -> None:
    """The check fails, naming the rule with these words; and a provider that is right passes it elsewhere."""
    with pytest.raises(NotConforming, match=re.escape(words)):
        await check(*arguments)


# -- sources --------------------------------------------------------------------------------------------------------


class EmptySource(toys.ToySource):
    async def load(self, ctx, what="", *, order="alphabetical"):
        return ()


class PlainSource(toys.ToySource):
    def load(self, ctx, what="", *, order="alphabetical"):
        return ()


class TwiceSource(toys.ToySource):
    async def load(self, ctx, what="", *, order="alphabetical"):
        return [*await super().load(ctx, what), SourceFile("a.sql", "SELECT 1")]


class AbsoluteSource(toys.ToySource):
    async def load(self, ctx, what="", *, order="alphabetical"):
        return [SourceFile(str(ctx.project.root / "a.sql"), "SELECT 1")]


class RestlessSource(toys.ToySource):
    numbers = itertools.count()

    async def load(self, ctx, what="", *, order="alphabetical"):
        return [SourceFile("a.sql", f"SELECT {next(self.numbers)}")]


class ForgetfulSource(toys.ToySource):
    async def load(self, ctx, what="", *, order="alphabetical"):
        return (await super().load(ctx, what))[: 1 if order == "natural" else 2]


class AgreeableSource(toys.ToySource):
    async def load(self, ctx, what="", *, order="alphabetical"):
        return await super().load(ctx, "" if what.startswith("nobody") else what)


class SeedlessSource(toys.ToySource):
    async def load(self, ctx, what="", *, order="alphabetical"):
        if what == "seeds":
            raise errors.SourceUnreadable("no seeds")
        return await super().load(ctx, what)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (EmptySource(), "at least one"),
        (PlainSource(), "not an async method"),
        (TwiceSource(), "Paths are unique"),
        (AbsoluteSource(), "hold nothing of the machine"),
        (RestlessSource(), "Two loads give equal files"),
        (ForgetfulSource(), "changes the order and nothing else"),
        (SeedlessSource(), "an address that always exists"),
        (AgreeableSource(), "An address that does not exist is a SourceError"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_broken_source_fails(project, source, words):
    """The rule that it breaks is named; the toy that it is made from passes."""
    async with open_context(project.root) as ctx:
        await check_source(ctx, toys.ToySource())
        await broken(words, check_source, ctx, source)


# -- executors ------------------------------------------------------------------------------------------------------


class Changed(Runner):
    """Runs another plan than the one it was given."""

    def change(self, statement):
        return statement

    async def execute(self, ctx, plan, target, execution, *, connection=None):
        statements = tuple(self.change(statement) for statement in plan.statements)
        plan = msgspec.structs.replace(plan, statements=statements)
        return await super().execute(ctx, plan, target, execution, connection=connection)


class NeverAtomic(Runner):
    async def execute(self, ctx, plan, target, execution, *, connection=None):
        return await super().execute(ctx, plan, target, Execution(atomic=False, jobs=execution.jobs))


class WithoutPlaces(Changed):
    def change(self, statement):
        return msgspec.structs.replace(statement, origin=None)


class WithoutTimeouts(Changed):
    def change(self, statement):
        return msgspec.structs.replace(statement, lock_timeout_s=None, statement_timeout_s=None)

    async def execute(self, ctx, plan, target, execution, *, connection=None):
        async with ctx.connect(target, settings={"lock_timeout": "1s"}):
            pass
        if any(statement.statement_timeout_s for statement in plan.statements):
            return None  # instead of sleeping for an hour
        return await super().execute(ctx, plan, target, execution)


class WithoutData(Changed):
    def change(self, statement):
        return msgspec.structs.replace(statement, sql="SELECT 1", copy_data=None) if statement.copy_data else statement


class Miscounting(Runner):
    async def execute(self, ctx, plan, target, execution, *, connection=None):
        return msgspec.structs.replace(await super().execute(ctx, plan, target, execution), statements=0)


class Littering(Runner):
    """Connects past the kernel, so that nobody closes the connection."""

    left: list = []  # noqa: RUF012

    async def execute(self, ctx, plan, target, execution, *, connection=None):
        import asyncpg

        if any(
            "pg_sleep(3600)" in statement.sql and not statement.statement_timeout_s for statement in plan.statements
        ):
            self.left.append(await asyncpg.connect(to_uri(target.params)))
        return await super().execute(ctx, plan, target, execution)


class Careless(Runner):
    async def execute(self, ctx, plan, target, execution, *, connection=None):
        return await super().execute(ctx, msgspec.structs.replace(plan, from_digest=None), target, execution)


class Elsewhere(Runner):
    async def execute(self, ctx, plan, target, execution, *, connection=None):
        if connection is not None and any("temp" in statement.sql for statement in plan.statements):
            async with ctx.connect(target) as other:
                await other.execute("CREATE TEMPORARY TABLE seen (n int)")
                return await super().execute(ctx, plan, target, execution, connection=other)
        return await super().execute(ctx, plan, target, execution, connection=connection)


class WithoutField(Runner):
    """Does not obey one field of the execution."""

    def __init__(self, name, value) -> None:
        self.change = {name: value}

    async def execute(self, ctx, plan, target, execution, *, connection=None):
        changed = msgspec.structs.replace(execution, **self.change)
        return await super().execute(ctx, plan, target, changed, connection=connection)


class Committing(Runner):
    async def execute(self, ctx, plan, target, execution, *, connection=None):
        report = await super().execute(ctx, plan, target, execution, connection=connection)
        if connection is not None and connection.is_in_transaction():
            await connection.execute("COMMIT")
        return report


class Forgetful(Runner):
    async def execute(self, ctx, plan, target, execution, *, connection=None):
        report = await super().execute(ctx, plan, target, execution, connection=connection)
        if connection is not None and not connection.is_in_transaction():
            await connection.execute("SET lock_timeout = '9s'")
        return report


@pytest.mark.parametrize(
    ("executor", "words"),
    [
        (Elsewhere(), "A connection of the caller's is used"),
        (Committing(), "A connection of the caller's is used"),
        (Forgetful(), "its session left as it was found"),
        (WithoutField("rollback", False), "everything runs and is taken back"),
        (WithoutField("lock_retry_s", 0.0), "is begun again"),
        (WithoutField("measure", False), "has each statement's time"),
        (NeverAtomic(), "Atomic: an error, also a late one, leaves the database as it was"),
        (WithoutPlaces(), "An error names file and line"),
        (WithoutData(), "its rows are counted"),
        (WithoutTimeouts(), "are obeyed"),
        (Miscounting(), "the report counts them"),
        (Careless(), "is refused before anything runs"),
        (Littering(), "leaves no session"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_broken_executor_fails(project, database, monkeypatch, executor, words):
    """The rule that it breaks is named."""

    async def quickly(rules, *arguments):
        # Who does not obey limits waits for ever.
        seconds = 3.0 if words == "are obeyed" and rules == (executor_rules.limits,) else 60.0
        monkeypatch.setattr("confiture.testing.rules.RULE_TIMEOUT_S", seconds)
        await run_rules(rules, *arguments)

    monkeypatch.setattr(executor_rules, "run_rules", quickly)
    async with open_context(project.root, database_url=to_uri(database.params)) as ctx:
        await broken(words, check_executor, ctx, executor, database)
    for connection in Littering.left:
        await connection.close()
    Littering.left.clear()


# -- servers --------------------------------------------------------------------------------------------------------


class ToyServer(GivenServer):
    async def status(self, ctx, environment):
        return ServerStatus(state="running", address="given", version="18")

    async def check(self, ctx, target, features, extensions):
        for name in extensions:
            if name != "plpgsql":
                raise errors.FeatureMissing(f"no extension {name!r}")


class MislabelledServer(ToyServer):
    async def acquire(self, ctx, environment):
        return Target(label="mine", params=(await super().acquire(ctx, environment)).params)


class RestlessServer(ToyServer):
    numbers = itertools.count()

    async def acquire(self, ctx, environment):
        return (await super().acquire(ctx, environment)).with_database(f"d{next(self.numbers)}")


class SilentServer(ToyServer):
    async def status(self, ctx, environment):
        return ServerStatus(state="stopped", address="given")


class AgreeableServer(ToyServer):
    async def check(self, ctx, target, features, extensions):
        pass


class BoastfulServer(ToyServer):
    async def stop(self, ctx, environment):
        return True


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        (MislabelledServer(), "the label 'mine', not the environment's name"),
        (RestlessServer(), "the same one each time"),
        (SilentServer(), "says that a server runs that was acquired"),
        (AgreeableServer(), "names an extension that nobody has"),
        (BoastfulServer(), "tells whether there was anything to stop"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_broken_server_fails(project, database, provider, words):
    """The rule that it breaks is named; the toy that it is made from passes."""
    environment = Environment(name="test", database_url=to_uri(database.params))
    async with open_context(project.root) as ctx:
        await check_server(ctx, ToyServer(), environment)
        await broken(words, check_server, ctx, provider, environment)


# -- mediums --------------------------------------------------------------------------------------------------------


class Request(msgspec.Struct, frozen=True):
    times: int = 1


class LooseRequest(msgspec.Struct):
    times: int = 1


class ToyMedium:
    request_type = Request

    async def run(self, ctx, request):
        return Request(times=request.times)


class LooseMedium(ToyMedium):
    request_type = LooseRequest


class DictMedium(ToyMedium):
    async def run(self, ctx, request):
        return {"times": 1}


class LooseReport(ToyMedium):
    async def run(self, ctx, request):
        return LooseRequest()


@pytest.mark.parametrize(
    ("medium", "words"),
    [
        (LooseMedium(), "LooseRequest is not frozen"),
        (DictMedium(), "a dict"),
        (LooseReport(), "LooseRequest is not frozen"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_broken_medium_fails(project, medium, words):
    """The rule that it breaks is named; the toy that it is made from passes."""
    async with open_context(project.root) as ctx:
        await check_medium(ctx, ToyMedium(), Request())
        await broken(words, check_medium, ctx, medium, medium.request_type())


# -- inspectors and differs -----------------------------------------------------------------------------------------


class UnsortedInspector(toys.ToyInspector):
    async def inspect(self, ctx, target):
        return toys.toy_schema(*reversed((await super().inspect(ctx, target)).objects))


class BlindInspector(toys.ToyInspector):
    async def inspect(self, ctx, target):
        objects = (await super().inspect(ctx, target)).objects
        return toys.toy_schema(*(msgspec.structs.replace(found, properties={}) for found in objects))


class DanglingInspector(toys.ToyInspector):
    async def inspect(self, ctx, target):
        objects = (await super().inspect(ctx, target)).objects
        nobody = ObjectKey("table", "gone")
        return toys.toy_schema(*(msgspec.structs.replace(found, parent=nobody) for found in objects))


@pytest.mark.parametrize(
    ("inspector", "words"),
    [
        (UnsortedInspector(), "Objects are sorted"),
        (DanglingInspector(), "a parent that is no object"),
        (BlindInspector(), "A changed schema has another digest"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_broken_inspector_fails(project, database, inspector, words):
    """The rule that it breaks is named; the toy that it is made from passes."""
    async with open_context(project.root) as ctx:
        await check_inspector(ctx, toys.ToyInspector(), database)
        await broken(words, check_inspector, ctx, inspector, database)


class EagerDiffer(toys.ToyDiffer):
    async def diff(self, ctx, old, new, options):
        return await super().diff(ctx, toys.toy_schema(), new, options)


class CarelessDiffer(toys.ToyDiffer):
    async def diff(self, ctx, old, new, options):
        return Plan(statements=(await super().diff(ctx, old, new, options)).statements)


class GuessingDiffer(toys.ToyDiffer):
    async def match(self, ctx, old, new, decisions):
        return Matching(renames=tuple(Rename(old=each.key, new=each.key) for each in old.objects))


@pytest.mark.parametrize(
    ("differ", "words"),
    [
        (EagerDiffer(), "Equal schemas give an empty plan"),
        (CarelessDiffer(), "the digests of both"),
        (GuessingDiffer(), "In equal schemas nothing has another name"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_broken_differ_fails(project, differ, words):
    """The rule that it breaks is named; the toy that it is made from passes."""
    one, two = (SchemaObject(kind="table", identity=name, properties={}) for name in "ab")
    old, new = toys.toy_schema(one), toys.toy_schema(one, two)
    async with open_context(project.root) as ctx:
        await check_differ(ctx, toys.ToyDiffer(), old, new)
        await broken(words, check_differ, ctx, differ, old, new)


# -- transfer engines and anonymizers -------------------------------------------------------------------------------


class OpenEngine(toys.ToyEngine):
    async def transfer(self, ctx, task, masks=()):
        return await super().transfer(ctx, task)


class LossyEngine(toys.ToyEngine):
    async def transfer(self, ctx, task, masks=()):
        query = task.query.replace(" -- all", " WHERE n > 1 -- all")
        report = await super().transfer(ctx, msgspec.structs.replace(task, query=query), masks)
        return msgspec.structs.replace(report, rows=report.rows + 1)


class LeakyEngine(toys.ToyEngine):
    async def transfer(self, ctx, task, masks=()):
        for name, value in task.settings.items():
            query = task.query.replace(f"current_setting('{name}')", f"'{value}'")
            task = msgspec.structs.replace(task, query=query)
        return await super().transfer(ctx, task, masks)


class StaleEngine(toys.ToyEngine):
    async def transfer(self, ctx, task, masks=()):
        return await super().transfer(ctx, msgspec.structs.replace(task, snapshot=None), masks)


class LooseEngine(toys.ToyEngine):
    async def transfer(self, ctx, task, masks=()):
        report = await super().transfer(ctx, msgspec.structs.replace(task, after=()), masks)
        async with ctx.connect(task.target, settings={"confiture.taken_rows": str(report.rows)}) as connection:
            for statement in task.after:
                try:
                    await connection.execute(statement.sql)
                except Exception as error:
                    raise errors.StatementFailed("after") from error
        return report


class LenientEngine(toys.ToyEngine):
    async def transfer(self, ctx, task, masks=()):
        return await super().transfer(ctx, task, [mask for mask in masks if mask.column in task.columns])


class FalselyAcceptingEngine(toys.ToyEngine):
    def accepts(self, task, masks=()):
        return True


class TalkativeEngine(toys.ToyEngine):
    def failed(self, task, error):
        return errors.StatementFailed(f"{task.table} of {task.target.label}: {error}")


class ForgetfulEngine(toys.ToyEngine):
    async def transfer(self, ctx, task, masks=()):
        query = task.query if not task.freeze else "SELECT 1, 'frozen'"
        return await super().transfer(ctx, msgspec.structs.replace(task, query=query), masks)


class HopefulEngine(toys.ToyEngine):
    async def survey(self, ctx, tasks, *, stands_for=None, sample=True):
        return [TransferSurvey(engine="hopeful") for _ in tasks]


class HastyEngine(toys.ToyEngine):
    async def survey(self, ctx, tasks, *, stands_for=None, sample=True):
        obstacles = []
        for task in tasks:
            try:
                await self.transfer(ctx, task)
            except errors.Refused as refused:
                obstacles.append(refused.message)
            else:
                obstacles.append(None)
        return [TransferSurvey(engine="hasty", obstacle=obstacle) for obstacle in obstacles]


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        (ForgetfulEngine(), "Rows that may be written as if they were old"),
        (HopefulEngine(), "why one cannot be done"),
        (HastyEngine(), "a survey has moved rows"),
        (OpenEngine(), "A mask replaces its column"),
        (LossyEngine(), "every value as it was"),
        (LeakyEngine(), "no session's statement holds their values"),
        (StaleEngine(), "not those that came since"),
        (LooseEngine(), "an error takes all of it back"),
        (LenientEngine(), "a slip in a name must not let a column through"),
        (FalselyAcceptingEngine(), "A mask's function gets each value"),
        (TalkativeEngine(), "holds none of the values"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_broken_engine_fails(project, new_database, engine, words):
    """The rule that it breaks is named; the toy that it is made from passes."""
    source, target = new_database(), new_database()
    async with open_context(project.root) as ctx:
        await check_transfer_engine(ctx, toys.ToyEngine(), source, target)
        await broken(words, check_transfer_engine, ctx, engine, source, target)


class EmptyAnonymizer(toys.ToyAnonymizer):
    def compile(self, rule, scope):
        super().compile(rule, scope)
        return Mask()


class MoodyAnonymizer(toys.ToyAnonymizer):
    def compile(self, rule, scope):
        return msgspec.structs.replace(super().compile(rule, scope), expression="md5(random()::text)")


class LaxAnonymizer(toys.ToyAnonymizer):
    def compile(self, rule, scope):
        return super().compile(msgspec.structs.replace(rule, options={}), scope)


class OpenAnonymizer(toys.ToyAnonymizer):
    def compile(self, rule, scope):
        return msgspec.structs.replace(super().compile(rule, scope), expression=scope.value, max_length=None)


class VainAnonymizer(toys.ToyAnonymizer):
    def compile(self, rule, scope):
        return msgspec.structs.replace(super().compile(rule, scope), expression="'x'", uniqueness="preserved")


class LongAnonymizer(toys.ToyAnonymizer):
    def compile(self, rule, scope):
        return msgspec.structs.replace(super().compile(rule, scope), max_length=7)


class NullAnonymizer(toys.ToyAnonymizer):
    def compile(self, rule, scope):
        return msgspec.structs.replace(super().compile(rule, scope), expression="NULL::text")


@pytest.mark.parametrize(
    ("anonymizer", "words"),
    [
        (EmptyAnonymizer(), "has an expression, a function, or leaves the column out"),
        (MoodyAnonymizer(), "The same key and row give the same value"),
        (LaxAnonymizer(), "An option that it does not know is a ConfigError"),
        (OpenAnonymizer(), "No value is what it was"),
        (VainAnonymizer(), "What the mask promises is so"),
        (LongAnonymizer(), "What the mask promises is so"),
        (NullAnonymizer(), "What the mask promises is so"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_broken_anonymizer_fails(project, database, anonymizer, words):
    """The rule that it breaks is named; the toy that it is made from passes."""
    async with open_context(project.root) as ctx:
        await check_anonymizer(ctx, toys.ToyAnonymizer(), database, {"digits": 12})
        await broken(words, check_anonymizer, ctx, anonymizer, database, {})


# -- captures -------------------------------------------------------------------------------------------------------


class HastyCapture(TriggerCapture):
    """Installs when it is asked whether it could."""

    async def preflight(self, ctx, source, tables):
        await self.install(ctx, source, "conformance", tables)
        return ()


class PresentCapture(TriggerCapture):
    """Knows what rows are, and not what they were."""

    async def poll(self, connection, name, *, limit=None):
        changes = await super().poll(connection, name, limit=limit)
        rows = {label: tuple([row for row in told if row != ("3", "c")]) for label, told in changes.rows.items()}
        return msgspec.structs.replace(changes, rows=rows)


class UnsureCapture(TriggerCapture):
    async def guard(self, connection, name, changes):
        return False


class GreedyCapture(TriggerCapture):
    """Acknowledges all that there is."""

    async def ack(self, ctx, source, name, changes):
        async with ctx.connect(source) as connection:
            await connection.execute("DELETE FROM confiture_capture.conformance_log")


class EagerCapture(TriggerCapture):
    """Remembers the highest number that it has seen, as if transactions committed in order."""

    seen = 0

    async def poll(self, connection, name, *, limit=None):
        changes = await super().poll(connection, name, limit=limit)
        lasts = changes.token.lasts if changes.token else (0,)
        late, self.seen = max(lasts) < self.seen, max(self.seen, *lasts)
        return msgspec.structs.replace(changes, rows={}) if late else changes


class DeafCapture(TriggerCapture):
    async def poll(self, connection, name, *, limit=None):
        return msgspec.structs.replace(await super().poll(connection, name, limit=limit), truncated=frozenset())


class TrustingCapture(TriggerCapture):
    async def verify(self, ctx, source, name, tables):
        return


@pytest.mark.parametrize(
    ("capture", "words"),
    [
        (HastyCapture(), "The preflight says what is in the way, and changes nothing"),
        (PresentCapture(), "Every change is told, with what the columns were before and after"),
        (UnsureCapture(), "Every change is told, with what the columns were before and after"),
        (GreedyCapture(), "What is acknowledged is not told again; what came meanwhile is"),
        (EagerCapture(), "A transaction that began first and commits last is told"),
        (DeafCapture(), "TRUNCATE is told by the table's label"),
        (TrustingCapture(), "Verifying raises where nothing captures"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_broken_capture_fails(project, database, capture, words):
    """The rule that it breaks is named; ``test_ours.py`` has the one that it is made from."""
    async with open_context(project.root) as ctx:
        await broken(words, check_capture, ctx, capture, database)
