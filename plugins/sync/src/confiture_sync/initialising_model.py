"""What the medium ``sync-init`` is asked for, and what it says that it did."""

from __future__ import annotations

import msgspec

from confiture_sync.model import Finding

__all__ = ["SyncInitReport", "SyncInitRequest"]


class SyncInitRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Look at ``source``, an environment's name or a connection string, and write the first rules.

    ``tables`` and ``exclude`` as of ``SyncRequest``. ``config`` is the file to write, by default
    ``db/sync_config.yaml``. ``force``: write it anew, though there is one. ``accept``: write the list of columns that
    somebody has looked at, as they are now, and no rules.
    """

    source: str
    tables: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    config: str | None = None
    force: bool = False
    accept: bool = False


class SyncInitReport(msgspec.Struct, frozen=True, kw_only=True):
    """What looks personal in the source, and what was written. No value of a row is anywhere in here.

    ``findings`` are in the state that they have after this run: ``masked``, ``kept`` or ``open``. ``rules`` are those
    that were written, by column, as they stand in the file ``config``; () where it was there already. ``unfitting``:
    columns for which no rule of their class fits. ``changed``: what ``coverage``, the list of columns, has learnt: new
    columns, those that are gone, and other types. ``written`` are the files, as messages name them.
    """

    source: str
    config: str
    coverage: str
    findings: tuple[Finding, ...] = ()
    rules: dict[str, str] = {}
    unfitting: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    written: tuple[str, ...] = ()

    @property
    def open(self) -> tuple[Finding, ...]:
        """What nobody has decided about."""
        return tuple(finding for finding in self.findings if finding.state == "open")
