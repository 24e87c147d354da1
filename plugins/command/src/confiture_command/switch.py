"""The switch ``command``: programs of the user's own lead the applications to the new database."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import Busy, ConfigError, ExecutionError, UsageError
from confiture.model import CaptureFinding
from confiture.programs import public_url, run_program, secrets_of
from confiture_command.config import SECTION, CommandConfig

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["CommandSwitch"]

_HINT = 'name it in confiture.toml: [command] switch = ["./switch.sh"]'


class CommandSwitch:
    """A :class:`confiture.protocols.DirectedSwitch`. ``how``: what is run to switch, instead of what is configured."""

    def __init__(self, how: Sequence[str] = ()) -> None:
        self._how = tuple(how)

    def directed(self, how: str) -> CommandSwitch:
        """To switch by the command ``how``: split as a shell would, and run without one."""
        try:
            argv = shlex.split(how)
        except ValueError as error:
            raise UsageError(f"the command cannot be read: {str(error).lower()}", hint="close its quotes") from error
        return CommandSwitch(argv)

    async def preflight(self, ctx: Context, old: Target, new: Target) -> Sequence[CaptureFinding]:
        """Whether the programs are there. They are not run."""
        config = self._config(ctx)
        found = [] if config.switch else [_error("no program is named that switches", _HINT)]
        for step in ("hold", "switch", "release"):
            argv: tuple[str, ...] = getattr(config, step)
            if argv and not _there(ctx, argv[0]):
                found.append(
                    _error(
                        f"the program {argv[0]!r} ({step}) is not there, or may not be run",
                        "a path is relative to the project; anything else is searched for on the PATH",
                    )
                )
        if config.hold and not config.release:
            found.append(
                CaptureFinding(
                    level="warning",
                    message="there is a program that has applications wait (hold), and none that lets them go on",
                    hint="name one in confiture.toml, [command] release, for a cutover that is given up",
                )
            )
        return found

    async def hold(self, ctx: Context, old: Target, new: Target, *, timeout_s: float) -> None:
        """Run ``hold``. Where it fails or takes too long, ``release`` is run. Raises ``Busy``, ``ExecutionError``."""
        try:
            await self._run(ctx, "hold", old, new, within_s=timeout_s)
        except ExecutionError as error:
            await self._run(ctx, "release", old, new)
            raise Busy(error.message, detail=error.detail, hint=error.hint) from error

    async def switch(self, ctx: Context, old: Target, new: Target) -> tuple[Target, Target]:
        """Run ``switch``; the databases are where they were. Raises ``ExecutionError``, ``ConfigError``."""
        if not self._config(ctx).switch:
            raise ConfigError("no program is named that switches", hint=_HINT)
        await self._run(ctx, "switch", old, new)
        return old, new

    async def release(self, ctx: Context, old: Target, new: Target) -> None:
        """Run ``release``. Raises ``ExecutionError``."""
        await self._run(ctx, "release", old, new)

    def _config(self, ctx: Context) -> CommandConfig:
        config = ctx.settings(SECTION, CommandConfig)
        if not self._how:
            return config
        return CommandConfig(hold=config.hold, switch=self._how, release=config.release, seconds=config.seconds)

    async def _run(self, ctx: Context, step: str, old: Target, new: Target, *, within_s: float | None = None) -> None:
        config = self._config(ctx)
        argv: tuple[str, ...] = getattr(config, step)
        if argv:
            await run_program(
                [_there(ctx, argv[0]) or argv[0], *argv[1:]],
                folder=ctx.project.root,
                variables={
                    "CONFITURE_STEP": step,
                    "CONFITURE_OLD_URL": public_url(old),
                    "CONFITURE_NEW_URL": public_url(new),
                },
                within_s=config.seconds if within_s is None else within_s,
                secrets=secrets_of(old, new),
            )


def _there(ctx: Context, name: str) -> str | None:
    """Its path, where it may be run: below the project's root where ``name`` has a slash, else on the PATH."""
    return shutil.which(str(ctx.project.root / name) if os.sep in name else name)


def _error(message: str, hint: str) -> CaptureFinding:
    return CaptureFinding(level="error", message=message, hint=hint)
