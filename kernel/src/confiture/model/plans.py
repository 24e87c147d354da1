"""Statements, plans, and how an executor runs them."""

from __future__ import annotations

import msgspec

__all__ = [
    "Effects",
    "Execution",
    "ExecutionReport",
    "Hazard",
    "Measurement",
    "Origin",
    "Plan",
    "SourceFile",
    "Statement",
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
