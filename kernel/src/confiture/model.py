"""The values that plugins exchange. Frozen msgspec structs; no I/O here.

Sizes are bytes, durations seconds, lines and columns count from 1, columns and offsets count characters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

__all__ = [
    "Decisions",
    "DiffOptions",
    "Effects",
    "Event",
    "Execution",
    "ExecutionReport",
    "Grant",
    "Hazard",
    "Logged",
    "Mask",
    "Matching",
    "Measurement",
    "Note",
    "ObjectKey",
    "Origin",
    "Plan",
    "Progress",
    "Question",
    "Rename",
    "Schema",
    "SchemaObject",
    "ServerStatus",
    "SourceFile",
    "Statement",
    "StepFinished",
    "StepStarted",
    "Target",
    "TransferReport",
    "TransferTask",
    "Value",
    "WarningRaised",
]


class SourceFile(msgspec.Struct, frozen=True):
    """One file of DDL. ``path`` is how messages name it (relative to the project, with ``/``); ``sql`` its text."""

    path: str
    sql: str


class Origin(msgspec.Struct, frozen=True):
    """Where a statement begins: file, line and column (from 1), and the offset in characters into the file."""

    file: str
    line: int
    column: int
    offset: int


class Hazard(msgspec.Struct, frozen=True):
    """What a statement may do to a live database, such as ``deletes-data``; the message is for people."""

    kind: str
    message: str


class Effects(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement does to a database in use.

    ``lock`` is the strongest mode that it takes on a relation that is there before it, as PostgreSQL names it
    (``ACCESS EXCLUSIVE``; "" for none worth naming), ``tables`` the identities of the relations so locked.
    ``rewrites``: the whole table is written anew under that lock; ``scans``: it is read whole under that lock.
    ``fails_on_data``: rows may make it fail; ``failing_rows`` is then the query that finds them, where there is one.
    ``loses_data``: what nothing brings back is gone afterwards.
    """

    lock: str = ""
    tables: tuple[str, ...] = ()
    rewrites: bool = False
    scans: bool = False
    fails_on_data: bool = False
    failing_rows: str | None = None
    loses_data: bool = False


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    r"""One SQL statement and what an executor must know of it. Executors obey every field.

    ``sql`` is the statement alone, without its semicolon, exactly as the file has it.
    ``kind`` is the grammar's node name (``CreateStmt``; "" where the statement was not parsed).
    ``transactional`` is False where PostgreSQL refuses the statement inside a transaction block.
    ``session`` is True where it changes the session (SET, SET ROLE, ``set_config``) for all that follow.
    ``copy_data`` is the text that follows ``COPY ... FROM stdin``, without the closing ``\.``: send it through
    the driver's COPY; executing the bare statement would wait for ever.
    ``level``: statements of one level need none of their own level, so an executor may run them at once;
    -1 where that is not known.
    ``undo`` reverses the statement; None where nothing does.
    ``effects`` is what it does to a database in use; None where nobody has looked.
    """

    sql: str
    origin: Origin | None = None
    kind: str = ""
    transactional: bool = True
    session: bool = False
    copy_data: bytes | None = None
    level: int = -1
    undo: str | None = None
    lock_timeout_s: float | None = None
    statement_timeout_s: float | None = None
    hazards: tuple[Hazard, ...] = ()
    effects: Effects | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Statements in the order in which they run.

    ``sources`` are the files that the origins point into. An executor refuses a database whose digest is not
    ``from_digest``, where that is given.
    """

    statements: tuple[Statement, ...]
    sources: tuple[SourceFile, ...] = ()
    from_digest: str | None = None
    to_digest: str | None = None


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """How a plan is to be run.

    ``atomic`` True: all of it in one transaction, save what cannot be. False: in batches that commit, for a
    database that nobody sees yet, or for a single statement that cannot run in a transaction. ``jobs``: connections at
    most; more than one only where not atomic. ``create_roles``: roles that the plan names and the server lacks are
    created without login.

    For a database in use: ``lock_timeout_s`` and ``statement_timeout_s`` are those of every statement that has none of
    its own (None: the session's). A transaction, or a statement outside of one, that met a lock or a deadlock is tried
    again for ``lock_retry_s`` seconds. ``interrupted``: an earlier run may have begun the first statement, and was
    cut: one that runs outside of a transaction is looked for first. ``rollback``: everything is taken back at the end
    (only atomic). ``measure``: report what each statement took. Backfills sleep ``throttle`` seconds for each second
    of work, and while a replica is more than ``max_replica_lag_s`` behind. ``check_bodies`` False: the bodies of
    functions may name what is made after them.
    """

    atomic: bool = True
    jobs: int = 1
    create_roles: bool = False
    lock_timeout_s: float | None = None
    statement_timeout_s: float | None = None
    lock_retry_s: float = 0.0
    interrupted: bool = False
    rollback: bool = False
    measure: bool = False
    throttle: float = 0.0
    max_replica_lag_s: float | None = None
    check_bodies: bool = True


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement took. ``number`` counts the plan's statements from 0; ``locks`` are (mode, relation) pairs as
    pg_locks has them (``AccessExclusiveLock``), of relations that were there before it."""  # noqa: D205, D209

    number: int
    seconds: float
    locks: tuple[tuple[str, str], ...] = ()


class ExecutionReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an executor did. ``rows`` counts the rows loaded by COPY blocks, and those that backfills changed.

    ``retries``: how often a lock made it begin again. ``measured``: where that was asked for.
    """

    statements: int
    rows: int
    seconds: float
    roles_created: tuple[str, ...] = ()
    retries: int = 0
    measured: tuple[Measurement, ...] = ()


class ObjectKey(NamedTuple):
    """What names one object of a schema: its kind and, within that, its identity as SQL text."""

    kind: str
    identity: str


#: What a property of a schema's object may be.
Value: TypeAlias = str | int | bool | tuple[str | None, ...] | None


class Grant(msgspec.Struct, frozen=True, order=True):
    """One privilege of one role. ``grantee`` is SQL text, quoted where needed; ``PUBLIC`` is everybody.

    ``grantor`` is None where the owner granted it.
    """

    grantee: str
    privilege: str
    grantable: bool = False
    grantor: str | None = None


class SchemaObject(msgspec.Struct, frozen=True, kw_only=True):
    """One object of a schema, and what the catalogs say of it as plain values.

    ``kind`` is in the words of ``COMMENT ON`` (``table``, ``column``, ``materialized view``); what an inspector sees
    and does not model has a kind that begins with ``unsupported:``. ``identity`` is SQL text, qualified and quoted
    where needed (``public.users.email``, ``public.f(integer)``), unique within its kind; ``schema`` and ``name`` are
    bare. ``parent`` is what it is a part of and goes away with (a column's table).

    ``properties`` hold what differs from the default only: None, False and empty ones are absent. ``grants`` are
    the privileges beyond those that PostgreSQL gives at birth, ``revoked`` those taken from them. ``owner`` is SQL
    text. No difference, and no part of the digest, are ``position`` (from 1, where it stands among its siblings),
    ``state`` (whether a materialized view has been populated) and ``needs`` (what it depends on).
    """

    kind: str
    identity: str
    properties: Mapping[str, Value]
    schema: str | None = None
    name: str = ""
    parent: ObjectKey | None = None
    owner: str | None = None
    comment: str | None = None
    grants: tuple[Grant, ...] = ()
    revoked: tuple[Grant, ...] = ()
    position: int | None = None
    state: Mapping[str, Value] = {}
    needs: tuple[ObjectKey, ...] = ()

    @property
    def key(self) -> ObjectKey:
        """Its kind and identity."""
        return ObjectKey(self.kind, self.identity)

    @property
    def content(self) -> tuple[Any, ...]:
        """What two objects must have equal to be no difference: all but ``position``, ``state`` and ``needs``."""
        return (
            self.kind,
            self.identity,
            self.parent,
            self.properties,
            self.owner,
            self.comment,
            self.grants,
            self.revoked,
        )


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """Objects sorted by kind and identity; equal schemas have equal digests. Made by :meth:`of`.

    ``digest`` is a SHA-256 of the objects' contents: OIDs, the order of creation, the order of a table's columns, the
    database's name and the server are no part of it. ``server_version`` is ``(major, minor)``, ``role`` who read it,
    as SQL text: what a side made from DDL belongs to is nobody's decision where it is that role.
    """

    objects: tuple[SchemaObject, ...]
    digest: str
    server_version: tuple[int, ...] = ()
    role: str = ""

    @classmethod
    def of(cls, objects: Iterable[SchemaObject], server_version: tuple[int, ...] = (), role: str = "") -> Schema:
        """Sort the objects and take their digest."""
        found = tuple(sorted(objects, key=lambda each: (each.kind, each.identity)))
        encoded = msgspec.json.encode([each.content for each in found], order="sorted")
        digest = hashlib.sha256(encoded).hexdigest()
        return cls(objects=found, digest=digest, server_version=server_version, role=role)

    @property
    def unsupported(self) -> tuple[SchemaObject, ...]:
        """What was seen and is not modelled: to be named to the user, never passed over."""
        return tuple(each for each in self.objects if each.kind.startswith("unsupported:"))


class Rename(msgspec.Struct, frozen=True, kw_only=True):
    """An object of the old schema that has another name, or another schema, in the new one.

    ``score`` is from 0 to 1, ``evidence`` what speaks for it, for people. ``hinted``: somebody said so.
    """

    old: ObjectKey
    new: ObjectKey
    score: float = 1.0
    evidence: tuple[str, ...] = ()
    hinted: bool = False


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is gone, and what it may have become: a differ does not guess. ``renames`` are best first."""

    old: ObjectKey
    renames: tuple[Rename, ...]


class Decisions(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of names, on the command line or by hints in the DDL.

    ``renames`` maps old names to new ones, each written as a person writes it (``users.full_name``, or qualified
    and quoted where needed); the new one may be bare. ``drops`` are names, or patterns with ``*``, of what is
    really meant to go. ``kinds`` of an entry are not given: the names decide.
    """

    renames: tuple[tuple[str, str], ...] = ()
    drops: tuple[str, ...] = ()


class Matching(msgspec.Struct, frozen=True, kw_only=True):
    """Which objects have new names. ``statements`` rename them, in an order that works; ``questions`` stop a plan."""

    renames: tuple[Rename, ...] = ()
    questions: tuple[Question, ...] = ()
    statements: tuple[Statement, ...] = ()


class DiffOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a plan is to be made.

    ``online``: existing tables stay in use while it runs. ``target_version``: the major version of the server that
    it will run on. ``rows``: estimated rows by table's identity, where known. ``drops``: see :class:`Decisions`;
    what would otherwise be refused, since data goes with it, may be dropped and made anew. ``backfills``: of new
    columns that are NOT NULL and have no default, by name as a person writes it, the SQL expression that gives the
    rows that are there a value.
    """

    online: bool = True
    target_version: int = 18
    rows: Mapping[str, int] = {}
    drops: tuple[str, ...] = ()
    backfills: Mapping[str, str] = {}


class Mask(msgspec.Struct, frozen=True, kw_only=True):
    """What replaces a column on its way out.

    ``expression`` is SQL over the row of the task's query, whose columns go by the names of ``TransferTask.columns``:
    it runs on the source, so that the value does not leave it. ``function`` runs in the client: it gets the value as
    it travels (PostgreSQL's binary form of the type, or its text where the transfer is in text; None for NULL) and
    returns what goes in its place. It is a callable or ``"module:object"``. Where a mask has both, the function gets
    what the expression gives.

    A mask kind says the rest too, for the checks before a run. ``uniqueness``: whether values that differ stay so
    (``preserved``), do but for a chance of 1 to 2^``bits`` for two of them (``probable``), or need not (``lossy``).
    ``max_length`` is of its text, in characters; None: not known. ``nullable``: it may give NULL for a value.
    ``omitted``: the column is not copied at all, so that the target's default takes its place.
    """

    column: str = ""
    expression: str = ""
    function: Callable[[bytes | None], bytes | None] | str | None = None
    uniqueness: Literal["preserved", "probable", "lossy"] = "lossy"
    bits: float = 0.0
    max_length: int | None = None
    nullable: bool = False
    omitted: bool = False

    @property
    def runs_in(self) -> Literal["source", "client"]:
        """Where the mask is made: values of one that runs in the client leave the source as they are."""
        return "source" if self.function is None else "client"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A database that can be connected to. ``params`` are libpq's keywords; they may hold a password.

    ``label`` is how messages name it (the environment's name), ``managed`` True where the server belongs to
    confiture, so that roles may be created on it, ``protected`` where nothing may be destroyed.
    """

    label: str
    params: Mapping[str, str]
    managed: bool = False
    protected: bool = False

    @property
    def database(self) -> str:
        """The database's name, as libpq resolves it: ``dbname``, else the user's name."""
        return self.params.get("dbname") or self.params.get("user") or "postgres"

    def with_database(self, name: str) -> Target:
        """The same server and role, another database."""
        return msgspec.structs.replace(self, params={**self.params, "dbname": name})

    def __repr__(self) -> str:
        return f"Target(label={self.label!r}, database={self.database!r})"


class TransferTask(msgspec.Struct, frozen=True, kw_only=True):
    """Rows to move: ``query`` runs on the source, its columns go to ``columns`` of ``table`` on the target.

    ``table`` is SQL text, qualified and quoted where needed; ``columns`` are bare names, as many as the query has.
    ``snapshot`` is one that a session of the source exported and still holds (``confiture.transfer``).
    ``settings`` are set on the source for the query, which reads them with ``current_setting('name')``: keys and lists
    of keys belong there, since the text of a query is in pg_stat_activity and in logs. ``before`` and ``after`` run on
    the target, in the transaction of the rows. ``binary`` False: the rows travel as text, so that each value is read
    anew by the column's type. ``step``: ``Progress`` in rows runs under that name, in bytes under ``<step>.bytes``;
    "" for none.
    """

    source: Target
    target: Target
    table: str
    columns: tuple[str, ...]
    query: str
    estimated_rows: int | None = None
    snapshot: str | None = None
    settings: Mapping[str, str] = {}
    before: tuple[Statement, ...] = ()
    after: tuple[Statement, ...] = ()
    binary: bool = True
    step: str = ""

    def __repr__(self) -> str:
        """Without the settings' values: they may be keys."""
        return (
            f"TransferTask(source={self.source!r}, target={self.target!r}, table={self.table!r}, "
            f"columns={self.columns!r}, query={self.query!r}, settings={sorted(self.settings)!r})"
        )


class TransferReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a transfer engine did. ``rows`` are those that the target took, ``bytes`` what went over, as it travelled.

    ``binary``: in PostgreSQL's binary form, or as text.
    """

    rows: int
    bytes: int
    seconds: float
    binary: bool = True


class ServerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a server. ``state`` is ``running``, ``stopped`` or ``unreachable``.

    ``since`` is an ISO 8601 time, ``size_bytes`` what its data takes on disk, ``detail`` why it is unreachable.
    """

    state: Literal["running", "stopped", "unreachable"]
    address: str
    version: str | None = None
    data: str | None = None
    pid: int | None = None
    since: str | None = None
    size_bytes: int | None = None
    idle_minutes: float | None = None
    detail: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """The base of what a run tells its observers."""


class StepStarted(Event, frozen=True, kw_only=True):
    """A step begins. ``step`` names it for programs (``build.execute``), ``label`` for people."""

    step: str
    label: str


class Progress(Event, frozen=True, kw_only=True):
    """How far a step is. Only the newest of each step is kept for a slow subscriber."""

    step: str
    done: int
    total: int | None = None
    unit: str = "statements"


class StepFinished(Event, frozen=True, kw_only=True):
    """A step ended well."""

    step: str
    seconds: float
    summary: str = ""


class Note(Event, frozen=True, kw_only=True):
    """Something worth telling that asks for nothing."""

    message: str


class WarningRaised(Event, frozen=True, kw_only=True):
    """Something that the user should look at; the run goes on."""

    message: str
    hint: str | None = None


class Logged(Event, frozen=True, kw_only=True):
    """A line for the log, with its fields; shown only with ``--verbose``."""

    message: str
    fields: Mapping[str, str | int | float | bool | None] = {}
