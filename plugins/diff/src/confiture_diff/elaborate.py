"""A side's schema: read in place, remembered, or read from a scratch database that its DDL was run on."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from confiture.config.project import MigrationsConfig
from confiture.hooks import DIFFER, INSPECTOR
from confiture.model import DiffOptions, Note, Plan, Schema
from confiture.owners import without_extension_versions
from confiture_diff.exclusions import exclude
from confiture_diff.owners import without_scratch_role
from confiture_diff.scratch import open_loaded
from confiture_diff.scripts import Script, read_ddl
from confiture_diff.snapshots import Snapshots, cache_folder, snapshot_key

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context
    from confiture_diff.model import DiffConfig, DiffRequest
    from confiture_diff.sides import Side

__all__ = ["Elaboration"]


class Elaboration:
    """One side on its way to a schema. Its scratch databases end with ``stack``.

    ``other_live``: whether the other side is a live database (see ``owners``).
    """

    def __init__(
        self,
        ctx: Context,
        side: Side,
        which: str,
        *,
        other_live: bool,
        config: DiffConfig,
        request: DiffRequest,
        stack: AsyncExitStack,
    ) -> None:
        self.side = side
        self._ctx = ctx
        self._which = which
        self._other_live = other_live
        self._config = config
        self._request = request
        self._stack = stack
        self._script: Script | None = None
        self._copy: Target | None = None
        self._copying = anyio.Lock()
        self._raw: Schema | None = None
        self._known_key: str | None = None
        self._snapshots = Snapshots(cache_folder(), config.keep_snapshots)

    async def schema(self) -> Schema:
        """The side's schema, ready to be compared. Raises ``SourceError``, ``ExecutionError`` for wrong DDL."""
        if self.side.target is not None:
            self._raw = await self._inspect(self.side.target)
            return self.as_compared(self._raw)
        if not await self.remembered():
            self._raw = await self._inspect(await self.copy())
            if key := await self._key():
                self._snapshots.keep(key, self._raw)
        assert self._raw is not None
        return self.as_compared(self._raw)

    async def remembered(self) -> bool:
        """Whether the schema is known from an earlier run."""
        if self._raw is None and not self.side.live and (key := await self._key()):
            self._raw = self._snapshots.find(key)
        return self._raw is not None

    async def inspect_copy(self, target: Target) -> Schema:
        """The schema of a scratch database that stands for this side."""
        return self.as_compared(await self._inspect(target))

    def as_compared(self, schema: Schema) -> Schema:
        """A schema that a scratch database gave, in the terms of the comparison."""
        if not self.side.live or self._request.unowned:
            schema = without_scratch_role(schema, other_live=self._other_live or self.side.live)
        if self.side.live != self._other_live and any(each.kind == "extension" for each in schema.objects):
            schema = without_extension_versions(schema)
        return self._without_excluded(schema)

    def extension_versions(self) -> dict[str, str]:
        """The version of each extension as it was read, also where versions are not compared."""
        found = self._raw.objects if self._raw is not None else ()
        return {each.identity: str(each.properties.get("version")) for each in found if each.kind == "extension"}

    async def copy(self) -> Target:
        """The side on a scratch database, made when it is first asked for."""
        async with self._copying:
            if self._copy is None:
                self._copy = await self.fresh_copy(self._stack)
            return self._copy

    async def fresh_copy(self, stack: AsyncExitStack) -> Target:
        """One more scratch database with this side's schema; it lives as long as ``stack``."""
        return await open_loaded(self._ctx, await self._plan(), self._which, stack)

    async def _plan(self) -> Plan:
        if self.side.live:
            return await self._recreation()
        return (await self._read()).plan

    async def _recreation(self) -> Plan:
        """Statements that make a copy of a live database's schema."""
        assert self._raw is not None
        async with self._ctx.scratch("empty") as target:
            empty = await self._inspect(target)
        differ = self._ctx.get(DIFFER, self._config.differ)
        return await differ.diff(
            self._ctx, empty, self._without_excluded(self._raw), DiffOptions(online=False, target_version=18)
        )

    async def _read(self) -> Script:
        if self._script is None:
            # In a thread: the other side's statements are on their way to the server meanwhile.
            self._script = await anyio.to_thread.run_sync(read_ddl, self.side.files)
            if self._script.left_out:
                left_out = ", ".join(self._script.left_out)
                self._ctx.emit(Note(message=f"{self.side.shown}: no part of a schema, left out: {left_out}"))
        return self._script

    async def _inspect(self, target: Target) -> Schema:
        return await self._ctx.get(INSPECTOR, self._config.inspector).inspect(self._ctx, target)

    def _without_excluded(self, schema: Schema) -> Schema:
        own = self._ctx.settings("migrations", MigrationsConfig)
        return exclude(schema, (*self._config.exclude, *self._request.exclude), own)

    async def _key(self) -> str | None:
        """What the schema is remembered by; None where it is not to be."""
        if not self._request.cache or self._config.keep_snapshots <= 0:
            return None
        if self._known_key is not None:
            return self._known_key
        server = await self._ctx.scratch_server()
        named: tuple[str, ...] = ()
        if any("extension" in file.sql.lower() for file in self.side.files):
            from confiture.sql import extensions_named

            named = tuple(name for name, _ in extensions_named((await self._read()).plan))
        async with self._ctx.connect_maintenance(server) as connection:
            version = await connection.fetchval("SELECT version() || ' ' || current_user")
            extensions = await connection.fetch(
                "SELECT name || ' ' || version AS name FROM pg_available_extension_versions"
                " WHERE name = ANY($1) ORDER BY 1",
                list(named),
            ) if named else []  # fmt: skip
        inspector = self._ctx.get(INSPECTOR, self._config.inspector)
        # No part of the contract: an inspector without it is told from others by its name alone.
        code = getattr(inspector, "code_version", None)
        self._known_key = snapshot_key(
            self.side.files,
            self._config.inspector,
            code(self._ctx) if code else "",
            version,
            *(row["name"] for row in extensions),
        )
        return self._known_key
