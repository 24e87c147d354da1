"""What a provider of each kind must do, and what it is given to do it with.

Everything that waits is async and takes ``ctx``, the run's :class:`Context`, first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from confiture.config import Environment, Project
    from confiture.hooks import Kind
    from confiture.masking import Rule, Scope
    from confiture.model import (
        Backlog,
        CapturedTable,
        CaptureFinding,
        Changes,
        Decisions,
        DiffOptions,
        Event,
        Execution,
        ExecutionReport,
        Hazard,
        Mask,
        Matching,
        Plan,
        Schema,
        ServerStatus,
        SourceFile,
        Target,
        TransferReport,
        TransferSurvey,
        TransferTask,
    )

__all__ = [
    "Anonymizer",
    "Capture",
    "Connection",
    "Context",
    "CountingCapture",
    "Differ",
    "DirectedSwitch",
    "Executor",
    "HoldingSwitch",
    "Inspector",
    "Medium",
    "PreparingEngine",
    "SchemaSource",
    "Server",
    "SurveyingEngine",
    "Switch",
    "TransferEngine",
]

P = TypeVar("P")
S = TypeVar("S")


class Connection(Protocol):
    """What is used of asyncpg's connection, which ships no types. Rows are asyncpg's records.

    ``transaction()`` is left out on purpose: see ``Context.transaction``. Several statements in one ``execute``
    run as one implicit transaction. ``COPY ... FROM stdin`` waits for ever in ``execute``: use the COPY methods.
    """

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """Run one statement with arguments, or several without; the last command tag."""
        ...

    async def executemany(self, command: str, args: Sequence[Sequence[Any]], *, timeout: float | None = None) -> None:
        """Run one statement for each row of arguments."""
        ...

    async def fetch(self, query: str, *args: Any, timeout: float | None = None) -> list[Any]:
        """All rows."""
        ...

    async def fetchrow(self, query: str, *args: Any, timeout: float | None = None) -> Any:
        """The first row, or None."""
        ...

    async def fetchval(self, query: str, *args: Any, column: int = 0, timeout: float | None = None) -> Any:
        """One value of the first row, or None."""
        ...

    async def prepare(self, query: str, *, name: str | None = None, timeout: float | None = None) -> Any:
        """The server's description of a statement, which is not run: its parameters and columns."""
        ...

    async def copy_to_table(self, table_name: str, *, source: Any, **options: Any) -> str:
        """COPY bytes into a table."""
        ...

    async def copy_from_query(self, query: str, *args: Any, output: Any, **options: Any) -> str:
        """COPY the rows of a query out as bytes."""
        ...

    def add_log_listener(self, callback: Any) -> None:
        """Hear the server's notices."""
        ...

    def remove_log_listener(self, callback: Any) -> None:
        """Hear them no more."""
        ...

    def get_server_pid(self) -> int:
        """The server process, or what a pooler says it is."""
        ...

    def get_server_version(self) -> Any:
        """``(major, minor, ...)``."""
        ...

    def get_settings(self) -> Any:
        """The parameters that the server reported."""
        ...

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    def is_closed(self) -> bool:
        """Whether the connection is gone."""
        ...

    def terminate(self) -> None:
        """Cut the socket."""
        ...

    async def close(self, *, timeout: float | None = None) -> None:
        """Say goodbye and close. The kernel does it: see ``Context.connect``."""
        ...


class Context(Protocol):
    """One run's services: everything that a provider may touch. :class:`confiture.run.Run` implements it."""

    @property
    def run_id(self) -> str:
        """Eight hexadecimal digits, in the names of whatever the run makes and in its log lines."""
        ...

    @property
    def project(self) -> Project:
        """The project: its root folder and its configuration."""
        ...

    @property
    def environment(self) -> Environment:
        """The environment that the run is for."""
        ...

    def emit(self, event: Event) -> None:
        """Tell the observers. Never waits, never raises."""
        ...

    def get(self, kind: Kind[P], name: str) -> P:
        """The provider of that kind and name; one instance a run.

        Raises ``UnknownProvider`` with the names that exist, ``PluginBroken`` when its module cannot be imported.
        """
        ...

    def settings(self, section: str, type_: type[S]) -> S:
        """The table ``[section]`` of ``confiture.toml`` as a msgspec struct; its defaults where there is none.

        Raises ``ConfigError`` naming the file and the key, with the nearest known name.
        """
        ...

    def review(self, plan: Plan) -> tuple[Hazard, ...]:
        """What all reviewers (``confiture_review``) say of a plan, to be heard before it runs.

        Raises ``PluginBroken`` for a reviewer that fails: a policy that fails must not pass.
        """
        ...

    async def start(
        self, medium: str, request: Any = None, *, environment: Environment | str | None = None, **values: Any
    ) -> Any:
        """Run a medium, within this run, and return its report: mediums are put together of others so.

        ``values`` become its request, where ``request`` is not given. ``environment``: what the medium takes for the
        run's own, and so works on. Raises ``UnknownProvider``, ``ConfigError``, ``UnknownEnvironment``.
        """
        ...

    async def target(self, environment: Environment | str | None = None) -> Target:
        """The environment's database, its server started where confiture runs it. None: the run's environment."""
        ...

    def connect(
        self, target: Target, *, database: str | None = None, settings: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Connection]:
        """A connection that is closed, or killed on doubt, when the block or the run ends.

        ``database`` overrides the target's, ``settings`` are session settings set on arrival.
        Raises ``ServerUnreachable``, ``AuthenticationFailed``, ``DatabaseNotFound``.
        """
        ...

    def connect_maintenance(self, target: Target) -> AbstractAsyncContextManager[Connection]:
        """A connection to the server's maintenance database (``postgres``, else ``template1``, else the target).

        For CREATE DATABASE and its like, and for locks that all clients of the server must see in one place.
        """
        ...

    def transaction(
        self, connection: Connection, *, isolation: str | None = None, readonly: bool = False
    ) -> AbstractAsyncContextManager[None]:
        """A transaction whose rollback is shielded from cancellation.

        anyio cancels by level, so the driver's own ``transaction()`` would have its ROLLBACK cancelled too and
        leave the backend idle in transaction, with its locks.
        """
        ...

    def lock(self, target: Target, key: str, *, wait_s: float = 0.0) -> AbstractAsyncContextManager[None]:
        """The server-wide lock of that name, held by a session of its own until the block ends.

        Polled with ``pg_try_advisory_lock``. Raises ``Busy``, saying who holds it and since when, after ``wait_s``.
        """
        ...

    def scratch(self, label: str = "scratch") -> AbstractAsyncContextManager[Target]:
        """An empty database on the scratch server, always dropped; after a kill, by the next run."""
        ...

    async def scratch_server(self) -> Target:
        """The server that scratch databases live on: ``[scratch] url``, else one of confiture's own."""
        ...


@runtime_checkable
class SchemaSource(Protocol):
    """Loads DDL.

    ``what`` is the source's own address, such as a folder: "" is the project's schema, "seeds" its seed data.
    """

    async def load(self, ctx: Context, what: str = "", *, order: str = "alphabetical") -> Sequence[SourceFile]:
        """The files in the order in which they run.

        ``order``: ``alphabetical``, ``natural`` (numbers by value), or ``auto``: alphabetical, the caller sorts.

        Raises ``SourceError``; an empty schema is an error too, save where having no file is the point, and
        where "seeds" without any gives ().
        """
        ...


@runtime_checkable
class Inspector(Protocol):
    """Reads the schema of a database into values."""

    async def inspect(self, ctx: Context, target: Target) -> Schema:
        """All objects, in one snapshot, without changing anything."""
        ...


@runtime_checkable
class Differ(Protocol):
    """Turns two schemas into a plan.

    Whoever wants a plan calls :meth:`match` first, runs its statements on a database of the old schema, reads that
    one again, and goes on so until nothing is renamed any more; then :meth:`diff`, which takes names as they are.
    """

    async def match(self, ctx: Context, old: Schema, new: Schema, decisions: Decisions) -> Matching:
        """Which objects of ``old`` have another name in ``new``. Raises ``UsageError`` for a decision about nothing."""
        ...

    async def diff(self, ctx: Context, old: Schema, new: Schema, options: DiffOptions) -> Plan:
        """Statements that turn a database of schema ``old`` into one of ``new``; empty where they are equal.

        Raises ``Refused`` naming the object for a difference that no statement makes, or none without losing data.
        """
        ...


@runtime_checkable
class Executor(Protocol):
    """Runs a plan on a database."""

    async def execute(
        self,
        ctx: Context,
        plan: Plan,
        target: Target,
        execution: Execution,
        *,
        connection: Connection | None = None,
    ) -> ExecutionReport:
        """Run every statement, in order or by level, as ``execution`` says.

        Where ``execution.atomic``, an error leaves the database as it was, save for statements that PostgreSQL
        cannot run in a transaction. ``connection`` is one to ``target`` that the caller has and keeps: it is used
        instead of new ones, and its session is left as it was found. Raises ``StatementFailed`` with file, line,
        column and the line itself, ``Busy`` naming who holds a lock, ``OutcomeUnknown`` where nobody can tell whether
        an interrupted statement took place.
        """
        ...


@runtime_checkable
class TransferEngine(Protocol):
    """Moves rows between databases."""

    def accepts(self, task: TransferTask, masks: Sequence[Mask] = ()) -> bool:
        """Whether this engine can do the task."""
        ...

    async def transfer(self, ctx: Context, task: TransferTask, masks: Sequence[Mask] = ()) -> TransferReport:
        """Move the rows, all of them or none: in one transaction of the target, with ``before`` and ``after``.

        The source is only read. Raises ``Refused`` where query, masks, columns and table do not fit each other, before
        a row moves; errors name the table and the side, and hold no value of any row.
        """
        ...


@runtime_checkable
class SurveyingEngine(TransferEngine, Protocol):
    """A transfer engine that can say beforehand whether, how and how fast it would do a task. Optional."""

    async def survey(
        self, ctx: Context, tasks: Sequence[TransferTask], *, stands_for: Target | None = None, sample: bool = True
    ) -> Sequence[TransferSurvey]:
        """One answer to each task, in their order. Nothing is changed on either side, but for what is rolled back.

        ``sample`` False: no row is read to measure rates.

        The tasks' target may be a scratch database with the schema of one that is not there yet, ``stands_for``: what
        depends on the server (extensions, connectivity) is asked of that one's.
        """
        ...


@runtime_checkable
class PreparingEngine(TransferEngine, Protocol):
    """A transfer engine that needs something on the target, an extension say, before many tasks. Optional."""

    async def prepare(self, ctx: Context, tasks: Sequence[TransferTask]) -> None:
        """Make what the tasks need; once before them, and again by each run that goes on with them."""
        ...

    async def remove(self, ctx: Context, target: Target) -> Sequence[str]:
        """Remove what :meth:`prepare` made on ``target``, and nothing that was there before; say what it was."""
        ...


@runtime_checkable
class Anonymizer(Protocol):
    """A kind of mask, under the name that rules give it: ``{kind: hash}`` asks for the anonymizer ``hash``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """What the rule does, as SQL over what ``scope`` gives: its own options are ``rule.options``.

        The expression may be of any type that has a cast to the column's. NULL, ``when`` and the other keys that all
        kinds have are seen to by the caller. Raises ``ConfigError``, made by ``rule.error``, for options that it has
        not and for a column that it cannot mask.
        """
        ...


@runtime_checkable
class Capture(Protocol):
    """Tells which rows of a database change, while it goes on serving. ``name`` tells one capture from another there.

    A change is told once its transaction can be seen, and is told again until it is acknowledged. What a changed row
    holds now is read by whoever asks, in the snapshot that showed the change: never from the capture.
    """

    async def preflight(
        self, ctx: Context, source: Target, tables: Sequence[CapturedTable]
    ) -> Sequence[CaptureFinding]:
        """What is in the way: privileges, settings, tables without a key. Nothing is changed."""
        ...

    async def install(self, ctx: Context, source: Target, name: str, tables: Sequence[CapturedTable]) -> None:
        """Begin to capture. Every change that commits after this has returned is told; again is no error.

        Raises ``Busy`` naming who holds a table for too long: what was installed is then taken away again.
        """
        ...

    async def verify(self, ctx: Context, source: Target, name: str, tables: Sequence[CapturedTable]) -> None:
        """Raise ``CaptureBroken`` naming the table where anything of it is missing, disabled or of another shape.

        Where partitions came or went and nothing else, it says so, and ``install`` takes that in: what is in new ones
        is told, or the table is told as emptied.
        """
        ...

    async def poll(self, connection: Connection, name: str, *, limit: int | None = None) -> Changes:
        """The changes that are not yet acknowledged, about ``limit`` of them at most; None: all that can be seen.

        ``connection`` is in a transaction that is REPEATABLE READ and READ ONLY, and has read nothing before: the rows
        are read in it afterwards.
        """
        ...

    async def guard(self, connection: Connection, name: str, changes: Changes) -> bool:
        """Whether the snapshot of ``connection`` sees each change of ``changes``; where not, take a new one."""
        ...

    async def ack(self, ctx: Context, source: Target, name: str, changes: Changes) -> None:
        """Exactly these have been dealt with, for good. Again is no error."""
        ...

    async def backlog(self, connection: Connection, name: str) -> Backlog:
        """What waits to be polled; cheap."""
        ...

    async def drained(self, connection: Connection, name: str) -> bool:
        """Whether nothing is left to poll. It says something only while nobody can write."""
        ...

    async def uninstall(self, ctx: Context, source: Target, name: str) -> Sequence[str]:
        """Remove all that :meth:`install` made, and say what it was; nothing to remove is no error."""
        ...


@runtime_checkable
class CountingCapture(Capture, Protocol):
    """A capture that may be left unread for weeks, at the cost of its own log, and counts what is in there. Optional.

    One that keeps a server's WAL until it is read is none. A cutover has it count what a rollback would lose.
    """

    async def tally(self, connection: Connection, name: str) -> Mapping[str, int]:
        """By label of each table that is captured, how many changes wait to be polled; emptying a table is one.

        Raises ``CaptureBroken`` where it is not installed.
        """
        ...


@runtime_checkable
class Switch(Protocol):
    """Leads applications from one database to another at a cutover, and back at a rollback.

    The caller has both databases closed for writes between :meth:`hold` and :meth:`release`.
    """

    async def preflight(self, ctx: Context, old: Target, new: Target) -> Sequence[CaptureFinding]:
        """What is in the way, found before a cutover begins. Nothing is changed."""
        ...

    async def hold(self, ctx: Context, old: Target, new: Target, *, timeout_s: float) -> None:
        """Have applications wait, where this switch can; before their database is closed for writes."""
        ...

    async def switch(self, ctx: Context, old: Target, new: Target) -> tuple[Target, Target]:
        """Lead them to ``new``; where both are afterwards: a switch may have given them other names.

        The decision has been written by then: a crash in here is followed by another call, so that it must do what is
        left to do, and may find it done.
        """
        ...

    async def release(self, ctx: Context, old: Target, new: Target) -> None:
        """Let those go on that :meth:`hold` has wait: after :meth:`switch`, or where a cutover was given up."""
        ...


@runtime_checkable
class DirectedSwitch(Switch, Protocol):
    """A switch that a request can tell how to switch, in one text. Optional."""

    def directed(self, how: str) -> Switch:
        """The same, told so, instead of by what is configured. Raises ``UsageError`` for a text that it cannot use."""
        ...


@runtime_checkable
class HoldingSwitch(Switch, Protocol):
    """A switch that knows whether applications still wait. Optional."""

    async def check_held(self, ctx: Context, old: Target, new: Target) -> None:
        """Raise where one of them no longer does since :meth:`hold`: asked last, before it is decided to switch.

        Writers wait meanwhile, so it has to be quick. What it raises has the cutover given up, with everything as it
        was.
        """
        ...


@runtime_checkable
class Server(Protocol):
    """Finds or runs the PostgreSQL server of an environment. An environment's ``server`` key chooses by name."""

    async def acquire(self, ctx: Context, environment: Environment) -> Target:
        """The address of the environment's database, its server running. The database itself need not exist."""
        ...

    async def status(self, ctx: Context, environment: Environment) -> ServerStatus:
        """What is known of the server, without starting it. Never raises for a server that is away."""
        ...

    async def check(self, ctx: Context, target: Target, features: Sequence[str], extensions: Sequence[str]) -> None:
        """Whether the server has what a schema needs (``confiture.sql.features_named``), before anything runs.

        Raises ``FeatureMissing`` naming what is missing and the ways out.
        """
        ...

    async def stop(self, ctx: Context, environment: Environment) -> bool:
        """Stop the server if confiture runs it; whether there was anything to stop."""
        ...


@runtime_checkable
class Medium(Protocol):
    """A way of migrating. ``request_type`` is a msgspec struct; ``run`` takes one and returns a report struct."""

    @property
    def request_type(self) -> type[Any]:
        """The struct that :meth:`run` takes; keyword arguments and JSON are converted to it."""
        ...

    async def run(self, ctx: Context, request: Any) -> Any:
        """Do it, and say what was done as a frozen msgspec struct."""
        ...
