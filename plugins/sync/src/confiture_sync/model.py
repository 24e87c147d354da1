"""What the medium ``sync`` is asked for, and what it says that it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

__all__ = ["Check", "Finding", "SyncReport", "SyncRequest", "TableReport"]


class SyncRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Copy rows of ``source`` into ``target``, each an environment's name or a connection string.

    Names of tables are ``[schema.]table``, with ``*`` as a wildcard, quoted where they are odd. ``tables``: those that
    are copied, all where there is none; ``exclude`` takes some of them out. ``anonymize``: columns (``users.email``)
    that must be masked, by their rule or by the default for what they look like. ``config``: the file of rules.
    ``keep``: columns that may leave as they are, and why. ``mask`` False: nothing is masked; then ``confirm`` must be
    the target's name.

    Subsets: ``where`` (SQL over the raw row), ``sample`` (``"1%"``, or ``"all"``) and ``ids`` (texts of the primary
    key) are seeds by table; ``""`` stands for every table. ``children``: foreign keys (``posts.user_id``) that are
    followed from parent to child. ``cut``: nullable ones that become NULL where the parent is not copied.
    ``with_parents``: tables that are referenced are copied too, though they were not named. ``max_rows``: refuse to
    copy more, in all.

    Rows that are in the target: ``truncate`` takes them out, ``upsert`` replaces those of the same primary key.
    ``allow_remote``: the target may be on another machine. ``jobs``: sessions at once; None: as many as this machine
    and the servers bear.

    ``dry_run``: everything is checked, nothing is written. ``resume``: go on with a run that was cut. ``resumable``:
    what was copied stays after an error or a cancellation, so that it can be resumed; otherwise tables that are not
    complete are emptied. ``verify``: look at the target afterwards.
    """

    source: str
    target: str
    tables: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    anonymize: tuple[str, ...] = ()
    keep: Mapping[str, str] = {}
    config: str | None = None
    mask: bool = True
    confirm: str | None = None
    where: Mapping[str, str] = {}
    sample: Mapping[str, str] = {}
    ids: Mapping[str, tuple[str, ...]] = {}
    children: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    with_parents: bool = False
    max_rows: int | None = None
    truncate: bool = False
    upsert: bool = False
    allow_remote: bool = False
    jobs: int | None = None
    dry_run: bool = False
    resume: bool = False
    resumable: bool = False
    verify: bool = True


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A column that looks personal. ``what``: ``email``, ``phone``...; ``because`` of its name, type or content.

    ``state``: it is ``masked`` by a rule, ``kept`` with a reason, or ``open``. No value of it is anywhere in here.
    """

    column: str
    what: str
    because: tuple[Literal["name", "type", "content"], ...]
    state: Literal["masked", "kept", "open"] = "open"
    reason: str | None = None


class TableReport(msgspec.Struct, frozen=True, kw_only=True):
    """One table. ``masked`` and ``kept`` are its columns; ``client``: masked columns whose raw values left the source.

    ``rows`` are those that the target took, in this run and in those that it resumed; in a dry run, the rows that would
    be copied, or an estimate of them. ``chunks``: in how many parts. ``binary``: in which form they travelled.
    ``rules`` says of each masked or kept column which rule it is, and where it was written. ``reads``: by column, the
    columns whose raw values its mask is made from, beside its own.
    """

    table: str
    rows: int
    bytes: int = 0
    seconds: float = 0.0
    chunks: int = 1
    binary: bool = True
    masked: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    rules: Mapping[str, str] = {}
    reads: Mapping[str, tuple[str, ...]] = {}
    subset: str | None = None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was looked at after the run. ``detail`` has counts and names, never a value."""

    name: Literal["rows", "foreign-key", "unique", "leak", "constraint", "sequence"]
    what: str
    ok: bool
    detail: str = ""


class SyncReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. ``key`` is the fingerprint of the key that masks were made with.

    ``exit_code`` is what the command ends with: 0, or that of a check that failed.
    """

    source: str
    target: str
    tables: tuple[TableReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()
    key: str | None = None
    run_id: str = ""
    snapshot_seconds: float = 0.0
    seconds: float = 0.0
    dry_run: bool = False
    resumed: bool = False
    exit_code: int = 0

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(table.rows for table in self.tables)
